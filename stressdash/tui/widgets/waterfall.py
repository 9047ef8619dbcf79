"""A trace as bars on one time line: what the client waited for above what the service did meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stressdash.charts.units import duration
from stressdash.samples import Span, Trace
from stressdash.tui.lines import Line, clean, fit

__all__ = ["ClientBar", "trace_lines", "trace_total_us"]

DEEPEST = 8
LONGEST_TRACE = 200
DURATION_WIDTH = 8
NOTE_WIDTH = 10
SHORTEST_BAR = 12


@dataclass(frozen=True, slots=True)
class ClientBar:
    """The client's own view of the request."""

    latency_us: int
    sent_us: int | None
    """Wall clock, microseconds since 1970; None when it cannot be placed on the service's time line."""


def trace_lines(trace: Trace, client: ClientBar | None, width: int) -> list[Line]:
    """One line per span, the client's first, indented by depth; failed ones carry a `!`."""
    spans = [span for span in trace.spans if span.kind != "error"][:LONGEST_TRACE]
    start_us, end_us = _range(spans, client)
    failed = {span.parent_id: span.name for span in trace.spans if span.kind == "error"}
    depths = _depths(spans)
    names = [len(span.name) + depths.get(span.id, 0) for span in spans]
    name_width = max(10, min(width // 3, max(names, default=0) + 3))
    bar_width = max(SHORTEST_BAR, width - name_width - DURATION_WIDTH - NOTE_WIDTH - 3)
    scale = bar_width / max(1, end_us - start_us)
    lines: list[Line] = []
    if client is not None:
        offset = (client.sent_us if client.sent_us is not None else start_us) - start_us
        bar = _bar(offset * scale, client.latency_us * scale, bar_width)
        note = "" if client.sent_us is not None else "start ?"
        lines.append(_line("client", bar, client.latency_us, note, "series-0", name_width))
    for span in spans:
        bad = span.outcome == "failure" or span.id in failed
        bar = _bar((span.start_us - start_us) * scale, span.duration_us * scale, bar_width, failed=bad)
        role = "bad" if bad else "series-1" if span.kind == "transaction" else "text"
        name = " " * depths.get(span.id, 0) + clean(span.name)
        lines.append(_line(name, bar, span.duration_us, clean(failed.get(span.id, "")), role, name_width))
    return lines


def trace_total_us(trace: Trace, client: ClientBar | None) -> int:
    """From the first start to the last end."""
    start_us, end_us = _range([span for span in trace.spans if span.kind != "error"], client)
    return end_us - start_us


def _line(name: str, bar: str, duration_us: int, note: str, role: str, name_width: int) -> Line:
    return [
        ("  " + fit(name, name_width - 2) + " ", "text"),
        (bar, role),
        (fit(duration(duration_us), DURATION_WIDTH, right=True), "strong"),
        (f" {fit(note, NOTE_WIDTH)}", "bad"),
    ]


def _bar(start: float, length: float, width: int, *, failed: bool = False) -> str:
    """`├──!──┤` between its cells; at least one cell however short the time."""
    first = max(0, min(width - 1, round(start)))
    last = max(first, min(width - 1, round(start + length) - 1))
    size = last - first + 1
    if size == 1:
        body = "!" if failed else "┼"
    elif size == 2:
        body = "├!" if failed else "├┤"
    else:
        inner = "─" * (size - 2)
        if failed:
            middle = (size - 2) // 2
            inner = inner[:middle] + "!" + inner[middle + 1 :]
        body = f"├{inner}┤"
    return (" " * first + body).ljust(width)


def _range(spans: Sequence[Span], client: ClientBar | None) -> tuple[int, int]:
    starts = [span.start_us for span in spans]
    ends = [span.start_us + span.duration_us for span in spans]
    if client is not None:
        sent_us = client.sent_us if client.sent_us is not None else min(starts, default=0)
        starts.append(sent_us)
        ends.append(sent_us + client.latency_us)
    return min(starts, default=0), max(ends, default=0)


def _depths(spans: Sequence[Span]) -> Mapping[str, int]:
    parents = {span.id: span.parent_id for span in spans}
    depths: dict[str, int] = {}
    for span in spans:
        depth, parent = 0, span.parent_id
        while parent in parents and depth < DEEPEST:
            depth += 1
            parent = parents[parent]
        depths[span.id] = depth
    return depths
