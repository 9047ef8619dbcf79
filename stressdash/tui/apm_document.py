"""The tabs of the APM views as lines. Knows no widgets' state; text from outside is cleaned here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from stressdash.charts.units import UNKNOWN, duration, grouped, percent, si, size
from stressdash.samples import (
    Breakdown,
    Dependency,
    FoundService,
    LatencyBand,
    LatencyDistribution,
    ProcessMetric,
    Scope,
    ServiceFigures,
    TransactionGroup,
    TransactionSample,
)
from stressdash.samples.apm_page import ApmPage
from stressdash.text import clock_words
from stressdash.tui.lines import Line, clean, fit
from stressdash.tui.widgets.listing import Item

__all__ = ["BAND", "NAME", "TRACE", "page_items", "scope_choices", "scope_words"]

NAME, BAND, TRACE = "name-", "band-", "trace-"
"""What the id of an item begins with: a transaction's name, a band's lower edge, a trace's id."""
REQUEST = Scope().transaction_type
FIGURES = (8, 9)
"""Cells of a figure, where there is little room and where there is more."""
ROOMY = 100
BAR = "█"
HALF_BAR = "▌"
LONGEST_BAR = 40
SHORTEST_NAME = 16
PERCENTILES = ("p50", "p95", "p99")


def page_items(page: ApmPage, width: int) -> list[Item]:
    """All lines of a tab."""
    make: Mapping[str, Callable[[ApmPage, int], list[Item]]] = {
        "services": _services,
        "transactions": _transactions,
        "latency": _latency,
        "dependencies": _dependencies,
    }
    return make[page.tab](page, width)


def scope_choices(found: Sequence[FoundService]) -> list[Scope]:
    """All services together, each alone, and what each can be narrowed down to when that is more than one."""
    scopes = [Scope()]
    for service in found:
        scopes.append(Scope(service.name))
        if len(service.environments) > 1:
            scopes += [Scope(service.name, environment) for environment in service.environments]
        kinds = [kind for kind in service.transaction_types if kind != REQUEST]
        scopes += [Scope(service.name, None, kind) for kind in kinds]
    return scopes


def scope_words(scope: Scope) -> str:
    """`stats, environment production`."""
    words = clean(scope.service) if scope.service is not None else "all services"
    if scope.environment is not None:
        words += f", environment {clean(scope.environment)}"
    return words if scope.transaction_type == REQUEST else f"{words}, type {clean(scope.transaction_type)}"


# --- services


def _services(page: ApmPage, width: int) -> list[Item]:
    if not page.services:
        return [_words("APM has no transaction of this time yet.")]
    columns = ("tx/s", "failed", "mean", "p95", "errors")
    items = [_header("service", columns, width)]
    items += [_service(one, page.length_s, width) for one in page.services]
    items += [_words(""), *_breakdown(page.breakdown, width)]
    return [*items, *_process(page.process), _words(clock_words(page.clock))]


def _service(one: ServiceFigures, seconds: float, width: int) -> Item:
    cells = [
        _rate(one.transactions, seconds),
        *_failed(one.failed, one.transactions),
        _us(one.mean_us),
        _us(one.p95_us),
        (grouped(one.errors), "bad" if one.errors else "text"),
    ]
    return _row(one.name, cells, width)


def _breakdown(breakdown: Breakdown, width: int) -> list[Item]:
    total = sum(part.sum_us for part in breakdown.parts)
    if not total:
        return [_words("The agent reports no breakdown of its time.")]
    items = [_header("its own time by kind of span", ("share", "each", "spans"), width, bar=True)]
    for part in breakdown.parts:
        name = f"{part.type} {part.subtype}".strip()
        cells = [
            (percent(part.sum_us / total), "strong"),
            _us(part.sum_us / part.count if part.count else None),
            (grouped(part.count), "text"),
        ]
        items.append(_row(name, cells, width, share=part.sum_us / total))
    return items


def _process(process: ProcessMetric | None) -> list[Item]:
    if process is None:
        return []
    memory = UNKNOWN if process.rss_bytes is None else size(process.rss_bytes)
    line: Line = [
        ("process  cpu ", "dim"),
        (percent(process.cpu_share), "strong"),
        ("  machine ", "dim"),
        (percent(process.system_cpu_share), "strong"),
        ("  memory ", "dim"),
        (memory, "strong"),
    ]
    return [_words(""), Item(tuple(line))]


# --- transactions


def _transactions(page: ApmPage, width: int) -> list[Item]:
    if not page.transactions:
        return [_words("APM has no transaction of this time yet.")]
    whole_us = sum(one.total_us for one in page.transactions)
    columns = ("tx/s", "failed", "mean", *PERCENTILES, "impact")
    items = [_header("transaction", columns, width, bar=True)]
    for one in page.transactions:
        share = one.total_us / whole_us if whole_us else 0.0
        cells = [*_figures(one, page.length_s), (percent(share), "strong")]
        items.append(_row(one.name, cells, width, share=share, item_id=f"{NAME}{one.name}"))
    return items


def _figures(one: TransactionGroup, seconds: float) -> list[tuple[str, str]]:
    return [
        _rate(one.transactions, seconds),
        *_failed(one.failed, one.transactions),
        _us(one.mean_us),
        _us(one.p50_us),
        _us(one.p95_us),
        _us(one.p99_us),
    ]


# --- latency


