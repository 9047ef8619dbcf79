"""A comparison as one HTML file, in the form and with the safety of a run's page."""

from __future__ import annotations

from collections.abc import Sequence

from stressdash.report.compare_course import Course, courses, nines, quantile_name, spectra
from stressdash.report.compare_text import (
    change_row,
    comparison_verdict,
    error_words,
    repeats_words,
    too_few_words,
)
from stressdash.report.compare_values import FORMATS
from stressdash.report.comparison import Compared
from stressdash.report.page import listed, page, section, table, text
from stressdash.report.run_json import RunReport
from stressdash.report.svg import Line, line_chart

__all__ = ["comparison_page"]


def comparison_page(compared: Compared, before: Sequence[RunReport], after: Sequence[RunReport]) -> str:
    """The page, with the comparison as JSON inside."""
    names = compared.names
    level = 100 * (1 - compared.comparison.level)
    head = ("metric", *map(text, names), "change", f"{level:.3g} % interval", "")
    judged = [[text(cell) for cell in change_row(change)] for change in compared.comparison.changes]
    details = [[text(cell) for cell in change_row(change)[:5]] for change in compared.details.changes]
    runs = [(text(name), text(report.run_id), text(report.started), report.outcome)
            for name, reports in zip(names, (before, after), strict=True) for report in reports]  # fmt: skip
    notes = [*compared.regressions, *compared.objections]
    if not compared.comparison.enough:
        notes.append(too_few_words(compared))
    errors = [f"{error_words(change)}: {change.text}" for change in compared.errors]
    knobs = [(text(name), text(a), text(b)) for name, (a, b) in compared.knobs.items()]
    body = [
        f"<h1>{text(names[0])} and {text(names[1])}</h1>",
        f"<p>{text(repeats_words(compared))}</p>",
        f"<p><strong>{text(comparison_verdict(compared))}</strong></p>",
        listed(notes),
        section("What changed", table(head, judged, (5,))),
        section("Over one another", _charts(compared, before, after)),
        section("What explains it, not judged", table(head[:5], details) if details else ""),
        section("Errors", listed(errors)),
        section("Knobs that differ", table(("knob", *map(text, names)), knobs) if knobs else ""),
        section("Runs", table(("", "run", "started", "verdict"), runs, (1, 2))),
    ]
    return page(f"{names[0]} and {names[1]}", "\n".join(body), compared.json(), "comparison")


def _charts(compared: Compared, before: Sequence[RunReport], after: Sequence[RunReport]) -> str:
    charts = [
        line_chart(course.title, _lines(course, compared.names), FORMATS[course.unit])
        for course in courses(before, after)
    ]
    spectrum = spectra(before, after)
    if spectrum is not None:
        marks = [(x, quantile_name(x)) for x in nines(spectrum.length_s)]
        lines = _lines(spectrum, compared.names)
        charts.append(line_chart(spectrum.title, lines, FORMATS["us"], x_ticks=marks))
    return "\n".join(charts)


def _lines(course: Course, names: tuple[str, str]) -> list[Line]:
    return [Line(name, points) for name, points in zip(names, (course.before, course.after), strict=True)]
