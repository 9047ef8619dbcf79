"""Charts as text by plotext: for what does not move, that is summaries and comparisons.

The only importer of plotext, which costs some 50 ms a chart and keeps one figure per process: threads that
draw take turns. It is imported with the first chart, as the dashboard's first frame needs none.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec

from stressdash.charts.cells import LETTERS
from stressdash.charts.curve import Curve
from stressdash.charts.plot import PlotMark
from stressdash.charts.scale import Scale
from stressdash.charts.units import quantity

__all__ = ["SMALLEST", "XyLine", "draw_text_plot", "draw_xy_plot"]

SMALLEST = (24, 8)
MARKER = "braille"
TICKS = 5
SMALLEST_LOG = 1e-9
SHOWN_TEXT = 20

P = ParamSpec("P")
_figure = threading.Lock()


def _in_turn(draw: Callable[P, str]) -> Callable[P, str]:
    @functools.wraps(draw)
    def drawn(*arguments: P.args, **named: P.kwargs) -> str:
        with _figure:
            return draw(*arguments, **named)

    return drawn


@dataclass(frozen=True, slots=True)
class XyLine:
    """Values over something other than time."""

    points: tuple[tuple[float, float], ...]
    marker: str = MARKER
    """plotext's name of a marker, or one character."""
    joined: bool = True
    letter: str = ""
    """Written at its end."""


@_in_turn
def draw_text_plot(
    curves: Sequence[Curve],
    marks: Sequence[PlotMark],
    *,
    size: tuple[int, int],
    range_s: tuple[float, float],
    log: bool = False,
) -> str:
    """A chart without colour, `size` = (columns, rows); the time axis counts from the left end of `range_s`.

    Only curves of the first one's unit are drawn. Each curve ends in its letter. Empty when there is no room.
    """
    import plotext

    if size[0] < SMALLEST[0] or size[1] < SMALLEST[1] or range_s[1] <= range_s[0] or not curves:
        return ""
    start_s, end_s = range_s
    unit = curves[0].unit
    same = [
        (index, curve, _points(curve, range_s, log=log))
        for index, curve in enumerate(curves)
        if curve.unit == unit
    ]
    scale = Scale.over([value for _, _, points in same for _, value in points], log=log, ticks=TICKS)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(*size)
    plotext.xlim(0, end_s - start_s)
    plotext.ylim(0, 1)
    for mark in marks:
        if start_s <= mark.at_s <= end_s:
            plotext.vline(mark.at_s - start_s)
            plotext.text(_printable(mark.label), mark.at_s - start_s, 1)
    for index, _, points in same:
        if points:
            # plotext draws logarithmic axes with its own ticks; placing values ourselves keeps ours.
            places = [scale.place(value) for _, value in points]
            plotext.plot([at_s for at_s, _ in points], places, marker=MARKER)
            plotext.text(LETTERS[index % len(LETTERS)], points[-1][0], places[-1])
    ticks = scale.ticks(TICKS)
    plotext.yticks([scale.place(tick) for tick in ticks], [quantity(tick, unit) for tick in ticks])
    plotext.xlabel("seconds")
    return str(plotext.uncolorize(plotext.build()))


@_in_turn
def draw_xy_plot(
    lines: Sequence[XyLine],
    *,
    size: tuple[int, int],
    unit: str,
    x_ticks: Sequence[tuple[float, str]],
    x_label: str,
) -> str:
    """A chart without colour, `size` = (columns, rows), from 0 up; empty when there is nothing to draw."""
    import plotext

    values = [value for line in lines for _, value in line.points]
    if not values:
        return ""
    scale = Scale.over(values, log=False, ticks=TICKS)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(*size)
    plotext.ylim(0, 1)
    for line in (line for line in lines if line.points):
        xs, ys = [x for x, _ in line.points], [scale.place(y) for _, y in line.points]
        draw = plotext.plot if line.joined else plotext.scatter
        draw(xs, ys, marker=line.marker)
        if line.letter:
            plotext.text(line.letter, xs[-1], ys[-1])
    ticks = scale.ticks(TICKS)
    plotext.yticks([scale.place(tick) for tick in ticks], [quantity(tick, unit) for tick in ticks])
    plotext.xticks([x for x, _ in x_ticks], [label for _, label in x_ticks])
    plotext.xlabel(x_label)
    return str(plotext.uncolorize(plotext.build()))


def _points(curve: Curve, range_s: tuple[float, float], *, log: bool) -> list[tuple[float, float]]:
    start_s, end_s = range_s
    times = ((curve.start_s + index * curve.step_s, value) for index, value in enumerate(curve.values))
    return [
        (at_s - start_s, value)
        for at_s, value in times
        if value is not None and start_s <= at_s <= end_s and (value > SMALLEST_LOG or not log)
    ]


def _printable(label: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in label)[:SHOWN_TEXT]
