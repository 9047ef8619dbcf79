"""What the selected component uses, as four small charts: processor, memory, network and disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stressdash.charts.curve import visible_values
from stressdash.charts.plot import Area, draw_plot
from stressdash.snapshot import Series
from stressdash.tui.lines import Line, clean, line_width
from stressdash.tui.view import View
from stressdash.tui.widgets.chart import chart_legend
from stressdash.tui.widgets.panel import ViewPanel

__all__ = ["USAGE_ROWS", "UsagePanel"]

USAGE_ROWS: Final = 7
"""A title and its plot."""
CHARTS: Final = ("cpu", "memory", "network", "disk")
NARROW: Final = 100
"""Below this width two charts stand side by side, else four."""


class UsagePanel(ViewPanel):
    """Charts of one component; `component` is its name."""

    DEFAULT_CSS = f"UsagePanel {{ height: {USAGE_ROWS}; }}"

    def __init__(self) -> None:
        super().__init__("usage")
        self.component = ""

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """The charts side by side."""
        number = 2 if width < NARROW else len(CHARTS)
        each = max(1, (width - number + 1) // number)
        columns = [
            _chart(view, name, view.snapshot.usage.get(f"{self.component}.{name}", ()), each)
            for name in CHARTS[:number]
        ]
        return [
            [run for column in columns for run in (*column[row], (" ", "text"))] for row in range(USAGE_ROWS)
        ]


def _chart(view: View, name: str, series: Sequence[Series], width: int) -> list[Line]:
    """A title with its legend, and the plot below; all of the same width."""
    title: Line = [(clean(name), "strong"), (" ", "text")]
    title += chart_legend(series, max(0, width - line_width(title)))
    title.append((" " * max(0, width - line_width(title)), "text"))
    height = USAGE_ROWS - 1
    if any(visible_values(one, view.start_s, view.end_s) for one in series):
        area = Area(width, height, view.start_s, view.end_s, view.end_label)
        return [title, *draw_plot(series, (), area)]
    lines: list[Line] = [[(" " * width, "text")] for _ in range(height)]
    lines[height // 2] = [("not told".center(width), "dim")]
    return [title, *lines]
