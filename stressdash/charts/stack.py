"""Parts of a whole, one filled area on top of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stressdash.charts.curve import Curve, Span

__all__ = ["filled", "stacked"]


@dataclass(frozen=True, slots=True)
class Level:
    """The upper edge of a part: the sum of it and of those below."""

    label: str
    unit: str
    start_s: float
    step_s: float
    values: Sequence[float | None]
    provisional_from_s: float | None


def stacked(parts: Sequence[Curve]) -> list[Curve]:
    """Upper edges of parts that share their times.

    Where nothing at all is known there is a gap; a part that alone is not known adds nothing.
    """
    levels: list[Curve] = []
    for index, part in enumerate(parts):
        columns = zip(*(below.values for below in parts[: index + 1]), strict=True)
        whole = zip(*(each.values for each in parts), strict=True)
        sums = [
            None if all(value is None for value in every) else sum(value or 0.0 for value in below)
            for below, every in zip(columns, whole, strict=True)
        ]
        levels.append(Level(part.label, part.unit, part.start_s, part.step_s, sums, part.provisional_from_s))
    return levels


def filled(edges: Sequence[Sequence[Span | None]]) -> list[list[Span | None]]:
    """From the edge below, or the bottom, up to each edge; a part too thin for a dot takes none."""
    areas: list[list[Span | None]] = []
    floor = [0] * max((len(edge) for edge in edges), default=0)
    for edge in edges:
        area: list[Span | None] = []
        for x, span in enumerate(edge):
            if span is None or span[1] < floor[x]:
                area.append(None)
                continue
            area.append((floor[x], span[1]))
            floor[x] = span[1] + 1
        areas.append(area)
    return areas
