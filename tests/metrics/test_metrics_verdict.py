"""A run is void when the generator was the bottleneck, and each verdict has its reasons and exit code."""

from __future__ import annotations

from random import Random

import pytest
from window_factory import GRID_NS, fault, window

from stressdash.metrics.faults import FaultTable
from stressdash.metrics.verdict import Status, judge, unreached_reasons, verdict_word, void_reasons
from stressdash.metrics.window import RunTotals


def totals_of(**given: object) -> RunTotals:
    totals = RunTotals()
    totals.add(window(**given))
    return totals


class TestVoid:
    @pytest.mark.parametrize(("saturated", "void"), [(0, False), (1, False), (2, True)])
    def test_by_a_worker_at_its_limit_in_over_a_tenth_of_the_time(self, saturated: int, void: bool) -> None:
        totals = RunTotals()
        for n in range(10):
            cpu_ns = round(GRID_NS * (0.95 if n < saturated else 0.5))
            totals.add(window(start_ns=n * GRID_NS, cpu_ns=cpu_ns))
        assert bool(void_reasons(totals, open_loop=False)) is void

    @pytest.mark.parametrize(
        ("lag_us", "median_us", "void"),
        [(4_900, 1_000, False), (6_000, 1_000, True), (6_000, 100_000, False), (12_000, 100_000, True)],
    )
    def test_by_late_sends_beyond_five_ms_and_a_tenth_of_the_median(
        self, lag_us: int, median_us: int, void: bool
    ) -> None:
        totals = totals_of(send_lag=[lag_us] * 50, latency=[median_us] * 50)
        assert bool(void_reasons(totals, open_loop=True)) is void

    def test_a_closed_loop_knows_no_late_send(self) -> None:
        assert void_reasons(totals_of(send_lag=[10**6] * 50), open_loop=False) == ()

    @pytest.mark.parametrize(("sent", "waited", "void"), [(99, 0, False), (98, 0, True), (97, 2, False)])
    def test_by_unsent_requests_unless_the_cap_on_connections_bound(
        self, sent: int, waited: int, void: bool
    ) -> None:
        totals = totals_of(scheduled=100, sent=sent, waited=waited)
        assert bool(void_reasons(totals, open_loop=True)) is void

    def test_of_nothing_is_not_declared(self) -> None:
        assert void_reasons(RunTotals(), open_loop=True) == ()


class TestNobodyReached:
    def test_is_a_run_in_which_every_connect_still_waits(self) -> None:
        totals = RunTotals()
        for _ in range(10):
            totals.add(window())
        (reason,) = unreached_reasons(totals, FaultTable(Random(1)))
        assert reason == "nobody was reached: not one request could be sent"

    def test_is_not_a_run_that_had_no_time(self) -> None:
        totals = RunTotals()
        totals.add(window())
        assert unreached_reasons(totals, FaultTable(Random(1))) == ()

    @pytest.mark.parametrize(("failed", "sent", "void"), [(5, 0, True), (5, 1, False)])
    def test_is_a_run_of_failures_in_which_nothing_was_sent(self, failed: int, sent: int, void: bool) -> None:
        refused = window(
            failed=failed,
            sent=sent,
            faults=(fault(failed, category="connect", code="ECONNREFUSED", message="refused"),),
        )
        totals, faults = RunTotals(), FaultTable(Random(1))
        totals.add(refused)
        faults.add(refused)
        reasons = unreached_reasons(totals, faults)
        assert bool(reasons) is void
        assert not void or "could be sent, refused" in reasons[0]


class TestWord:
    @pytest.mark.parametrize(
        ("status", "thresholds", "word"),
        [
            ("passed", 1, "passed"),
            ("passed", 0, "not judged"),
            ("passed", None, "not judged"),
            ("failed", 0, "failed"),
            ("void", 0, "void"),
            ("interrupted", 2, "interrupted"),
        ],
    )
    def test_passed_is_only_what_had_something_to_hold(
        self, status: str, thresholds: int | None, word: str
    ) -> None:
        assert verdict_word(status, thresholds) == word


class TestJudge:
    @pytest.mark.parametrize(
        ("void", "failed", "interrupted", "status", "code"),
        [
            ((), (), False, Status.PASSED, 0),
            ((), ("p(99)<200",), False, Status.FAILED, 4),
            (("late",), ("p(99)<200",), False, Status.VOID, 5),
            (("late",), (), True, Status.INTERRUPTED, 130),
        ],
    )
    def test_the_gravest_finding_decides(
        self, void: tuple[str, ...], failed: tuple[str, ...], interrupted: bool, status: Status, code: int
    ) -> None:
        verdict = judge(void, failed, interrupted=interrupted)
        assert (verdict.status, verdict.status.exit_code) == (status, code)
        assert {*void, *failed} <= set(verdict.reasons)
