"""How far the service's clock is ahead of ours, out of the bounds that single requests set.

A request that both sides timed bounds it as in NTP: the service began after our first byte left, and was done
before its last byte arrived. What that leaves open is the time on the way, however slow the service is. An
answer's `Date` header bounds it to a second; many of them, at all parts of a second, leave less.

Each bound holds, so the truth lies where they overlap: in the smallest interval that most of them share
(Marzullo). Where not even half of them share one, the answers come from machines with different clocks, or
the clock was just set, and nothing is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from stressdash.samples import ClockOffset

__all__ = ["Bounds", "ClockSkew", "agreement", "dated_bounds", "joined_bounds"]

KEPT: Final = 64
"""Newest bounds of each kind; older ones would hold against a clock that drifts."""
ENOUGH: Final = 3
"""Bounds before anything is said: one alone could be a mistake."""
TOLERANCE_US: Final = 5_000
"""What no chart of seconds shows, and agents may err by when a transaction ends after its answer was sent."""
SECOND_US: Final = 1_000_000
STALE_US: Final = 250_000
"""Busy servers go on sending a date that they made, beyond its second."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The service's clock is ahead of ours by between these microseconds, both included."""

    low_us: int
    high_us: int

    @property
    def middle_us(self) -> int:
        """The best guess."""
        return (self.low_us + self.high_us) // 2


def joined_bounds(sent_us: int, ended_us: int, begun_us: int, duration_us: int) -> Bounds | None:
    """What a request says that the client sent and saw end, and the service began and worked on.

    None when the service worked for longer than the client waited: such an account fits no clock.
    """
    low_us, high_us = begun_us + duration_us - ended_us, begun_us - sent_us
    return Bounds(low_us, high_us) if low_us <= high_us else None


def dated_bounds(sent_us: int, ended_us: int, date_s: int) -> Bounds:
    """What an answer says that was made in this second of the service's clock, or shortly after."""
    return Bounds(date_s * SECOND_US - ended_us, (date_s + 1) * SECOND_US + STALE_US - sent_us)


def agreement(bounds: Iterable[Bounds]) -> Bounds | None:
    """The smallest interval that most of the bounds share; None when not more than half of them do."""
    listed = tuple(bounds)
    edges = sorted((edge, kind) for each in listed for edge, kind in ((each.low_us, 0), (each.high_us, 1)))
    best: Bounds | None = None
    most = open_ones = 0
    for place, (edge, closes) in enumerate(edges):
        if closes:
            open_ones -= 1
            continue
        open_ones += 1
        if open_ones > most:
            # The next edge closes one of them, or opens another and is looked at in its turn.
            most, best = open_ones, Bounds(edge, edges[place + 1][0])
    return best if 2 * most > len(listed) else None


class ClockSkew:
    """Folds bounds into an estimate, and into the correction that is made of it.

    The correction stays as long as the estimate allows it: what has been drawn moves only when it is wrong.
    """

    def __init__(self) -> None:
        self._joined: deque[Bounds] = deque(maxlen=KEPT)
        self._dated: deque[Bounds] = deque(maxlen=KEPT)
        self.correction_us = 0
        """What times from APM are to be set back by."""

    @property
    def joined(self) -> int:
        """How many joined bounds it goes by."""
        return len(self._joined)

    @property
    def estimate(self) -> Bounds | None:
        """By joined requests, else by dates; None as long as neither tells."""
        for bounds in (self._joined, self._dated):
            if len(bounds) >= ENOUGH:
                return agreement(bounds)
        return None

    @property
    def offset(self) -> ClockOffset | None:
        """The estimate, and what is made of it."""
        found = self.estimate
        if found is None:
            return None
        return ClockOffset(found.middle_us, (found.high_us - found.low_us + 1) // 2, self.correction_us)

    def add(self, joined: Iterable[Bounds], dated: Iterable[Bounds] = ()) -> None:
        """Take bounds in."""
        self._joined.extend(joined)
        self._dated.extend(dated)
        found = self.estimate
        if found is not None and not _allows(found, self.correction_us):
            self.correction_us = 0 if _allows(found, 0) else found.middle_us


def _allows(found: Bounds, correction_us: int) -> bool:
    return found.low_us - TOLERANCE_US <= correction_us <= found.high_us + TOLERANCE_US
