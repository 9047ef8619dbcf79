"""One chart on the whole screen, with the figures of every series in the window below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from stressdash.charts.cells import LETTERS, series_ink
from stressdash.charts.curve import visible_values
from stressdash.charts.units import quantity
from stressdash.snapshot import Series
from stressdash.tui.lines import Line, clean, fit
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.view import View
from stressdash.tui.widgets.chart import CHARTS, Chart
from stressdash.tui.widgets.head import HeadLine
from stressdash.tui.widgets.panel import ViewPanel
from stressdash.tui.widgets.strips import KeyStrip

__all__ = ["Maximised"]

FIGURE = 10
SHORTEST_NAME, LONGEST_NAME = 12, 24


class Figures(ViewPanel):
    """Smallest, mean, largest and newest value of every series within the window."""

    def __init__(self, chart: str) -> None:
        super().__init__()
        self.chart = chart

    def show(self, view: View) -> None:
        """Draw a new view."""
        self.styles.height = 1 + len(view.snapshot.series.get(self.chart, ()))
        super().show(view)

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """One line per series."""
        room = max(SHORTEST_NAME, min(LONGEST_NAME, width - 4 * FIGURE))
        names = "".join(name.rjust(FIGURE) for name in ("min", "mean", "max", "last"))
        header: Line = [(fit("", room) + names, "dim")]
        series = view.snapshot.series.get(self.chart, ())
        return [header, *(_figures(index, one, view, room) for index, one in enumerate(series))]


class Maximised(ViewScreen):
    """A chart, its legend, and its figures."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z,escape", "close", "back"),
        Binding("c,right", "turn(1)", "next chart"),
        Binding("left", "turn(-1)", "chart before"),
    ]

    def __init__(self, chart: str) -> None:
        super().__init__()
        self.chart = chart
        self._head = HeadLine("Charts")
        self._plot = Chart(chart)
        self._plot.tabs = True
        self._figures = Figures(chart)
        self._keys = KeyStrip("maximised")

    def compose(self) -> ComposeResult:
        """The head line, the chart, its figures, the keys."""
        yield self._head
        yield self._plot
        yield self._figures
        yield self._keys

    def on_mount(self) -> None:
        """Arrows go to the chart."""
        self._plot.focus()

    def show(self, view: View) -> None:
        """Draw everything."""
        self._head.show(view)
        self._plot.show(view)
        self._figures.show(view)
        self._keys.show(view)

    def on_chart_chosen(self, event: Chart.Chosen) -> None:
        """Another tab."""
        self._choose(event.name)

    def on_resize(self, _event: events.Resize) -> None:
        """Figures stand below the chart."""
        self._catch_up()

    def action_turn(self, step: int) -> None:
        """The next chart, or the one before."""
        names = list(CHARTS)
        self._choose(names[(names.index(self.chart) + step) % len(names)])

    def action_close(self) -> None:
        """Back to Live."""
        self.app.pop_screen()

    def _choose(self, name: str) -> None:
        self.chart = name
        self._plot.chart = name
        self._figures.chart = name
        self._catch_up()


def _figures(index: int, series: Series, view: View, room: int) -> Line:
    values = visible_values(series, view.start_s, view.end_s)
    figures = (min(values), sum(values) / len(values), max(values), values[-1]) if values else (None,) * 4
    label = f"{LETTERS[index % len(LETTERS)]} {clean(series.label)}"
    cells = "".join(quantity(figure, series.unit).rjust(FIGURE) for figure in figures)
    return [(fit(label, room), series_ink(index)), (cells, "text")]
