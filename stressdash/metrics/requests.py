"""Figures by name of the request: the counts of windows merged, the totals of a run, the rows of a screen.

Rates share the measured time of the run. A failure that held no request, such as a refused connect, is in the
run's totals and in none of these, so the names may add up to less than the run.
"""

from __future__ import annotations

from collections.abc import Iterable

from stressdash.metrics.histogram import Histogram, add
from stressdash.samples import Phase, RequestCounts, Window
from stressdash.snapshot import RequestFigures

__all__ = ["RequestTotals", "add_counts", "recent_requests"]


def add_counts(a: RequestCounts, b: RequestCounts) -> RequestCounts:
    """Counts of both windows."""
    return RequestCounts(
        completed=a.completed + b.completed,
        failed=a.failed + b.failed,
        responses=a.responses + b.responses,
        latency=add(a.latency, b.latency),
        latency_timeouts=add(a.latency_timeouts, b.latency_timeouts),
        latency_intended=add(a.latency_intended, b.latency_intended),
        latency_intended_bounds=add(a.latency_intended_bounds, b.latency_intended_bounds),
    )


class RequestTotals:
    """Everything that the windows of a run add up to for one name."""

    def __init__(self) -> None:
        self.completed = self.failed = self.responses = 0
        self.measured_completed = self.measured_responses = 0
        """Of the windows in which load ran: what rates are made of."""
        self.latency, self.latency_timeouts = Histogram(), Histogram()
        self.latency_intended, self.latency_intended_bounds = Histogram(), Histogram()

    def add(self, counts: RequestCounts, *, measured: bool) -> None:
        """Fold in a window; `measured` when load ran in it."""
        self.completed += counts.completed
        self.failed += counts.failed
        self.responses += counts.responses
        if measured:
            self.measured_completed += counts.completed
            self.measured_responses += counts.responses
        self.latency.add(counts.latency)
        self.latency_timeouts.add(counts.latency_timeouts)
        self.latency_intended.add(counts.latency_intended)
        self.latency_intended_bounds.add(counts.latency_intended_bounds)

    def include(self, other: RequestTotals) -> None:
        """Add everything that totals of another part of the run hold."""
        self.completed += other.completed
        self.failed += other.failed
        self.responses += other.responses
        self.measured_completed += other.measured_completed
        self.measured_responses += other.measured_responses
        self.latency.merge(other.latency)
        self.latency_timeouts.merge(other.latency_timeouts)
        self.latency_intended.merge(other.latency_intended)
        self.latency_intended_bounds.merge(other.latency_intended_bounds)

    @property
    def failed_share(self) -> float | None:
        """Failed requests among all that ended; None when none ended."""
        ended = self.completed + self.failed
        return self.failed / ended if ended else None


def recent_requests(windows: Iterable[Window], measured_s: float) -> tuple[RequestFigures, ...]:
    """Rows of the screen, over windows in which load ran for `measured_s`, the busiest name first."""
    totals: dict[str, RequestTotals] = {}
    for window in windows:
        for name, counts in window.by_request.items():
            totals.setdefault(name, RequestTotals()).add(counts, measured=window.phase is Phase.RUN)
    rows = [
        RequestFigures(
            name=name,
            requests_per_s=each.measured_responses / measured_s if measured_s else None,
            goodput_per_s=each.measured_completed / measured_s if measured_s else None,
            p50_us=each.latency.percentile(0.50),
            p99_us=each.latency.percentile(0.99),
            p99_is_bound=each.latency.reaches_bound(0.99, each.latency_timeouts),
            failed_share=each.failed_share,
        )
        for name, each in totals.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.requests_per_s or 0), row.name)))
