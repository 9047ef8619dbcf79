"""The course of a run in its JSON and summary: warm-up, steady state, cap, segments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from window_factory import GRID_NS, window

from stressdash.metrics.results import Results, WarmUp
from stressdash.report.build import RunFacts, build_report
from stressdash.report.course import CourseFacts
from stressdash.report.course_json import CourseReport
from stressdash.report.course_summary import course_lines
from stressdash.report.run_json import RunReport, load, to_json
from stressdash.report.summary import summary

STARTED_NS = 5_000_000_000


def switched(waited: int = 0, warm_up: WarmUp | None = None) -> Results:
    """Eight seconds of 10 connections, then eight of 100/s on them."""
    results = Results(warm_up)
    for at in range(160):
        opened = at >= 80
        results.add(
            window(
                start_ns=STARTED_NS + at * GRID_NS,
                segment=int(opened),
                target_connections=10,
                target_rate=100.0 if opened else None,
                scheduled=10,
                sent=10,
                completed=10,
                responses=10,
                waited=waited if opened else 0,
                latency=[1_000] * 10,
                latency_intended=[9_000] * 10 if opened else [],
                send_lag=[50] * 10 if opened else [],
            )
        )
    return results


@pytest.fixture
def report_of(folded: Any) -> Any:
    def make(results: Results, basis: str, **more: Any) -> RunReport:
        course = CourseFacts(results, STARTED_NS, **more)
        changes = {"totals": results.totals, "course": course, "basis": basis, "connections": 10}
        return build_report(RunFacts(**folded.arguments | changes))

    return make


class TestSegments:
    def test_each_stands_by_itself(self, report_of: Any) -> None:
        report = report_of(switched(), "mixed")
        closed, opened = report.course.segments
        assert (closed.loop, closed.rate, closed.latency_corrected_us) == ("closed", None, None)
        assert (opened.loop, opened.rate, opened.start_s) == ("open", 100.0, 8.0)
        assert (opened.latency_corrected_us.p50, opened.latency_raw_us.p50) == (9_007, 1_000)
        assert opened.steady_from_s == 8.0

    def test_are_a_table_of_the_summary(self, report_of: Any) -> None:
        lines = course_lines(report_of(switched(), "mixed"))
        table = [line for line in lines if "conns" in line]
        assert "10 conns" in table[0]
        assert "100/s on 10 conns" in table[1]
        assert max(map(len, lines)) <= 80

    def test_come_back_from_the_json(self, report_of: Any) -> None:
        report = report_of(switched(waited=1), "mixed")
        assert load(to_json(report)) == report

    def test_many_are_cut_short_in_the_summary_only(self, report_of: Any) -> None:
        report = report_of(switched(), "mixed")
        many = replace(report.course, segments=report.course.segments * 20)
        assert (
            course_lines(replace(report, course=many))[-1].strip() == "and 28 more; the JSON has all of them"
        )


class TestCap:
    def test_that_binds_is_told(self, report_of: Any) -> None:
        report = report_of(switched(waited=4), "intended")
        cap = report.course.cap
        assert (cap.waited, cap.share, cap.binds) == (320, 0.2, True)
        assert "10 connections; 320 due requests (20.0%) waited for one: the cap binds" in summary(report)

    def test_that_does_not_bind_is_silent(self, report_of: Any) -> None:
        report = report_of(switched(), "intended")
        assert report.course.cap.binds is False
        assert not any(line.startswith("Cap") for line in course_lines(report))

    def test_is_none_of_the_closed_loop(self, report_of: Any) -> None:
        assert report_of(switched(), "sent").course.cap is None


class TestBeginning:
    def test_what_was_left_out_is_told(self, report_of: Any) -> None:
        report = report_of(switched(warm_up=WarmUp(2.0)), "mixed", warm_up="2s")
        assert report.course.left_out_s == 2
        assert report.duration_s == 14
        assert "Warm-up   2s left out" in summary(report)

    def test_a_steady_state_that_was_never_reached_is_told(self, report_of: Any) -> None:
        results = Results()
        for at in range(100):
            results.add(window(start_ns=at * GRID_NS, responses=at, completed=at, latency=[1_000] * at))
        text = summary(report_of(results, "sent"))
        assert "Steady    never reached: the rate drifted" in text

    def test_a_report_of_old_has_no_course(self, report: RunReport) -> None:
        assert course_lines(replace(report, course=CourseReport())) == []
