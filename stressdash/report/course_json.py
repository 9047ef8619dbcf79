"""How a run went in time, as its JSON tells it: warm-up, steady state, connection cap, segments."""

from __future__ import annotations

from dataclasses import dataclass

from stressdash.report.latency_json import LatencyReport

__all__ = ["CapReport", "CourseReport", "SegmentReport"]


@dataclass(frozen=True, slots=True)
class CapReport:
    """What the number of connections did to the rate that was asked for."""

    connections: int
    """Target at the end."""
    waited: int
    """Requests that came due while every connection was busy."""
    share: float | None
    """Of the requests that came due."""
    binds: bool
    """Whether that is one in a hundred or more: then the cap shaped the result."""


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """What was measured between two changes of connections, rate, loop, knob or stage."""

    number: int
    start_s: float
    """Since the start of the run."""
    duration_s: float
    """Measured."""
    connections: int
    """Target at its end."""
    loop: str
    """`closed` or `open`."""
    rate: float | None
    """Arrivals per second asked for at its end; None in the closed loop."""
    scheduled: int
    completed: int
    failed: int
    requests_per_second: float | None
    goodput_per_second: float | None
    failed_share: float | None
    latency_raw_us: LatencyReport
    latency_corrected_us: LatencyReport | None
    """None in the closed loop."""
    send_lag_p99_us: int | None
    waited: int
    steady_from_s: float | None
    """Measured seconds since the start of the run; None when never reached, or not known."""
    steady_reason: str
    """Why it is None."""


@dataclass(frozen=True, slots=True)
class CourseReport:
    """What of the run counts, and how it went."""

    warm_up: str | None = None
    """As asked for: a time, or `auto`."""
    left_out_s: float = 0.0
    """Measured seconds of the beginning that no rate, latency or share holds; `requests` and faults do."""
    steady_from_s: float | None = None
    """Measured seconds since the start; None when never reached, or not known."""
    steady_reason: str = ""
    """Why it is None."""
    stopped_by: str | None = None
    """What ended the run early, as a sentence; None when nothing did."""
    cap: CapReport | None = None
    """None in the closed loop."""
    segments: tuple[SegmentReport, ...] = ()
    """In their order; after a hundred, the last holds all that came later."""
