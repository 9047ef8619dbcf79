"""Windows folded: those of one grid cell into one, and all of a run into its totals.

Rates are made of `RUN` windows alone, so pauses and draining stay out of every denominator; totals, faults
and latencies take every phase, because an answer that arrived late was still an answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from stressdash.metrics.faults import merge_faults
from stressdash.metrics.histogram import Histogram, add, sum_us
from stressdash.metrics.requests import RequestTotals, add_counts
from stressdash.samples import Phase, RequestCounts, Window

__all__ = ["MANY_WORKERS", "Little", "RunTotals", "lengthen", "merge", "without_histograms"]

MANY_WORKERS: Final = -1
"""`Window.worker` of a window merged over several workers."""

SATURATED: Final = 0.9
"""Share of its core above which a worker no longer keeps up."""

GAUGES: Final = ("target_connections", "open_connections", "busy_connections", "in_flight")
SUMS: Final = (
    *("scheduled", "sent", "completed", "failed", "responses", "bytes_sent", "bytes_received"),
    *("connects", "reconnects", "busy_ns", "cpu_ns", "waited", "faults_other"),
)
HISTOGRAMS: Final = (
    *("latency", "latency_failed", "latency_timeouts", "latency_intended", "latency_intended_bounds"),
    *("connect", "tls", "first_byte", "send_lag", "loop_lag", "unread"),
)


def merge(a: Window, b: Window) -> Window:
    """One window of two that different workers made of the same grid cell, phase and segment.

    Associative, and commutative up to the order of exemplars.

    Raises:
        ValueError: The two differ in phase or segment, so no sum of them would mean anything.
    """
    if (a.phase, a.segment) != (b.phase, b.segment):
        raise ValueError(f"windows merge only within one phase and segment, not {a} and {b}")
    start_ns = min(a.start_ns, b.start_ns)
    sums: dict[str, Any] = {name: getattr(a, name) + getattr(b, name) for name in (*GAUGES, *SUMS)}
    maps: dict[str, Any] = {
        name: add(getattr(a, name), getattr(b, name)) for name in ("statuses", *HISTOGRAMS)
    }
    return replace(
        a,
        start_ns=start_ns,
        length_ns=max(a.start_ns + a.length_ns, b.start_ns + b.length_ns) - start_ns,
        worker=a.worker if a.worker == b.worker else MANY_WORKERS,
        faults=merge_faults(a.faults + b.faults),
        exemplars=a.exemplars + b.exemplars,
        by_request=_join(a.by_request, b.by_request),
        target_rate=_sum_known(a.target_rate, b.target_rate),
        busiest_cpu_ns=max(a.core_ns, b.core_ns),
        **sums,
        **maps,
    )


def _sum_known(a: float | None, b: float | None) -> float | None:
    return None if a is None and b is None else (a or 0.0) + (b or 0.0)


def lengthen(a: Window, b: Window) -> Window:
    """One window of two that follow one another, of one phase and segment: lengths add up, gauges are b's.

    Raises:
        ValueError: as `merge`.
    """
    merged = merge(a, b)
    return replace(
        merged,
        length_ns=a.length_ns + b.length_ns,
        target_rate=b.target_rate,
        busiest_cpu_ns=a.core_ns + b.core_ns,
        **{name: getattr(b, name) for name in GAUGES},
    )


def without_histograms(window: Window) -> Window:
    """The window with its counts and gauges alone."""
    empty: dict[str, Any] = {name: {} for name in (*HISTOGRAMS, "by_request")}
    return replace(window, **empty)


def _join(a: Mapping[str, RequestCounts], b: Mapping[str, RequestCounts]) -> Mapping[str, RequestCounts]:
    if not a or not b:
        return a or b
    merged = dict(a)
    for name, counts in b.items():
        seen = merged.get(name)
        merged[name] = counts if seen is None else add_counts(seen, counts)
    return merged


@dataclass(frozen=True, slots=True)
class Little:
    """Little's law held against a run: connections in use, and what throughput x latency says of them."""

    held: float
    """Mean number of busy connections."""
    explained: float
    """Mean number of requests between first byte sent and last byte received."""

    @property
    def gap(self) -> float:
        """Connections whose time passed in the generator's hands, or in failures that have no latency."""
        return self.held - self.explained


@dataclass(slots=True)
class _Worker:
    """What must be known of each worker by itself."""

    run_ns: int = 0
    cpu_ns: int = 0
    saturated_ns: int = 0
    newest_ns: int = -1
    in_flight: int = 0

    def include(self, later: _Worker) -> None:
        """Add another stretch of the same worker's time."""
        self.run_ns += later.run_ns
        self.cpu_ns += later.cpu_ns
        self.saturated_ns += later.saturated_ns
        if later.newest_ns > self.newest_ns:
            self.newest_ns, self.in_flight = later.newest_ns, later.in_flight


