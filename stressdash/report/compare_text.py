"""A comparison as text or Markdown: tables, sentences, and for a terminal the overlaid charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stressdash.charts.plotext_view import XyLine, draw_xy_plot
from stressdash.metrics.compare import Change, Judgement, needed_repeats
from stressdash.report.compare_course import Course, courses, nines, quantile_name, spectra
from stressdash.report.compare_values import FORMATS
from stressdash.report.comparison import Compared, GroupChange
from stressdash.report.markdown import markdown_table, markdown_text
from stressdash.report.run_json import RunReport
from stressdash.text import escape

__all__ = [
    "change_row",
    "comparison_charts",
    "comparison_text",
    "comparison_verdict",
    "error_words",
    "repeats_words",
    "too_few_words",
    "verdict_line",
]

JUDGED: Final = frozenset({Judgement.BETTER, Judgement.WORSE, Judgement.NO_DIFFERENCE, Judgement.DETAIL})
ROWS: Final = 14
WIDTH: Final = 100
LONGEST: Final = 90


def comparison_text(compared: Compared, *, markdown: bool = False) -> str:
    """Tables and sentences."""
    shown = markdown_text if markdown else escape
    level = f"{100 * (1 - compared.comparison.level):.3g} % interval"
    head = ("metric", *(shown(name, 40) for name in compared.names), "change", level, "")
    changes = compared.comparison.changes
    rows = [change_row(change) for change in changes]
    details = [change_row(change) for change in compared.details.changes]
    table = markdown_table if markdown else _columns
    lines = [repeats_words(compared), "", *table(head, rows), ""]
    if details:
        lines += ["What explains it, not judged:", "", *table(head[:5], [row[:5] for row in details]), ""]
    bullet = "- " if markdown else ""
    lines += [bullet + sentence for sentence in _sentences(compared, markdown=markdown)]
    return "\n".join(lines).rstrip() + "\n"


def repeats_words(compared: Compared) -> str:
    """For instance `5 runs before, 5 after, in pairs; medians over the runs`."""
    before, after = compared.comparison.repeats
    paired = ", in pairs" if compared.comparison.paired else ""
    return f"{before} run{'s' * (before != 1)} before, {after} after{paired}; medians over the runs"


def comparison_verdict(compared: Compared) -> str:
    """One sentence: what is better and worse, or what would have been found."""
    changes = compared.comparison.changes
    if not compared.comparison.enough:
        return "too few repeats to decide"
    said = []
    for judgement in (Judgement.BETTER, Judgement.WORSE):
        found = [change.metric.label for change in changes if change.judgement is judgement]
        if found:
            said.append(f"{judgement}: {', '.join(found)}")
    if said:
        return "; ".join(said)
    rates = next(change for change in changes if change.metric.key == "rate")
    if rates.detectable is None:
        return "no difference shown"
    return f"no difference shown; {rates.detectable:.1%} in req/s would have been found nine times in ten"


def verdict_line(compared: Compared, *, markdown: bool = False) -> str:
    """The verdict as it stands under the tables."""
    return f"{'**verdict**' if markdown else 'verdict:'} {comparison_verdict(compared)}"


def _sentences(compared: Compared, *, markdown: bool) -> list[str]:
    shown = markdown_text if markdown else escape
    knobs = ((shown(name, 60), shown(a, 60), shown(b, 60)) for name, (a, b) in compared.knobs.items())
    told = [f"knob {name}: {a} -> {b}" for name, a, b in knobs]
    told += [f"{error_words(change)}: {shown(change.text, LONGEST)}" for change in compared.errors]
    told += [f"beware: {shown(text, 400)}" for text in compared.objections]
    told += [f"regression: {text}" for text in compared.regressions]
    if not compared.comparison.enough:
        told.append(too_few_words(compared))
    return told


def too_few_words(compared: Compared) -> str:
    """What it takes to decide."""
    pairs, runs = needed_repeats(compared.comparison.level)
    return f"too few repeats to decide; {pairs} pairs, or {runs} runs on each side, can"


def error_words(change: GroupChange) -> str:
    """For instance `new error, 12 of 1,000 requests (client)`."""
    if change.kind == "new":
        return f"new error, {change.after:,.3g} of 1,000 requests ({change.side})"
    if change.kind == "gone":
        return f"gone, was {change.before:,.3g} of 1,000 requests ({change.side})"
    return f"{change.kind}, {change.before:,.3g} -> {change.after:,.3g} of 1,000 requests ({change.side})"


def change_row(change: Change) -> tuple[str, ...]:
    """Label, both sides, change, interval and judgement of a metric."""
    shown = FORMATS[change.metric.unit]
    known = change.judgement in JUDGED and change.low is not None
    interval = f"{_signed(change.low)} to {_signed(change.high)}" if known else ""
    found = f", {change.detectable:.1%} would be found" if change.detectable else ""
    told = str(change.judgement) + (found if change.judgement is Judgement.NO_DIFFERENCE else "")
    return (
        change.metric.label,
        shown(change.before),
        shown(change.after),
        _signed(change.change) if change.change is not None else "",
        interval,
        told,
    )


def _signed(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.1%}"


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]


def comparison_charts(
    before: Sequence[RunReport], after: Sequence[RunReport], names: tuple[str, str], width: int
) -> str:
    """Throughput, p99 and the latency spectrum of both sides, drawn over one another."""
    size = (min(width, WIDTH), ROWS)
    sides = f"a {escape(names[0], 30)}   b {escape(names[1], 30)}"
    drawn = []
    for course in courses(before, after):
        seconds = [(float(at), f"{at:g}") for at in _round_steps(course.length_s)]
        chart = draw_xy_plot(
            _lines(course), size=size, unit=course.unit, x_ticks=seconds, x_label="seconds of the run"
        )
        drawn.append((course.title, chart))
    spectrum = spectra(before, after)
    if spectrum is not None:
        marks = [(x, quantile_name(x)) for x in nines(spectrum.length_s)]
        chart = draw_xy_plot(
            _lines(spectrum), size=size, unit="us", x_ticks=marks, x_label="share of requests that are faster"
        )
        drawn.append((spectrum.title, chart))
    parts = [f"{title}   {sides}\n{chart}" for title, chart in drawn if chart]
    return "\n".join("\n".join(line.rstrip() for line in part.splitlines()) + "\n" for part in parts)


def _lines(course: Course) -> list[XyLine]:
    sides = zip("ab", (course.before, course.after), strict=True)
    return [
        XyLine(tuple((x, y) for x, y in points if y is not None), letter=letter) for letter, points in sides
    ]


def _round_steps(length_s: float) -> list[float]:
    step = max(1.0, round(length_s / 5))
    return [n * step for n in range(int(length_s / step) + 1)]
