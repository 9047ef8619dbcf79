"""One run of load: its plan, its engine, and what its windows add up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from stressdash.load.fleet import Fleet
from stressdash.load.plan import Plan
from stressdash.metrics.faults import FaultTable
from stressdash.metrics.figures import RecentWindows
from stressdash.metrics.results import Results, WarmUp, parse_warm_up
from stressdash.metrics.series import Timeline
from stressdash.metrics.stoprules import StopRule, StopWatch, parse_stop_rule
from stressdash.metrics.window import RunTotals, without_histograms
from stressdash.samples import Phase, Window
from stressdash.session.clock import Clock
from stressdash.settings import Settings
from stressdash.store.recorder import Recorder
from stressdash.store.runfiles import FilePaths, RunFiles
from stressdash.text import duration_us, percent

__all__ = ["LiveRun", "make_run"]

NO_FILES: Final = FilePaths()
UNREAD_SHARE: Final = 0.1
"""Of the median latency, from which on the generator's own queue is told."""
UNREAD_US: Final = 100
"""Less than this is what it takes to wake up."""
ASKED_FAULTS: Final = 64
"""Faults whose trace ids are looked up in APM."""


def make_run(settings: Settings, plan: Plan, number: int, clock: Clock, timeline: Timeline) -> LiveRun:
    """A run that has not started, with the warm-up and the stop rules that were asked for.

    Raises:
        UsageError: one of them cannot be read.
    """
    return LiveRun(
        plan,
        number,
        clock,
        timeline,
        Random(plan.run_id),
        warm_up=parse_warm_up(settings.warm_up) if settings.warm_up else None,
        stop_rules=[parse_stop_rule(text) for text in settings.stop_when],
        file_paths=FilePaths(settings.hlog, settings.csv, settings.jsonl),
    )


class LiveRun:
    """Folds the windows of one run as they arrive."""

    def __init__(
        self,
        plan: Plan,
        number: int,
        clock: Clock,
        timeline: Timeline,
        random: Random,
        *,
        warm_up: WarmUp | None = None,
        stop_rules: Sequence[StopRule] = (),
        file_paths: FilePaths = NO_FILES,
    ) -> None:
        self.plan = plan
        self.number = number
        self.fleet = Fleet(plan, on_window=self.add)
        self.totals = RunTotals()
        self.faults = FaultTable(random)
        self.recent = RecentWindows()
        self.started_s: float | None = None
        self.ended_s: float | None = None
        self.results = Results(warm_up)
        """What counts: without the warm-up, as a whole and by segment."""
        self.stopwatch = StopWatch(stop_rules)
        self.connections = plan.connections
        self.rate = plan.rate
        """Arrivals per second as last steered; None: the closed loop."""
        self.duration_s = plan.duration_s
        self.stopping = False
        self.ended_by = ""
        """The broken threshold that ended it, as a sentence."""
        self.core_share: float | None = None
        """The busiest worker's share of its core, smoothed over about half a second."""
        self.recorder: Recorder | None = None
        """Writes the windows to disk as they come, when the run is kept."""
        self._file_paths = file_paths
        self.files: RunFiles | None = None
        """Files that grow with the run."""
        self._origin_ns = clock.origin_ns
        self._timeline = timeline
        self._cores: dict[int, float] = {}
        self._loops: set[bool] = set()
        """Whether it was closed, of every window so far."""

    def add(self, window: Window) -> None:
        """Fold in one worker's window."""
        if self.recorder is not None:
            self.recorder.add_window(window)
        if self.files is not None:
            self.files.add(window)
        self.totals.add(window)
        self.faults.add(window)
        self.recent.add(window)
        self.results.add(window)
        self.stopwatch.add(window)
        self._timeline.add_window(window, self._origin_ns)
        if window.phase is Phase.RUN:
            self._loops.add(window.target_rate is None)
        if window.length_ns > 0:
            share = window.core_ns / window.length_ns
            smooth = self._cores.get(window.worker, share)
            self._cores[window.worker] = smooth + (share - smooth) / 5
            self.core_share = max(self._cores.values())

    def add_past(self, window: Window) -> None:
        """Fold in what lies back: for charts, counts and faults, without percentiles."""
        counted = without_histograms(window)
        self.totals.add(counted)
        self.faults.add(counted)
        self._timeline.add_window(window, self._origin_ns)

    def begin_files(self) -> None:
        """Write the files that grow from now on; the fleet has started."""
        self.files = RunFiles(
            self._file_paths,
            origin_ns=self.fleet.started_ns,
            origin_wall_ms=self.fleet.started_wall_ms,
            workers=len(self.fleet.worker_pids),
        )

    def end_files(self) -> None:
        """No window comes any more."""
        if self.files is not None:
            self.files.finish()

    @property
    def warnings(self) -> list[str]:
        """What a reader of the figures must know of how they were come by."""
        warnings = [*self.fleet.warnings, *(self.files.problems if self.files is not None else ())]
        share = self.totals.unread_share
        unread_us = self.totals.unread.percentile(0.5)
        if share is not None and share >= UNREAD_SHARE and (unread_us or 0) >= UNREAD_US:
            warnings.append(
                f"answers lay unread for {duration_us(unread_us)} at the median, "
                f"{percent(share)} of the latency: the generator's own queue, not the target"
            )
        return warnings

    @property
    def counts_from_s(self) -> float:
        """Where on the axis the results begin: at the start, or after the warm-up."""
        from_ns = self.results.counts_from_ns
        return self.started_s or 0.0 if from_ns is None else (from_ns - self._origin_ns) / 1e9

    @property
    def connections_at_end(self) -> int:
        """As last steered, by hand or by the plan's shape."""
        segments = self.results.segments
        return segments[-1].connections if segments else self.connections

    @property
    def basis(self) -> str:
        """What latency counts from: `intended` in the open loop, `sent` in the closed, `mixed` in both."""
        loops = self._loops or {self.plan.rate is None}
        if len(loops) > 1:
            return "mixed"
        return "sent" if loops == {True} else "intended"

    def failed_traces(self, limit: int) -> Iterator[str]:
        """Trace ids out of the faults' reservoirs, of the most frequent faults, at most about `limit`."""
        faults = self.faults.top(ASKED_FAULTS)
        share = max(16, limit // max(1, len(faults)))
        for fault in faults:
            yield from fault.trace_ids[:share]
