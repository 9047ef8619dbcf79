"""A report holds the folds of its run under the names that scripts know."""

from __future__ import annotations

from typing import Any

import pytest
from window_factory import GRID_NS, window

from stressdash.metrics.series import Timeline
from stressdash.metrics.window import RunTotals
from stressdash.report.build import RunFacts, apm_report, build_report, knob_values, window_rows
from stressdash.report.run_json import RunReport
from stressdash.samples import Knob


class TestFigures:
    def test_the_books_balance(self, report: RunReport) -> None:
        books = report.requests
        assert books.scheduled == books.completed + books.failed + books.in_flight_at_stop
        assert sum(fault.count for fault in report.faults) == books.failed

    def test_rates_are_per_measured_second(self, report: RunReport) -> None:
        assert report.duration_s == pytest.approx(10)
        assert report.requests_per_second == pytest.approx(400)
        assert report.goodput_per_second == pytest.approx(300)
        assert report.apm.throughput == pytest.approx(400)

    def test_faults_name_the_group_behind_them_or_the_reason(self, report: RunReport) -> None:
        refused, timeout = report.faults
        assert (refused.code, refused.apm_group, refused.count) == ("internal", "3f2a9900", 1_000)
        assert (timeout.apm_group, timeout.note) == (None, "no trace id")
        assert report.faults_explained is not None
        assert 0.8 < report.faults_explained.low <= report.faults_explained.share < 0.95

    def test_percentiles_that_reach_a_timeout_are_named(self, report: RunReport) -> None:
        assert report.latency_us.at_least == ("max",)
        assert report.latency_us.p999 is None
        assert report.latency_us.max is not None
        assert report.latency_us.max >= 2_000_000

    def test_errors_below_http_come_in_the_four_kinds_of_wrk(self, folded: Any) -> None:
        by_category = {
            "dns": 1,
            "connect": 2,
            "tls": 3,
            "read": 4,
            "protocol": 5,
            "write": 6,
            "timeout": 7,
            "rpc": 8,
        }
        errors = build_report(RunFacts(**folded.arguments | {"by_category": by_category})).socket_errors
        assert (errors.connect, errors.read, errors.write, errors.timeout) == (6, 9, 6, 7)

    def test_failures_beyond_the_cap_have_their_line(self, folded: Any) -> None:
        last = build_report(RunFacts(**folded.arguments | {"by_category": {"other": 12}})).faults[-1]
        assert (last.category, last.count) == ("other", 12)

    def test_in_open_loop_latency_counts_from_the_intended_start(self, folded: Any) -> None:
        totals = RunTotals()
        totals.add(window(latency=[100] * 50, latency_intended=[900] * 50))
        report = build_report(RunFacts(**folded.arguments | {"totals": totals, "basis": "intended"}))
        assert (report.latency_basis, report.latency_us.p50, report.latency_raw_us.p50) == (
            "intended",
            900,
            100,
        )

    def test_a_switched_loop_has_no_one_latency(self, folded: Any) -> None:
        totals = RunTotals()
        totals.add(window(latency=[100] * 50))
        totals.add(window(latency=[100] * 50, latency_intended=[900] * 50, segment=1))
        report = build_report(RunFacts(**folded.arguments | {"totals": totals, "basis": "mixed"}))
        assert report.latency_us.p50 is None
        assert report.spectrum == ()
        assert report.latency_corrected_us is not None
        assert (report.latency_corrected_us.p50, report.latency_raw_us.p50) == (900, 100)

    def test_the_books_hold_the_warm_up_and_the_figures_do_not(self, folded: Any) -> None:
        books = RunTotals()
        books.add(window(scheduled=9_000, completed=9_000))
        report = build_report(RunFacts(**folded.arguments | {"books": books}))
        assert report.requests.completed == 9_000
        assert report.failed_share == folded.totals.failed_share


class TestApm:
    def test_that_could_not_answer_is_unknown_and_not_zero(self) -> None:
        silent = apm_report("embedded intake", None, [], measured_s=10.0)
        assert (silent.source, silent.transactions, silent.latency_us.p99) == ("embedded intake", None, None)


class TestKnobs:
    def test_are_numbers_where_they_are_numbers(self) -> None:
        def knob(name: str, kind: str, actual: str | None) -> Knob:
            return Knob(name, name, "service", kind, "live", None, actual, "0")

        knobs = (
            knob("a", "int", "800"),
            knob("b", "seconds", "0.5"),
            knob("c", "choice", "inherit"),
            knob("d", "int", None),
            knob("e", "int", "unlimited"),
        )
        assert knob_values(knobs) == {"a": 800, "b": 0.5, "c": "inherit", "d": None, "e": "unlimited"}


class TestWindows:
    def test_are_rows_of_a_second_from_the_start_of_the_run(self) -> None:
        timeline = Timeline()
        for cell in range(37, 67):
            timeline.add_window(window(start_ns=cell * GRID_NS, responses=5, completed=4, failed=1), 0)
        rows = window_rows(timeline, 3.7, 6.7)
        assert [row.t_s for row in rows] == [0, 1, 2]
        assert [row.requests_per_second for row in rows] == pytest.approx([50, 50, 50])
        assert [row.failed for row in rows] == [10, 10, 10]

    def test_of_a_long_run_stay_few(self) -> None:
        timeline = Timeline()
        timeline.add_window(window(start_ns=0), 0)
        assert len(window_rows(timeline, 0.0, 86_400.0)) == 600
