"""A whole chart as lines of runs: axes, ticks, marks, curves, and a letter where each curve ends.

Nothing is told by hue alone: each curve ends in its letter, which the legend explains; without colour letters
also stand along the curve. Values that may still change are dashed, behind a dotted line. A second unit has
its own scale on the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stressdash.charts.cells import AXIS, LABEL, LETTERS, MARK, CellGrid, Line, series_ink
from stressdash.charts.curve import Curve, Span, curve_spans, visible_values
from stressdash.charts.markers import BRAILLE, MarkerSet
from stressdash.charts.scale import Scale
from stressdash.charts.stack import filled, stacked
from stressdash.charts.units import quantity

__all__ = ["Area", "PlotMark", "ago", "draw_plot"]

SMALLEST = (12, 4)
AGO_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
CELLS_PER_TIME_LABEL = 12
ROWS_PER_TICK = 2
LETTER_GAP = 1
LEFT_OUT_EVERY = 2


class PlotMark(Protocol):
    """Something that happened at a moment."""

    @property
    def at_s(self) -> float:
        """When."""
        ...

    @property
    def label(self) -> str:
        """What, in a few words; untrusted."""
        ...


@dataclass(frozen=True, slots=True)
class Area:
    """The chart's size in cells, axes included, and the time that it shows."""

    width: int
    height: int
    start_s: float
    end_s: float
    end_label: str = "now"
    log: bool = False
    markers: MarkerSet = BRAILLE
    left_out: tuple[float, float] | None = None
    """A time, for instance the warm-up, whose values are shown and do not count."""
    letters_every: int = 0
    """Cells between letters along a curve; 0: only at its end."""
    stacked: bool = False
    """The curves are parts of a whole: each is filled, on top of those before it."""


def draw_plot(curves: Sequence[Curve], marks: Sequence[PlotMark], area: Area) -> list[Line]:
    """`area.height` lines of exactly `area.width` cells; blank when the area is too small for a chart."""
    if area.width < SMALLEST[0] or area.height < SMALLEST[1] or area.end_s <= area.start_s:
        return [[(" " * max(0, area.width), AXIS)] for _ in range(max(0, area.height))]
    return _Plot(curves, marks, area).lines()


def ago(seconds: float) -> str:
    """A time before the end: `-45s`, `-5m`, `-2h`."""
    whole = round(seconds)
    if whole >= 3600 and whole % 3600 == 0:
        return f"-{whole // 3600}h"
    if whole >= 120 and whole % 60 == 0:
        return f"-{whole // 60}m"
    return f"-{whole}s"


