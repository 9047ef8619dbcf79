"""One run of load: its plan, its engine, and what its windows add up to."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from stressdash.load.fleet import Fleet
from stressdash.load.plan import Plan
from stressdash.metrics.faults import FaultTable
from stressdash.metrics.figures import RecentWindows
from stressdash.metrics.series import Timeline
from stressdash.metrics.window import RunTotals
from stressdash.samples import Window
from stressdash.session.clock import Clock
from stressdash.store.recorder import Recorder
from stressdash.text import duration_us, percent

__all__ = ["LiveRun"]

UNREAD_SHARE: Final = 0.1
"""Of the median latency, from which on the generator's own queue is told."""
UNREAD_US: Final = 100
"""Less than this is what it takes to wake up."""
ASKED_FAULTS: Final = 64
"""Faults whose trace ids are looked up in APM."""


class LiveRun:
    """Folds the windows of one run as they arrive."""

    def __init__(self, plan: Plan, number: int, clock: Clock, timeline: Timeline, random: Random) -> None:
        self.plan = plan
        self.number = number
        self.fleet = Fleet(plan, on_window=self.add)
        self.totals = RunTotals()
        self.faults = FaultTable(random)
        self.recent = RecentWindows()
        self.started_s: float | None = None
        self.ended_s: float | None = None
        self.connections = plan.connections
        self.duration_s = plan.duration_s
        self.stopping = False
        self.ended_by = ""
        """The broken threshold that ended it, as a sentence."""
        self.core_share: float | None = None
        """The busiest worker's share of its core, smoothed over about half a second."""
        self.recorder: Recorder | None = None
        """Writes the windows to disk as they come, when the run is kept."""
        self._origin_ns = clock.origin_ns
        self._timeline = timeline
        self._cores: dict[int, float] = {}

    def add(self, window: Window) -> None:
        """Fold in one worker's window."""
        if self.recorder is not None:
            self.recorder.add_window(window)
        self.totals.add(window)
        self.faults.add(window)
        self.recent.add(window)
        self._timeline.add_window(window, self._origin_ns)
        if window.length_ns > 0:
            share = window.core_ns / window.length_ns
            smooth = self._cores.get(window.worker, share)
            self._cores[window.worker] = smooth + (share - smooth) / 5
            self.core_share = max(self._cores.values())

    @property
    def warnings(self) -> list[str]:
        """What a reader of the figures must know of how they were come by."""
        warnings, share = list(self.fleet.warnings), self.totals.unread_share
        unread_us = self.totals.unread.percentile(0.5)
        if share is not None and share >= UNREAD_SHARE and (unread_us or 0) >= UNREAD_US:
            warnings.append(
                f"answers lay unread for {duration_us(unread_us)} at the median, "
                f"{percent(share)} of the latency: the generator's own queue, not the target"
            )
        return warnings

    def failed_traces(self, limit: int) -> Iterator[str]:
        """Trace ids out of the faults' reservoirs, of the most frequent faults, at most about `limit`."""
        faults = self.faults.top(ASKED_FAULTS)
        share = max(16, limit // max(1, len(faults)))
        for fault in faults:
            yield from fault.trace_ids[:share]
