"""Answers served together: how a worker waits when its user would rather have it cheap than prompt.

At a few thousand answers a second most of what a request costs is the waking up for it. As network cards
coalesce their interrupts, so `Coalescing` does wake-ups: a worker with nothing at hand sleeps until the next
point of a grid before it asks the kernel again, and then finds together what became ready meanwhile. The
price is told with every result: what waits for the grid, an answer, a request that is due, a command, waits
up to one interval longer, and requests leave in bursts.

A worker that is behind never sleeps: something is ready, or due, whenever it asks. Nor does one that has
little to do: where less than one thing happens in an interval, a nap would be a wake-up more, not less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from stressdash.errors import BadInput, UsageError
from stressdash.quantities import parse_duration

__all__ = ["Coalescing", "Poll", "check_coalesce", "parse_coalesce"]

Poll = Callable[[float, int], list[tuple[int, int]]]
"""Descriptors with their events: at most so many, waiting at most so many seconds for the first."""

LONGEST_S: Final = 0.010
SELDOM: Final = 1.5
"""Intervals between two questions from which on there is too little to gather."""
FORMS: Final = "give a time from above 0 to 10ms, such as 1ms; left out, each is served as it comes"


class Coalescing:
    """Stands where the loop has the poller's own `poll`, so that the hot path need not ask for it."""

    __slots__ = ("_asked_ns", "_clock", "_interval_ns", "_look", "_sleep", "_wait")

    def __init__(
        self,
        look: Poll,
        wait: Poll,
        interval_ns: int,
        *,
        clock: Callable[[], int],
        sleep: Callable[[float], object],
    ) -> None:
        """Points of the grid are the multiples of `interval_ns` on the clock.

        Args:
            look: tells what is ready now.
            wait: waits for what the grid point did not find.
            interval_ns: between two points.
            clock: monotonic time in nanoseconds.
            sleep: for seconds.
        """
        self._look = look
        self._wait = wait
        self._interval_ns = interval_ns
        self._clock = clock
        self._sleep = sleep
        self._asked_ns = 0

    def __call__(self, timeout_s: float, most: int) -> list[tuple[int, int]]:
        """What is ready at the next point of the grid, or as soon as it is where there is much or little."""
        events = self._look(0, most)
        if events or timeout_s <= 0:
            return events
        now = self._clock()
        apart_ns, self._asked_ns = now - self._asked_ns, now
        if apart_ns > SELDOM * self._interval_ns:
            return self._wait(timeout_s, most)
        nap_s = (self._interval_ns - now % self._interval_ns) / 1e9
        self._sleep(nap_s)
        return self._wait(max(0.0, timeout_s - nap_s), most)


def parse_coalesce(text: str) -> float:
    """Seconds between two points of the grid, as users write them.

    Raises:
        BadInput: it cannot be read, or is out of range.
    """
    try:
        seconds = parse_duration(text)
    except UsageError as error:
        raise BadInput(f"{text!r} is no time to serve answers together in; {FORMS}") from error
    check_coalesce(seconds)
    return seconds


def check_coalesce(seconds: float) -> None:
    """Refuse what would be no grid, or one that coarsens the figures out of all use.

    Raises:
        BadInput: it is out of range.
    """
    if not 0 < seconds <= LONGEST_S:
        raise BadInput(f"answers cannot be served together every {seconds:g} s; {FORMS}")