class RunTotals:
    """Everything that the windows of one run add up to.

    The attributes named like fields of `Window` are sums over all phases; histograms are `Histogram`s.
    """

    def __init__(self) -> None:
        self.scheduled = self.sent = self.completed = self.failed = self.responses = 0
        self.bytes_sent = self.bytes_received = self.connects = self.reconnects = 0
        self.busy_ns = self.cpu_ns = self.waited = self.faults_other = 0
        self.latency, self.latency_failed, self.latency_timeouts = Histogram(), Histogram(), Histogram()
        self.latency_intended, self.latency_intended_bounds = Histogram(), Histogram()
        self.connect, self.tls, self.first_byte = Histogram(), Histogram(), Histogram()
        self.send_lag, self.loop_lag, self.unread = Histogram(), Histogram(), Histogram()
        self.by_request: dict[str, RequestTotals] = {}
        """Totals by name of the request; empty for a plan of one name."""
        self.segments: set[int] = set()
        """Steering segments that were measured."""
        self._statuses: Counter[int] = Counter()
        self._workers: dict[int, _Worker] = {}
        self._run = Counter[str]()
        self._run_latency_us = 0.0

    def add(self, window: Window) -> None:
        """Fold in one worker's window, of any phase."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(window, name))
        for name in HISTOGRAMS:
            if counts := getattr(window, name):
                getattr(self, name).add(counts)
        self._statuses.update(window.statuses)
        for name, counts in window.by_request.items():
            totals = self.by_request.setdefault(name, RequestTotals())
            totals.add(counts, measured=window.phase is Phase.RUN)
        worker = self._workers.setdefault(window.worker, _Worker())
        if window.start_ns + window.length_ns > worker.newest_ns:
            worker.newest_ns = window.start_ns + window.length_ns
            worker.in_flight = window.in_flight
        if window.phase is Phase.RUN and window.length_ns > 0:
            self._add_measured(window, worker)

    def include(self, other: RunTotals) -> None:
        """Add everything that totals of another part of the run hold."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in HISTOGRAMS:
            getattr(self, name).merge(getattr(other, name))
        for name, totals in other.by_request.items():
            self.by_request.setdefault(name, RequestTotals()).include(totals)
        self.segments |= other.segments
        self._statuses.update(other._statuses)
        for number, worker in other._workers.items():
            self._workers.setdefault(number, _Worker()).include(worker)
        self._run.update(other._run)
        self._run_latency_us += other._run_latency_us

    def _add_measured(self, window: Window, worker: _Worker) -> None:
        self.segments.add(window.segment)
        worker.run_ns += window.length_ns
        worker.cpu_ns += window.core_ns
        if window.core_ns > SATURATED * window.length_ns:
            worker.saturated_ns += window.length_ns
        self._run.update(
            responses=window.responses,
            completed=window.completed,
            failed=window.failed,
            busy_ns=window.busy_ns,
        )
        self._run_latency_us += sum_us(window.latency)

    @property
    def statuses(self) -> Mapping[int, int]:
        """Full responses by status."""
        return dict(sorted(self._statuses.items()))

    @property
    def workers(self) -> int:
        """Number of worker processes seen."""
        return len(self._workers)

    @property
    def in_flight(self) -> int:
        """Requests due and not ended, as last counted; after the last window this is `in_flight_at_stop`."""
        return sum(worker.in_flight for worker in self._workers.values())

    @property
    def measured_s(self) -> float:
        """Seconds of running load, pauses and draining left out: the mean over workers."""
        measured = [worker.run_ns for worker in self._workers.values() if worker.run_ns]
        return sum(measured) / len(measured) / 1e9 if measured else 0.0

    @property
    def requests_per_s(self) -> float | None:
        """Full responses of any status per measured second, as wrk counts."""
        return self._per_second("responses")

    @property
    def goodput_per_s(self) -> float | None:
        """Completed requests per measured second."""
        return self._per_second("completed")

    def _per_second(self, name: str) -> float | None:
        measured_s = self.measured_s
        return self._run[name] / measured_s if measured_s else None

    @property
    def failed_share(self) -> float | None:
        """Failed requests among all that ended; None when none ended."""
        ended = self.completed + self.failed
        return self.failed / ended if ended else None

    @property
    def core_share_max(self) -> float | None:
        """Share of its core that the busiest worker spent while load ran."""
        return max((w.cpu_ns / w.run_ns for w in self._workers.values() if w.run_ns), default=None)

    @property
    def saturated_share(self) -> float | None:
        """Largest share of measured time that one worker spent over 90 % of its core.

        Windows weigh by their length: a sliver left by a pause says little.
        """
        return max((w.saturated_ns / w.run_ns for w in self._workers.values() if w.run_ns), default=None)

    @property
    def unread_share(self) -> float | None:
        """Median time that answers lay unread in the kernel, as a share of the median latency."""
        unread, latency = self.unread.percentile(0.5), self.latency.percentile(0.5)
        return None if unread is None or not latency else min(1.0, unread / latency)

    @property
    def cpu_us_per_request(self) -> float | None:
        """Generator CPU, user and system, per ended request."""
        ended = self.completed + self.failed
        return self.cpu_ns / 1e3 / ended if ended else None

    @property
    def mixed(self) -> bool:
        """Whether figures reach over several steering segments."""
        return len(self.segments) > 1

    @property
    def little(self) -> Little | None:
        """Connections held against throughput x mean latency; None before anything was measured."""
        measured_s = self.measured_s
        if not measured_s:
            return None
        return Little(self._run["busy_ns"] / 1e9 / measured_s, self._run_latency_us / 1e6 / measured_s)
