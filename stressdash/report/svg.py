"""Line charts as SVG text, for reports that open anywhere without scripts.

Colours come from CSS classes `line0`, `line1`, ..., so that a page decides about light, dark and paper. Texts
are escaped here; numbers are rounded to tenths of a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape as quote
from typing import Final

from stressdash.text import escape

__all__ = ["Line", "line_chart", "ticks"]

WIDTH: Final = 720
HEIGHT: Final = 220
LEFT: Final = 64
RIGHT: Final = 12
TOP: Final = 28
BOTTOM: Final = 28
LEGEND: Final = 120
"""Room of a line's name above the chart."""
LABEL: Final = 16
"""Its longest name, in characters."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: values at times; None is a gap."""

    label: str
    points: tuple[tuple[float, float | None], ...]


def ticks(highest: float, about: int = 4) -> tuple[float, ...]:
    """Round values from 0 to just above `highest`, about so many."""
    if highest <= 0:
        return (0.0, 1.0)
    rough = highest / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return tuple(step * n for n in range(math.ceil(highest / step - 1e-9) + 1))


def line_chart(
    title: str,
    lines: Sequence[Line],
    write: Callable[[float], str],
    marks: Sequence[tuple[float, str]] = (),
    x_ticks: Sequence[tuple[float, str]] | None = None,
) -> str:
    """An `<svg>` element.

    Args:
        title: Also its accessible name.
        lines: Over seconds; at least one.
        write: Turns a value into the text of a tick.
        marks: (seconds, label) of vertical lines.
        x_ticks: Labels of the horizontal axis, which then need not be time.
    """
    times = [at for line in lines for at, _ in line.points] or [0.0]
    end = max(*times, 1.0 if x_ticks is None else 1e-9)
    if x_ticks is None:
        x_ticks = [(at, f"{at:g}s") for at in ticks(end, 6) if at <= end]
    levels = ticks(
        max((value for line in lines for _, value in line.points if value is not None), default=0.0)
    )

    def x(at: float) -> float:
        return LEFT + at / end * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / levels[-1] * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_text(title)}">',
        f'<text x="{LEFT}" y="16" class="title">{_text(title)}</text>',
        *(_level(y(level), write(level)) for level in levels),
        *(_below(x(at), label) for at, label in x_ticks),
        *(_mark(x(at), label) for at, label in marks if 0 <= at <= end),
    ]
    for number, line in enumerate(lines):
        parts += _path(number, [(x(at), None if value is None else y(value)) for at, value in line.points])
        parts.append(_legend(number, line.label))
    return "".join([*parts, "</svg>"])


def _text(text: str) -> str:
    return quote(escape(text, 120))


def _level(y: float, label: str) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="tick end">{_text(label)}</text>'
    )


def _below(x: float, label: str) -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - 8}" class="tick middle">{_text(label)}</text>'


def _mark(x: float, label: str) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="mark"/>'
        f'<text x="{x + 3:.1f}" y="{TOP + 10}" class="tick">{_text(label)}</text>'
    )


def _path(number: int, points: Sequence[tuple[float, float | None]]) -> list[str]:
    """The line's stretches between gaps; a stretch of one point is a dot."""
    stretches: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is not None:
            stretches[-1].append((x, y))
        elif stretches[-1]:
            stretches.append([])
    drawn = []
    for stretch in stretches:
        if len(stretch) == 1:
            drawn.append(
                f'<circle cx="{stretch[0][0]:.1f}" cy="{stretch[0][1]:.1f}" r="2" class="dot{number}"/>'
            )
        elif stretch:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in stretch)
            drawn.append(f'<polyline points="{path}" class="line{number}"/>')
    return drawn


def _legend(number: int, label: str) -> str:
    x = WIDTH - RIGHT - LEGEND * (number + 1)
    return (
        f'<line x1="{x}" x2="{x + 16}" y1="12" y2="12" class="line{number}"/>'
        f'<text x="{x + 20}" y="16" class="tick">{quote(escape(label, LABEL))}</text>'
    )
