"""Levels of load, each run several times: what the law is fitted to, and which of them met the objective."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from stressdash.metrics.usl import Point

__all__ = ["Level", "LevelRun", "best_level", "default_levels", "level_points"]

STEPS: Final = 8


@dataclass(frozen=True, slots=True)
class LevelRun:
    """One run of one level."""

    run_id: str
    concurrency: float | None
    """Connections that were busy on average: what the law calls N."""
    throughput: float | None
    """Completed requests per second."""
    p99_us: float | None
    failed_share: float | None
    held: bool | None
    """Whether it met the objective; None when that cannot be told, for instance for lack of samples."""
    void: tuple[str, ...] = ()
    """Why it measured the generator instead of the target."""
    steady: str = ""
    """Why it has no steady state; empty when it has one."""

    @property
    def point(self) -> Point | None:
        """What the law is fitted to; None of a void run, or one that measured nothing."""
        if self.void or not self.concurrency or self.throughput is None:
            return None
        return Point(self.concurrency, self.throughput)


@dataclass(frozen=True, slots=True)
class Level:
    """A number of connections and its runs."""

    connections: int
    runs: tuple[LevelRun, ...]

    @property
    def throughput(self) -> float | None:
        """Median goodput over the runs that are not void."""
        found = [point.throughput for run in self.runs if (point := run.point) is not None]
        return median(found) if found else None

    @property
    def held(self) -> bool | None:
        """Whether every run met the objective; False when one did not; None when it cannot be told."""
        answers = {run.held for run in self.runs if not run.void}
        if False in answers:
            return False
        return True if answers == {True} else None


def default_levels(most: int) -> tuple[int, ...]:
    """Levels from 1 to `most`, evenly spaced on a logarithmic scale."""
    steps = [round(most ** (number / (STEPS - 1))) for number in range(STEPS)]
    return tuple(sorted(set(steps)))


def level_points(levels: Iterable[Level]) -> tuple[Point, ...]:
    """What the law is fitted to."""
    return tuple(point for level in levels for run in level.runs if (point := run.point) is not None)


def best_level(levels: Sequence[Level]) -> Level | None:
    """The level with the highest goodput among those that met the objective."""
    met = [level for level in levels if level.held and level.throughput is not None]
    return max(met, key=lambda level: level.throughput or 0.0, default=None)