def _latency(page: ApmPage, width: int) -> list[Item]:
    found = page.distribution
    if not found.bands:
        return [_words("APM has no transaction of this time yet.")]
    of: Line = [("latency of ", "dim"), (clean(page.name or "all transactions"), "strong")]
    of += [(f"  {grouped(found.transactions)}×", "dim")]
    for name in PERCENTILES:
        of += [(f"  {name} ", "dim"), (duration(getattr(found, f"{name}_us")), "strong")]
    items = [Item(tuple(of))]
    largest = max(band.transactions for band in found.bands)
    items += [_band(band, found, largest, width) for band in found.bands]
    if page.samples:
        items += [_words(""), _words("slowest that can be opened; enter on a band confines them to it")]
    return items + [_sample(one, width) for one in page.samples]


def _band(band: LatencyBand, found: LatencyDistribution, largest: float, width: int) -> Item:
    high = "" if band.high_us is None else duration(band.high_us)
    marks = [name for name in PERCENTILES if _holds(band, getattr(found, f"{name}_us"))]
    bar_width = max(8, min(LONGEST_BAR * 2, width - 44))
    good = band.transactions - band.failed
    line: Line = [
        (f"  {duration(band.low_us):>8} – {high:<8} ", "dim"),
        *_bar(good / largest, bar_width, "series-1"),
        *_bar(band.failed / largest, bar_width, "bad"),
        (f" {grouped(band.transactions)}" if band.transactions else "", "text"),
        (f"  ◂ {' '.join(marks)}" if marks else "", "warn"),
    ]
    return Item(tuple(line), f"{BAND}{band.low_us}")


def _holds(band: LatencyBand, value_us: float | None) -> bool:
    return value_us is not None and band.low_us <= value_us < (band.high_us or float("inf"))


def _sample(one: TransactionSample, width: int) -> Item:
    at = datetime.fromtimestamp(one.at_ms / 1e3).astimezone().strftime("%H:%M:%S.%f")[:-3]
    failed = one.outcome == "failure"
    line: Line = [
        (f"  {at} ", "dim"),
        (f"{duration(one.duration_us):>8} ", "strong"),
        (fit(clean(one.result or one.outcome), 12), "bad" if failed else "text"),
        (fit(clean(one.name), max(8, width - 36)), "text"),
    ]
    return Item(tuple(line), f"{TRACE}{one.trace_id}")


# --- dependencies


def _dependencies(page: ApmPage, width: int) -> list[Item]:
    if not page.dependencies:
        return [_words("No sampled transaction of this time called anything that it names.")]
    whole_us = sum(_total_us(one) for one in page.dependencies)
    items = [_header("dependency", ("calls/s", "failed", "mean", *PERCENTILES, "impact"), width, bar=True)]
    for one in page.dependencies:
        share = _total_us(one) / whole_us if whole_us else 0.0
        cells = [
            _rate(one.calls, page.length_s),
            *_failed(one.failed, one.calls),
            _us(one.mean_us),
            _us(one.p50_us),
            _us(one.p95_us),
            _us(one.p99_us),
            (percent(share), "strong"),
        ]
        items.append(_row(one.resource, cells, width, share=share))
        items += _operations(one, page.length_s, width)
    return items


def _operations(one: Dependency, seconds: float, width: int) -> list[Item]:
    return [
        _row(f"  {name}", [_rate(calls, seconds)], width, role="dim")
        for name, calls in one.operations.items()
    ]


def _total_us(one: Dependency) -> float:
    return one.calls * (one.mean_us or 0.0)


# --- rows


def _row(
    name: str,
    cells: Sequence[tuple[str, str]],
    width: int,
    *,
    share: float | None = None,
    item_id: str = "",
    role: str = "text",
) -> Item:
    room = max(
        SHORTEST_NAME, width - _figure(width) * len(cells) - (0 if share is None else _bar_room(width))
    )
    line: Line = [(fit(clean(name), room), role)]
    line += [(fit(text, _figure(width), right=True), ink) for text, ink in cells]
    if share is not None and _bar_room(width):
        line += [("  ", "text"), *_bar(share, _bar_room(width) - 2, "series-0")]
    return Item(tuple(line), item_id)


def _header(name: str, columns: Sequence[str], width: int, *, bar: bool = False) -> Item:
    room = max(SHORTEST_NAME, width - _figure(width) * len(columns) - (_bar_room(width) if bar else 0))
    cells = "".join(fit(column, _figure(width), right=True) for column in columns)
    return Item(((fit(name, room) + cells, "dim"),))


def _figure(width: int) -> int:
    return FIGURES[width >= ROOMY]


def _bar_room(width: int) -> int:
    return 0 if width < 110 else min(LONGEST_BAR, (width - 90) // 2)


def _bar(share: float, width: int, role: str) -> Line:
    halves = round(2 * width * max(0.0, min(1.0, share)))
    if share > 0 and not halves:
        halves = 1
    return [(BAR * (halves // 2) + HALF_BAR * (halves % 2), role)] if halves else []


def _rate(count: float, seconds: float) -> tuple[str, str]:
    return si(count / seconds), "strong"


def _failed(failed: float, of: float) -> list[tuple[str, str]]:
    share = failed / of if of else None
    return [(percent(share), "bad" if failed else "text")]


def _us(value: float | None) -> tuple[str, str]:
    return duration(value), "text"


def _words(text: str) -> Item:
    return Item(((f"  {text}" if text else "", "dim"),))
