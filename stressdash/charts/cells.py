"""A grid of character cells, each with one ink, and the runs of equal ink that a terminal line is made of.

Inks are role names (`axis`, `mark`, `series-0`, `series-0-provisional`); how they look is a theme's business.
"""

from __future__ import annotations

from collections.abc import Sequence

from stressdash.charts.curve import Span
from stressdash.charts.markers import MarkerSet

__all__ = ["AXIS", "LABEL", "LETTERS", "MARK", "CellGrid", "Line", "Run", "series_ink"]

Run = tuple[str, str]
"""Text and the role that it is drawn in."""
Line = list[Run]

AXIS = "axis"
LABEL = "axis-label"
MARK = "mark"
BLANK = ""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def series_ink(index: int, *, provisional: bool = False) -> str:
    """The role of the series at `index`; there are eight, then they repeat."""
    return f"series-{index % 8}-provisional" if provisional else f"series-{index % 8}"


class CellGrid:
    """`wide` x `high` cells; writing outside of them is ignored."""

    def __init__(self, wide: int, high: int, markers: MarkerSet) -> None:
        self.wide = max(0, wide)
        self.high = max(0, high)
        self.markers = markers
        self._characters = [[" "] * self.wide for _ in range(self.high)]
        self._inks = [[BLANK] * self.wide for _ in range(self.high)]
        self._masks = [bytearray(self.wide) for _ in range(self.high)]

    def put(self, x: int, y: int, text: str, ink: str) -> None:
        """Write narrow characters from cell (x, y), the top left being (0, 0)."""
        if not 0 <= y < self.high:
            return
        for offset, character in enumerate(text):
            if 0 <= x + offset < self.wide:
                self._characters[y][x + offset] = character
                self._inks[y][x + offset] = ink
                self._masks[y][x + offset] = 0

    def column(self, x: int, character: str, ink: str) -> None:
        """Draw a vertical line over the whole height, beneath what is written later."""
        if 0 <= x < self.wide:
            for y in range(self.high):
                self._characters[y][x] = character
                self._inks[y][x] = ink

    def curve(
        self, spans: Sequence[Span | None], ink: str, provisional_ink: str, provisional_from: int
    ) -> None:
        """Draw a curve's dots; dot columns from `provisional_from` on are dashed and in their own ink."""
        dots_wide, dots_high, masks = self.markers.dots_wide, self.markers.dots_high, self.markers.spans
        bottom = self.high * dots_high - 1
        dash = 2 * dots_wide
        for dot_x, span in enumerate(spans):
            provisional = dot_x >= provisional_from
            if span is None or (provisional and dot_x % dash >= dots_wide):
                continue
            x, column = divmod(dot_x, dots_wide)
            top_row, first = divmod(bottom - span[1], dots_high)
            last_row, last = divmod(bottom - span[0], dots_high)
            for y in range(top_row, last_row + 1):
                mask = masks[column][first if y == top_row else 0][last if y == last_row else dots_high - 1]
                self._dots(x, y, mask, provisional_ink if provisional else ink)

    def _dots(self, x: int, y: int, mask: int, ink: str) -> None:
        if 0 <= x < self.wide and 0 <= y < self.high:
            self._masks[y][x] |= mask
            self._characters[y][x] = self.markers.characters[self._masks[y][x]]
            self._inks[y][x] = ink

    def is_free(self, x: int, y: int, length: int) -> bool:
        """Whether nothing but blanks stands in these cells, which all lie on the grid."""
        if not (0 <= y < self.high and x >= 0 and x + length <= self.wide):
            return False
        return not self.taken(x, y, length)

    def taken(self, x: int, y: int, length: int) -> int:
        """How many of these cells show something."""
        return sum(character != " " for character in self._characters[y][max(0, x) : x + length])

    def runs(self, y: int) -> Line:
        """Row `y` as runs; their texts are `wide` characters together."""
        runs: Line = []
        start, current = 0, BLANK
        text = "".join(self._characters[y])
        for x, ink in enumerate(self._inks[y]):
            if ink != current and text[x] != " ":
                if current and x > start:
                    runs.append((text[start:x], current))
                    start = x
                current = ink
        if self.wide > start:
            runs.append((text[start:], current))
        return runs
