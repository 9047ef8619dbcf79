"""The throughput of a run as a chart of characters, for the summary on a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stressdash.charts.plotext_view import draw_text_plot
from stressdash.report.run_json import RunReport

__all__ = ["throughput_chart"]

ROWS: Final = 12
WIDEST: Final = 120
FEWEST: Final = 3
"""Windows below which a chart shows nothing that the figures do not."""


@dataclass(frozen=True, slots=True)
class _Rate:
    """One column of the report's windows as a curve."""

    label: str
    step_s: float
    values: tuple[float | None, ...]
    unit: str = "req/s"
    start_s: float = 0.0
    provisional_from_s: float | None = None


def throughput_chart(report: RunReport, width: int) -> list[str]:
    """Lines of at most `width` cells; none for runs too short to have a course."""
    windows = report.windows
    if len(windows) < FEWEST:
        return []
    step_s = windows[1].t_s - windows[0].t_s
    curves = [
        _Rate("req/s", step_s, tuple(window.requests_per_second for window in windows)),
        _Rate("ok/s", step_s, tuple(window.goodput_per_second for window in windows)),
    ]
    end_s = windows[-1].t_s
    chart = draw_text_plot(curves, report.marks, size=(min(width, WIDEST), ROWS), range_s=(0.0, end_s))
    legend = "Throughput   " + "   ".join(
        f"{letter} {one.label}" for letter, one in zip("ab", curves, strict=True)
    )
    return [legend, *(line.rstrip() for line in chart.splitlines())]
