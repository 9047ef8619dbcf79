"""How a run went in time: its results as records of the JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stressdash.metrics.results import Results, Segment
from stressdash.metrics.window import RunTotals
from stressdash.report.course_json import CapReport, CourseReport, SegmentReport
from stressdash.report.latency import latency_report

__all__ = ["CourseFacts", "cap_report", "course_report"]

BINDS: Final = 0.01
"""Share of the due requests that had to wait for a connection, from which on the cap shaped the result."""


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """What is known at the end of a run of how it went."""

    results: Results
    started_ns: int
    """Monotonic start of the run."""
    warm_up: str | None = None
    """As asked for."""
    stopped_by: str = ""


def course_report(facts: CourseFacts, connections: int, basis: str) -> CourseReport:
    """The record of a run with so many connections at its end."""
    results = facts.results
    steady = results.steady
    return CourseReport(
        warm_up=facts.warm_up,
        left_out_s=round(results.left_out_s, 6),
        steady_from_s=steady.from_s,
        steady_reason=steady.reason,
        stopped_by=facts.stopped_by or None,
        cap=None if basis == "sent" else cap_report(results.totals, connections),
        segments=tuple(_segment(segment, facts.started_ns) for segment in results.segments),
    )


def cap_report(totals: RunTotals, connections: int) -> CapReport:
    """Whether connections were lacking for the rate that was asked for."""
    share = totals.waited / totals.scheduled if totals.scheduled else None
    return CapReport(connections, totals.waited, share, share is not None and share >= BINDS)


def _segment(segment: Segment, started_ns: int) -> SegmentReport:
    totals, opened = segment.totals, segment.rate is not None
    corrected = latency_report(totals.latency_intended, totals.latency_intended_bounds)
    return SegmentReport(
        number=segment.number,
        start_s=round((segment.start_ns - started_ns) / 1e9, 6),
        duration_s=round(totals.measured_s, 6),
        connections=segment.connections,
        loop="open" if opened else "closed",
        rate=segment.rate,
        scheduled=totals.scheduled,
        completed=totals.completed,
        failed=totals.failed,
        requests_per_second=totals.requests_per_s,
        goodput_per_second=totals.goodput_per_s,
        failed_share=totals.failed_share,
        latency_raw_us=latency_report(totals.latency, totals.latency_timeouts),
        latency_corrected_us=corrected if opened else None,
        send_lag_p99_us=totals.send_lag.percentile(0.99) if opened else None,
        waited=totals.waited,
        steady_from_s=segment.steady.from_s,
        steady_reason=segment.steady.reason,
    )
