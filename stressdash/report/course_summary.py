"""How a run went in time, as lines of the summary: warm-up, steady state, connection cap, segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stressdash.report.course_json import CapReport, CourseReport, SegmentReport
from stressdash.report.run_json import RunReport
from stressdash.text import clock, count, duration_us, escape, percent, rate

__all__ = ["cap_sentence", "course_lines"]

SEGMENTS: Final = 12
"""Most segments listed."""


def course_lines(report: RunReport) -> list[str]:
    """Label and text, like the lines about machine and generator; the segments as a table."""
    course = report.course
    return [*_beginning(course), *_cap(course.cap), *_segments(course.segments)]


def _beginning(course: CourseReport) -> Iterator[str]:
    if course.warm_up is not None:
        left_out = f"{clock(round(course.left_out_s, 1))} left out of rates, latencies and shares"
        yield f"Warm-up   {left_out} (--warm-up {escape(course.warm_up, 20)})"
    if course.steady_from_s is not None:
        yield f"Steady    from {clock(round(course.steady_from_s, 1))} on"
    elif course.steady_reason and not course.segments[1:]:
        yield f"Steady    {course.steady_reason}"


def _cap(cap: CapReport | None) -> Iterator[str]:
    if cap is not None and cap.waited:
        yield f"Cap       {cap_sentence(cap)}"


def cap_sentence(cap: CapReport) -> str:
    """What the connections did to the rate."""
    late = f"{count(cap.waited)} due requests ({percent(cap.share)}) waited for one"
    return f"{count(cap.connections)} connections; {late}" + (": the cap binds" if cap.binds else "")


def _segments(segments: tuple[SegmentReport, ...]) -> Iterator[str]:
    if len(segments) < 2:
        return
    names = ("req/s", "fail", "p50", "p99", "due p99")
    yield f"{'Segments':<10}{'from':>7}  {'load':<21}" + "".join(f"{name:>8}" for name in names)
    for segment in segments[:SEGMENTS]:
        raw, corrected = segment.latency_raw_us, segment.latency_corrected_us
        figures = (
            rate(segment.requests_per_second),
            percent(segment.failed_share),
            duration_us(raw.p50),
            duration_us(raw.p99),
            duration_us(corrected.p99 if corrected else None),
        )
        begin = f"{segment.number:>10}{clock(round(segment.start_s, 1)):>7}  {_load(segment):<21}"
        yield begin + "".join(f"{figure:>8}" for figure in figures)
    if hidden := segments[SEGMENTS:]:
        yield f"        and {len(hidden)} more; the JSON has all of them"


def _load(segment: SegmentReport) -> str:
    connections = f"{count(segment.connections)} conns"
    return connections if segment.rate is None else f"{segment.rate:,.6g}/s on {connections}"
