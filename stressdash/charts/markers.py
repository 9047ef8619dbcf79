"""Marker sets: how many dots a cell has, and which character shows which of them.

A cell's dots are a bit mask. `spans[column][top][bottom]` is the mask of a vertical run of dots in one dot
column, counted from the top of the cell; masks of curves that cross are or-ed.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ASCII", "BLOCK", "BRAILLE", "MARKER_SETS", "MarkerSet"]


@dataclass(frozen=True, slots=True)
class MarkerSet:
    """Characters for every combination of a cell's dots."""

    name: str
    dots_wide: int
    dots_high: int
    spans: tuple[tuple[tuple[int, ...], ...], ...]
    """`spans[column][top][bottom]`, both ends included; 0 where the bottom lies above the top."""
    characters: str
    """Indexed by mask; the empty mask is a space."""
    horizontal: str = "─"
    vertical: str = "│"
    tick: str = "┤"
    corner: str = "┼"
    foot: str = "┬"
    dotted: str = "┊"


def _spans(bits: tuple[tuple[int, ...], ...]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Masks of all vertical runs, from the bit of each dot by column and row."""
    return tuple(
        tuple(
            tuple(sum(column[top : bottom + 1]) for bottom in range(len(column)))
            for top in range(len(column))
        )
        for column in bits
    )


BRAILLE = MarkerSet(
    name="braille",
    dots_wide=2,
    dots_high=4,
    spans=_spans(((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))),
    characters=" " + "".join(chr(0x2800 + mask) for mask in range(1, 256)),
)
BLOCK = MarkerSet(
    name="block",
    dots_wide=2,
    dots_high=2,
    spans=_spans(((1, 4), (2, 8))),
    characters=" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█",
)
ASCII = MarkerSet(
    name="ascii",
    dots_wide=1,
    dots_high=2,
    spans=_spans(((1, 2),)),
    characters=" '.:",
    horizontal="-",
    vertical="|",
    tick="|",
    corner="+",
    foot="+",
    dotted=":",
)
MARKER_SETS = {markers.name: markers for markers in (BRAILLE, BLOCK, ASCII)}
