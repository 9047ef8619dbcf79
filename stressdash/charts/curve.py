"""A curve on a grid of dots: which dots of each dot column it covers.

Several values in one column become their minimum and maximum, so that no spike is lost; values further apart
than a column are joined by a straight line; a missing value leaves a gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from stressdash.charts.scale import Scale

__all__ = ["Curve", "Span", "curve_spans", "visible_values"]

Span = tuple[int, int]
"""Lowest and highest dot of a column, 0 at the bottom."""


class Curve(Protocol):
    """Evenly spaced values; None is a gap. What the snapshot calls a series."""

    @property
    def label(self) -> str:
        """Name in the legend."""
        ...

    @property
    def unit(self) -> str:
        """`us`, `share`, `bytes`, or anything that counts."""
        ...

    @property
    def start_s(self) -> float:
        """Time of the first value."""
        ...

    @property
    def step_s(self) -> float:
        """Time between two values."""
        ...

    @property
    def values(self) -> Sequence[float | None]:
        """In time order; None is a gap."""
        ...

    @property
    def provisional_from_s(self) -> float | None:
        """Values from here on may still change; None when none may."""
        ...


def visible_values(curve: Curve, start_s: float, end_s: float) -> list[float]:
    """The finite values of a curve within a time range."""
    first, last = _index_range(curve, start_s, end_s)
    return [value for value in curve.values[first:last] if value is not None and math.isfinite(value)]


def curve_spans(
    curve: Curve, scale: Scale, start_s: float, end_s: float, wide: int, high: int
) -> list[Span | None]:
    """For each of `wide` dot columns the dots covered out of `high`, or None where there is nothing."""
    spans: list[Span | None] = [None] * wide
    if wide < 1 or high < 1 or end_s <= start_s:
        return spans
    first, last = _index_range(curve, start_s, end_s)
    columns_per_s = (wide - 1) / (end_s - start_s)
    begin = max(0, first - 1)
    dots = scale.dots(curve.values[begin : last + 1], high)
    x_first = (curve.start_s + begin * curve.step_s - start_s) * columns_per_s
    x_step = curve.step_s * columns_per_s
    before: tuple[int, int] | None = None
    for index, y in enumerate(dots):
        if y is None:
            before = None
            continue
        x = round(x_first + index * x_step)
        if before is not None and x > before[0]:
            _join(spans, before, (x, y))
        elif 0 <= x < wide:
            _cover(spans, x, y, y)
        before = (x, y)
    return spans


def _index_range(curve: Curve, start_s: float, end_s: float) -> tuple[int, int]:
    if curve.step_s <= 0:
        return 0, 0
    first = math.ceil((start_s - curve.start_s) / curve.step_s - 1e-9)
    last = math.floor((end_s - curve.start_s) / curve.step_s + 1e-9) + 1
    count = len(curve.values)
    return min(max(0, first), count), min(max(0, last), count)


def _join(spans: list[Span | None], start: tuple[int, int], end: tuple[int, int]) -> None:
    x0, y0 = start
    x1, y1 = end
    previous = y0
    for x in range(x0 + 1, x1 + 1):
        y = y0 + round((y1 - y0) * (x - x0) / (x1 - x0))
        if 0 <= x < len(spans):
            if y > previous:
                _cover(spans, x, previous + 1, y)
            elif y < previous:
                _cover(spans, x, y, previous - 1)
            else:
                _cover(spans, x, y, y)
        previous = y


def _cover(spans: list[Span | None], x: int, low: int, high: int) -> None:
    old = spans[x]
    spans[x] = (low, high) if old is None else (min(old[0], low), max(old[1], high))
