"""Windows of several workers, put together by grid step while a run goes on.

A step is finished once every worker has told of a later moment; then it comes out once, with the windows of
all workers merged, one for each phase and segment that the step has a part of. Memory is that of the steps
between the slowest worker and the fastest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stressdash.metrics.window import merge
from stressdash.samples import Window

__all__ = ["GRID_NS", "Steps"]

GRID_NS: Final = 100_000_000


class Steps:
    """Takes in windows in any order of workers, gives out steps in the order of time."""

    def __init__(self, origin_ns: int, workers: int) -> None:
        """Steps of a grid that begins at `origin_ns`, told by so many workers."""
        self._origin_ns = origin_ns
        self._workers = workers
        self._reach: dict[int, int] = {}
        """Step that each worker has come to."""
        self._pending: dict[int, list[Window]] = {}

    def add(self, window: Window) -> None:
        """Take in one worker's window."""
        step = (window.start_ns - self._origin_ns) // GRID_NS
        end = (window.start_ns + window.length_ns - self._origin_ns) // GRID_NS
        self._reach[window.worker] = max(self._reach.get(window.worker, 0), end)
        merged = self._pending.setdefault(step, [])
        for at, other in enumerate(merged):
            if (other.phase, other.segment) == (window.phase, window.segment):
                merged[at] = merge(other, window)
                return
        merged.append(window)

    def finished(self) -> Iterator[Window]:
        """Windows of the steps that no worker can add to any more."""
        if len(self._reach) == self._workers:
            yield from self._take(min(self._reach.values()))

    def rest(self) -> Iterator[Window]:
        """All that is left, when the run has ended."""
        yield from self._take(max(self._pending, default=0) + 1)

    def _take(self, before: int) -> Iterator[Window]:
        for step in sorted(step for step in self._pending if step < before):
            yield from sorted(self._pending.pop(step), key=lambda window: window.start_ns)
