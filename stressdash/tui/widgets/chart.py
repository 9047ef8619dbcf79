"""A live chart: a title with its legend, and the plot below; only lines that changed are drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from textual import events
from textual.message import Message

from stressdash.charts.cells import LETTERS, series_ink
from stressdash.charts.curve import visible_values
from stressdash.charts.markers import BRAILLE, MarkerSet
from stressdash.charts.plot import Area, draw_plot
from stressdash.snapshot import RunState, Series
from stressdash.tui.lines import Line, clean, ends, fit, line_width
from stressdash.tui.view import View
from stressdash.tui.widgets.panel import ViewPanel

__all__ = ["CHARTS", "Chart", "chart_legend", "plot_lines"]

CHARTS = {
    "rate": "Rate",
    "latency": "Latency",
    "errors": "Errors",
    "resources": "Resources",
    "where": "Where",
}
LOG_CHARTS = frozenset({"latency"})
STACKED_CHARTS = frozenset({"where"})
LETTERS_EVERY = 18
TITLE_ROWS = 1
NOTE = "  ┊ provisional"
NOT_COUNTED = "  ┊┊ warm-up, left out"
LONGEST_LABEL = 24
LOWEST = 4
"""Rows of a plot; the axis takes two of them."""
EMPTY_WORDS = {
    RunState.STARTING: "the stack is starting …",
    RunState.READY: "ready: s starts the load",
    RunState.RUNNING: "waiting for the first figures …",
    RunState.FAILED: "no load: see the last line, and 3 for the logs",
}


class Chart(ViewPanel, can_focus=True):
    """The chart of one name; with `tabs` its title row names all of them."""

    DEFAULT_CSS = "Chart { height: 1fr; }"

    @dataclass
    class Chosen(Message):
        """A tab was clicked, or an arrow pressed: show the chart of this name."""

        name: str

    def __init__(self, name: str, markers: MarkerSet = BRAILLE) -> None:
        super().__init__(f"chart-{name}")
        self.chart = name
        self.markers = markers
        self.tabs = False
        self._tab_cells: list[tuple[int, int, str]] = []

    def show(self, view: View) -> None:
        """Draw a new view, when it can be seen."""
        self.view = view
        if self.display:
            self.recompose_lines()

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """The title row and a plot on the rest."""
        series = view.snapshot.series.get(self.chart, ())
        left = self._tab_line() if self.tabs else self._title_line(series)
        room = width - line_width(left) - 1
        legend = chart_legend(series, room)
        if line_width(legend) + len(words := left_out_words(view)) <= room:
            legend.append((words, "dim"))
        title = ends(left, legend, width)
        return [title, *plot_lines(view, self.chart, width, self.size.height - TITLE_ROWS, self.markers)]

    def _title_line(self, series: Sequence[Series]) -> Line:
        unit = chart_unit(self.chart, series)
        return [(CHARTS[self.chart], "key" if self.has_focus else "strong"), (f" {unit}", "dim")]

    def _tab_line(self) -> Line:
        line: Line = []
        self._tab_cells = []
        x = 0
        for name, title in CHARTS.items():
            chosen = name == self.chart
            text = f"[{title}]" if chosen else f" {title} "
            focused = chosen and self.has_focus
            line.append((text, "selected" if focused else "key" if chosen else "dim"))
            self._tab_cells.append((x, x + len(text), name))
            x += len(text)
        return line

    def on_click(self, event: events.Click) -> None:
        """Choose the tab under the pointer; a double click maximises."""
        if event.y == 0 and self.tabs:
            for start, end, name in self._tab_cells:
                if start <= event.x < end:
                    self.post_message(self.Chosen(name))
        elif event.chain == 2:
            self.app.call_later(self.app.run_action, "screen.maximise")

    def on_focus(self) -> None:
        """The title shows the focus."""
        self.recompose_lines()

    def on_blur(self) -> None:
        """The title shows the focus."""
        self.recompose_lines()

    def key_left(self) -> None:
        """The chart before."""
        self._neighbour(-1)

    def key_right(self) -> None:
        """The next chart."""
        self._neighbour(1)

    def _neighbour(self, step: int) -> None:
        names = list(CHARTS)
        self.post_message(self.Chosen(names[(names.index(self.chart) + step) % len(names)]))


def chart_unit(chart: str, series: Sequence[Series]) -> str:
    """What stands beside the title; durations have their unit at the ticks."""
    if chart in STACKED_CHARTS:
        return "the time of a request goes"
    unit = series[0].unit if series else ""
    return {"us": "log", "share": "", "count": ""}.get(unit, unit)


def left_out_words(view: View) -> str:
    """Explains the dotted columns, when there are any in sight."""
    course = view.snapshot.course
    if course is None or course.left_out is None or course.left_out[1] <= view.start_s:
        return ""
    return NOT_COUNTED


def chart_legend(series: Sequence[Series], width: int) -> Line:
    """`a client  b apm  ┊ provisional`: as many letters as there is room for, and the note where it fits."""
    names = [f"{LETTERS[index % len(LETTERS)]} {clean(one.label)}" for index, one in enumerate(series)]
    gap = "  " if len("  ".join(names)) <= width else " "
    line: Line = []
    for index, name in enumerate(names):
        part: Line = [(gap if line else "", "text"), (name, series_ink(index))]
        if line_width(line) + line_width(part) > width:
            return line
        line += part
    if any(one.provisional_from_s is not None for one in series) and line_width(line) + len(NOTE) <= width:
        line.append((NOTE, "dim"))
    return line


def _empty_words(view: View) -> str:
    if view.snapshot.playback is not None:
        return "nothing of this was recorded in this window"
    return EMPTY_WORDS.get(view.snapshot.state, "nothing in this window; ] shows a longer one")


def plot_lines(view: View, chart: str, width: int, height: int, markers: MarkerSet = BRAILLE) -> list[Line]:
    """The plot of one chart of a view; a sentence where there is nothing to draw yet."""
    series = view.snapshot.series.get(chart, ())
    is_empty = not any(visible_values(one, view.start_s, view.end_s) for one in series)
    if is_empty or height < LOWEST:
        words = _empty_words(view) if is_empty else "no room for the chart: z shows it"
        middle = max(0, height // 2)
        return [[(words.center(width), "dim")] if row == middle else [] for row in range(height)]
    area = Area(
        width=width,
        height=height,
        start_s=view.start_s,
        end_s=view.end_s,
        end_label=view.end_label,
        log=chart in LOG_CHARTS,
        stacked=chart in STACKED_CHARTS,
        markers=markers,
        left_out=view.snapshot.course.left_out if view.snapshot.course is not None else None,
        letters_every=LETTERS_EVERY if view.letters else 0,
    )
    marks = [replace(mark, label=mark_label(mark.label)) for mark in view.snapshot.marks]
    return draw_plot(series, marks, area)


def mark_label(label: str) -> str:
    """A mark's words, safe and short, in characters of one cell each."""
    narrow = "".join(character if cell_len(character) == 1 else "·" for character in clean(label))
    return fit(narrow, LONGEST_LABEL).rstrip()
