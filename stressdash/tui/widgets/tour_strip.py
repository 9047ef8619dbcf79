"""The tour's words at the foot of every screen: where we are, what to look at, and the keys that lead on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stressdash.tui.lines import Line, ends, wrap
from stressdash.tui.tour import Tour
from stressdash.tui.widgets.panel import Panel

__all__ = ["TourStrip"]

ROWS: Final = 5
NARROW: Final = 100
KEYS: Final[Line] = [("n", "key"), (" next  ", "dim"), ("N", "key"), (" back", "dim")]


class TourStrip(Panel):
    """A heading and what to look at."""

    DEFAULT_CSS = f"TourStrip {{ height: {ROWS}; background: $panel; }}"

    def __init__(self, tour: Tour) -> None:
        super().__init__()
        self._tour = tour

    def compose_lines(self, width: int) -> Sequence[Line]:
        """The words in as many lines as they take."""
        step = self._tour.step
        head = ends([(f"TOUR {self._tour.place}  ", "accent"), (step.title, "strong")], KEYS, width)
        return [head, *([(piece, "text")] for piece in wrap(step.words, width, ROWS - 1))]