class _Plot:
    """One drawing in the making: measures the gutters, then fills the grid between them."""

    def __init__(self, curves: Sequence[Curve], marks: Sequence[PlotMark], area: Area) -> None:
        self.curves = stacked(curves) if area.stacked else list(curves)
        self.marks = [mark for mark in marks if area.start_s <= mark.at_s <= area.end_s]
        self.area = area
        self.rows = area.height - 2
        self.units = list(dict.fromkeys(curve.unit for curve in curves))[:2] or ["count"]
        self.scales = {unit: self._scale(unit) for unit in self.units}
        self.left = self._labels(self.units[0])
        self.right = self._labels(self.units[1]) if len(self.units) > 1 else {}
        self.left_width = max(len(text) for text in [" ", *self.left.values()])
        self.right_width = max((len(text) for text in self.right.values()), default=-1) + 1
        plot_width = area.width - self.left_width - 1 - self.right_width
        self.grid = CellGrid(plot_width, self.rows, area.markers)
        self.curve_width = max(2, plot_width - 1 - LETTER_GAP)

    def _scale(self, unit: str) -> Scale:
        values = [
            value
            for curve in self.curves
            if curve.unit == unit
            for value in visible_values(curve, self.area.start_s, self.area.end_s)
        ]
        if unit == "share":
            values.append(1.0)
        return Scale.over(values, log=self.area.log and unit != "share", ticks=self._tick_count())

    def _tick_count(self) -> int:
        return max(1, min(6, self.rows // ROWS_PER_TICK))

    def _labels(self, unit: str) -> dict[int, str]:
        """Row, counted from the bottom (the axis itself is 0), to its label."""
        scale = self.scales[unit]
        labels: dict[int, str] = {}
        for value in scale.ticks(self._tick_count()):
            labels.setdefault(round(scale.place(value) * self.rows), quantity(value, unit))
        return labels

    def lines(self) -> list[Line]:
        spans = [self._spans(curve) for curve in self.curves]
        if self.area.stacked:
            spans = filled(spans)
        label_rows = self._draw_marks()
        self._draw_left_out()
        self._draw_provisional_edge()
        for index in reversed(range(len(self.curves))):  # the first curve lies on top
            ink, dim = series_ink(index), series_ink(index, provisional=True)
            self.grid.curve(spans[index], ink, dim, self._provisional_from(self.curves[index]))
        self._write_mark_labels(label_rows)
        self._write_letters(spans)
        return [*(self._row(y) for y in range(self.rows)), *self._time_axis()]

    def _spans(self, curve: Curve) -> list[Span | None]:
        if curve.unit not in self.scales:
            return []
        markers = self.area.markers
        return curve_spans(
            curve,
            self.scales[curve.unit],
            self.area.start_s,
            self.area.end_s,
            self.curve_width * markers.dots_wide,
            self.rows * markers.dots_high,
        )

    def _x(self, at_s: float) -> int:
        share = (at_s - self.area.start_s) / (self.area.end_s - self.area.start_s)
        return round(share * (self.curve_width - 1))

    def _provisional_from(self, curve: Curve) -> int:
        wide = self.curve_width * self.area.markers.dots_wide
        if curve.provisional_from_s is None:
            return wide
        share = (curve.provisional_from_s - self.area.start_s) / (self.area.end_s - self.area.start_s)
        return min(wide, max(0, round(share * (wide - 1))))

    def _draw_marks(self) -> list[tuple[int, str]]:
        placed: list[tuple[int, str]] = []
        for mark in self.marks:
            x = self._x(mark.at_s)
            self.grid.column(x, self.area.markers.vertical, MARK)
            placed.append((x, mark.label))
        return placed

    def _draw_left_out(self) -> None:
        """Dotted columns over the time that does not count."""
        if self.area.left_out is None:
            return
        start_s, end_s = self.area.left_out
        if start_s < self.area.end_s and end_s > self.area.start_s:
            for x in range(max(0, self._x(start_s)) + 1, min(self.grid.wide, self._x(end_s)), LEFT_OUT_EVERY):
                self.grid.column(x, self.area.markers.dotted, AXIS)
            self.grid.column(self._x(end_s), self.area.markers.dotted, MARK)

    def _draw_provisional_edge(self) -> None:
        starts = [curve.provisional_from_s for curve in self.curves if curve.provisional_from_s is not None]
        if starts and self.area.start_s < min(starts) <= self.area.end_s:
            self.grid.column(self._x(min(starts)), self.area.markers.dotted, AXIS)

    def _write_mark_labels(self, placed: list[tuple[int, str]]) -> None:
        """Each label goes beside its line, where it hides least; the newest first, and none over another."""
        written: list[tuple[int, int, int]] = []
        for x, label in reversed(placed):
            text = label[: max(0, self.grid.wide - 2)]
            at = x + 1 if x + 1 + len(text) <= self.grid.wide else x - len(text)
            end = at + len(text)
            free = [
                y
                for y in range(self.rows)
                if not any(row == y and at <= right and left <= end for row, left, right in written)
            ]
            if text and free:
                row = min(free, key=lambda y: (self.grid.taken(at, y, len(text)), y))
                self.grid.put(at, row, text, MARK)
                written.append((row, at, end))

    def _write_letters(self, spans: Sequence[Sequence[Span | None]]) -> None:
        dots_wide, dots_high = self.area.markers.dots_wide, self.area.markers.dots_high
        for index, covered in enumerate(spans):
            last = next((dot for dot in range(len(covered) - 1, -1, -1) if covered[dot] is not None), None)
            if last is None:
                continue
            letter, ink = LETTERS[index % len(LETTERS)], series_ink(index)
            if self.area.letters_every:
                offset = (index * 5 + 2) % self.area.letters_every
                for x in range(offset, last // dots_wide, self.area.letters_every):
                    span = covered[x * dots_wide]
                    if span is not None:
                        self.grid.put(x, self.rows - 1 - span[1] // dots_high, letter, ink)
            span = covered[last]
            if span is not None:
                self._end_letter(
                    last // dots_wide + 1, self.rows - 1 - sum(span) // 2 // dots_high, letter, ink
                )

    def _end_letter(self, x: int, row: int, letter: str, ink: str) -> None:
        """Beside the curve's end; where another letter stands, in the nearest free row."""
        rows = sorted(range(self.rows), key=lambda y: abs(y - row))
        free = next((y for y in rows if self.grid.is_free(x, y, 1)), row)
        self.grid.put(x, free, letter, ink)

    def _row(self, y: int) -> Line:
        markers = self.area.markers
        level = self.rows - y
        label = self.left.get(level, "")
        line: Line = [
            (label.rjust(self.left_width), LABEL),
            (markers.tick if label else markers.vertical, AXIS),
            *self.grid.runs(y),
        ]
        if self.right_width:
            line.append((self.right.get(level, "").rjust(self.right_width), LABEL))
        return line

    def _time_axis(self) -> list[Line]:
        markers, wide = self.area.markers, self.grid.wide
        axis = [markers.horizontal] * wide
        labels = [" "] * wide
        span_s = self.area.end_s - self.area.start_s
        for seconds in self._time_ticks(span_s):
            x = self._x(self.area.end_s - seconds)
            axis[x] = markers.foot
            text = ago(seconds) if seconds else self.area.end_label
            at = min(max(0, x - len(text) // 2), wide - len(text))
            if all(cell == " " for cell in labels[max(0, at - 1) : at + len(text) + 1]):
                labels[at : at + len(text)] = text
        left, right = (
            self.left.get(0, "").rjust(self.left_width),
            self.right.get(0, "").rjust(self.right_width),
        )
        return [
            [(left, LABEL), (markers.corner + "".join(axis), AXIS), (right, LABEL)],
            [(" " * (self.left_width + 1) + "".join(labels) + " " * self.right_width, LABEL)],
        ]

    def _time_ticks(self, span_s: float) -> list[int]:
        wanted = max(1, self.curve_width // CELLS_PER_TIME_LABEL)
        step = next((step for step in AGO_STEPS_S if span_s / step <= wanted), AGO_STEPS_S[-1])
        return list(range(0, int(span_s + 1e-6) + 1, step))
