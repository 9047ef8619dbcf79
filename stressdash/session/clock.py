"""The session's axis: seconds since it opened, from the monotonic clock, tied once to the wall clock."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Clock"]


class Clock:
    """Monotonic time inside, wall time at the edges."""

    def __init__(
        self,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self.origin_ns = monotonic_ns()
        self.origin_wall_us = wall_ns() // 1_000
        self.origin_wall_ms = self.origin_wall_us // 1_000

    def begin_at(self, monotonic_ns: int) -> None:
        """Let the axis begin at another moment; before anything stands on it."""
        self.origin_wall_us += (monotonic_ns - self.origin_ns) // 1_000
        self.origin_wall_ms = self.origin_wall_us // 1_000
        self.origin_ns = monotonic_ns

    def now_s(self) -> float:
        """Seconds since the session opened."""
        return self.axis_s(self._monotonic_ns())

    def axis_s(self, monotonic_ns: int) -> float:
        """A monotonic time on the session's axis."""
        return (monotonic_ns - self.origin_ns) / 1e9

    def axis_of_wall_s(self, wall_ms: float) -> float:
        """A wall-clock time on the session's axis."""
        return (wall_ms - self.origin_wall_ms) / 1e3

    def wall_ms(self) -> int:
        """Wall time now, as the monotonic clock carried it on from the session's start."""
        return self.wall_of_ns(self._monotonic_ns())

    def wall_of_ns(self, monotonic_ns: int) -> int:
        """Wall-clock milliseconds of a monotonic time."""
        return self.origin_wall_ms + (monotonic_ns - self.origin_ns) // 1_000_000

    def wall_us_of_ns(self, monotonic_ns: int) -> int:
        """Wall-clock microseconds of a monotonic time."""
        return self.origin_wall_us + (monotonic_ns - self.origin_ns) // 1_000
