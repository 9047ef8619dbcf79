"""When requests are due in the open loop: a pure schedule, whatever the target does.

Arrivals are the points of a process of unit rate (0, 1, 2, ... or a Poisson process), laid onto the clock
through the inverse of the rate's integral. So a rate that changes linearly needs nothing special, uniform
arrivals never drift, and the same seed gives the same schedule.

A target that freezes must not cost memory by the backlog that it causes. So due times are not kept: the
schedule is read twice, once to count what has come due (`advance`), once to give the due time of the oldest
request that was not sent (`take`). A change of rate ends a piece of the schedule and begins the next.
"""

from __future__ import annotations

import math
import random
from collections import deque
from typing import Final

__all__ = ["Pacer"]

NEVER_NS: Final = 1 << 62
FAR_S: Final = 1e9
"""What is due later than in thirty years is never due."""


class Points:
    """Due times of one piece of the schedule, read one after the other."""

    __slots__ = ("_draw", "_rate", "_slope", "_start_ns", "_unit", "next_ns")

    def __init__(
        self, start_ns: int, rate: float, slope: float, first: float, draw: random.Random | None
    ) -> None:
        """Points from `start_ns` on.

        Args:
            start_ns: where the piece begins.
            rate: arrivals per second at the beginning.
            slope: change of the rate per second.
            first: first point of the unit process, in expected arrivals after the beginning.
            draw: randomness of Poisson arrivals; None makes them uniform.
        """
        self._start_ns = start_ns
        self._rate = rate
        self._slope = slope
        self._draw = draw
        self._unit = first if draw is None else draw.expovariate(1.0)
        self.next_ns = self._place()

    @property
    def rest(self) -> float:
        """The next point of the unit process."""
        return self._unit

    def step(self) -> None:
        """Go to the next point."""
        self._unit += 1.0 if self._draw is None else self._draw.expovariate(1.0)
        self.next_ns = self._place()

    def passed(self, at_ns: int) -> float:
        """Expected arrivals between the beginning and `at_ns`."""
        seconds = (at_ns - self._start_ns) / 1e9
        return self._rate * seconds + self._slope * seconds * seconds / 2

    def rate_at(self, at_ns: int) -> float:
        """Arrivals per second at a time."""
        return max(0.0, self._rate + self._slope * (at_ns - self._start_ns) / 1e9)

    def _place(self) -> int:
        if self._slope == 0:
            seconds = self._unit / self._rate if self._rate > 0 else math.inf
        else:
            square = self._rate * self._rate + 2 * self._slope * self._unit
            seconds = (math.sqrt(square) - self._rate) / self._slope if square >= 0 else math.inf
        return self._start_ns + round(seconds * 1e9) if seconds < FAR_S else NEVER_NS


class Piece:
    """A piece of the schedule with its end, for the reader that comes behind."""

    __slots__ = ("end_ns", "points")

    def __init__(self, points: Points) -> None:
        self.points = points
        self.end_ns = NEVER_NS


class Pacer:
    """One worker's part of the schedule: every `workers`-th arrival, or a Poisson process of that rate."""

    def __init__(self, worker: int, workers: int, arrivals: str, seed: int) -> None:
        """A schedule without arrivals yet.

        Args:
            worker: number of the worker.
            workers: number of workers that share the rate.
            arrivals: `uniform` or `poisson`.
            seed: of Poisson arrivals.
        """
        self._share = 1 / workers
        self._offset = worker / workers
        self._seed = f"{seed}/{worker}" if arrivals == "poisson" else None
        self._made = 0
        self._ahead: Points | None = None
        self._behind: deque[Piece] = deque()
        self._rate = self._slope = 0.0
        self._paused = False
        self._rest = self._offset
        """While paused: first point of the unit process after it."""
        self.next_ns = NEVER_NS
        """When the next request is due that was not counted."""
        self.limit = NEVER_NS
        """Arrivals still to be counted before the schedule ends."""

    def set_rate(self, rate: float, now_ns: int, slope: float = 0.0) -> None:
        """Go on from `now_ns` with another rate.

        Args:
            rate: arrivals per second over all workers; 0 makes no more.
            now_ns: nothing before this time changes; everything before it has been counted.
            slope: change of the rate per second.
        """
        self._rate, self._slope = rate * self._share, slope * self._share
        if not self._paused:
            self._begin(now_ns, self._offset if self._ahead is None else self._left(now_ns))

    def rate_at(self, at_ns: int) -> float:
        """Arrivals per second of this worker at a time of the present piece; while paused, what it was."""
        return self._rate if self._ahead is None or self._paused else self._ahead.rate_at(at_ns)

    def pause(self, now_ns: int) -> None:
        """No arrivals until `resume`, which goes on where this stopped."""
        if self._ahead is not None:
            self._rest = self._left(now_ns)
            self._rate = self._ahead.rate_at(now_ns)
            self._end_piece(now_ns)
            self.next_ns = NEVER_NS
        self._paused = True

    def resume(self, now_ns: int) -> None:
        """Go on after a pause, the schedule shifted by its length."""
        self._paused = False
        self._begin(now_ns, self._rest)

    def advance(self, before_ns: int) -> int:
        """How many requests came due before this time, since the last call."""
        count = 0
        while self.next_ns < before_ns:
            count += 1
            self._count()
        return count

    def take(self) -> int:
        """Due time of the oldest counted request that was not taken."""
        while self._behind[0].points.next_ns >= self._behind[0].end_ns:
            self._behind.popleft()
        points = self._behind[0].points
        due_ns = points.next_ns
        points.step()
        return due_ns

    def take_early(self) -> None:
        """Count and take the next arrival before it is due; all that were counted have been taken."""
        if self.next_ns != NEVER_NS:
            self._count()
            self.take()

    def _count(self) -> None:
        assert self._ahead is not None
        self._ahead.step()
        self.limit -= 1
        self.next_ns = self._ahead.next_ns if self.limit > 0 else NEVER_NS

    def _left(self, now_ns: int) -> float:
        assert self._ahead is not None
        return max(0.0, self._ahead.rest - self._ahead.passed(now_ns))

    def _begin(self, now_ns: int, first: float) -> None:
        self._end_piece(now_ns)
        ahead, behind = (Points(now_ns, self._rate, self._slope, first, self._draw()) for _ in range(2))
        self._made += 1
        self._ahead = ahead
        self._behind.append(Piece(behind))
        self.next_ns = ahead.next_ns if self.limit > 0 else NEVER_NS

    def _draw(self) -> random.Random | None:
        return None if self._seed is None else random.Random(f"{self._seed}/{self._made}")

    def _end_piece(self, now_ns: int) -> None:
        if self._behind and self._behind[-1].end_ns == NEVER_NS:
            self._behind[-1].end_ns = now_ns
