"""Think time: how long a connection of the closed loop waits between an answer and its next request.

It is `100ms` (always that long), `100ms..300ms` (evenly distributed between the two) or `exp 100ms`
(exponentially distributed, with that mean).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final, Protocol

from stressdash.errors import BadInput, UsageError
from stressdash.quantities import parse_duration

__all__ = ["Pause", "Think", "parse_think"]

LONGEST_S: Final = 3600.0
FORMS: Final = "write for instance 100ms, 100ms..300ms or 'exp 100ms'"


class Pause(Protocol):
    """What says how long a connection waits before its next request."""

    def draw_ns(self, draw: random.Random) -> int:
        """The next time, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Think:
    """A distribution of think times, in seconds."""

    low_s: float
    high_s: float
    """Equal to `low_s` when it is always the same; both are the mean when exponential."""
    exponential: bool = False

    def draw_ns(self, draw: random.Random) -> int:
        """One think time, in nanoseconds."""
        if self.exponential:
            return round(draw.expovariate(1 / self.low_s) * 1e9)
        return round(draw.uniform(self.low_s, self.high_s) * 1e9)


def parse_think(text: str) -> Think:
    """A think time as users write it.

    Raises:
        BadInput: it cannot be read; the sentence says what would be right.
    """
    words = text.strip().lower()
    exponential = words.startswith("exp ")
    first, dots, last = words.removeprefix("exp ").partition("..")
    try:
        low_s = parse_duration(first)
        high_s = parse_duration(last) if dots else low_s
    except UsageError as error:
        raise BadInput(f"the think time {text!r} cannot be read; {FORMS}") from error
    if exponential and dots:
        raise BadInput(f"the think time {text!r} is exponential and a range at once; {FORMS}")
    if not 0 < low_s <= high_s <= LONGEST_S:
        raise BadInput(f"the think time {text!r} must grow from above 0 to at most {LONGEST_S:g} s")
    return Think(low_s, high_s, exponential)
