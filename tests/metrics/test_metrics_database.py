"""Rates of the database from its totals."""

from __future__ import annotations

import pytest

from stressdash.metrics.database import DatabaseMeter
from stressdash.samples import DatabaseRates, DatabaseStatus


def told(questions: int | None, **more: int) -> DatabaseStatus:
    return DatabaseStatus(questions=questions, **more)


class TestRates:
    def test_need_two_looks(self) -> None:
        meter = DatabaseMeter()
        assert meter.rates is None
        meter.add(1.0, told(5))
        assert meter.rates is None

    def test_are_per_second_of_the_last_seconds(self) -> None:
        meter = DatabaseMeter()
        for second in range(10):
            meter.add(second / 2, told(100 * second, commits=second, row_lock_waits=0))
        assert meter.rates == DatabaseRates(pytest.approx(200), pytest.approx(2), 0.0)

    def test_follow_a_change_within_two_seconds(self) -> None:
        meter = DatabaseMeter()
        for second in range(20):
            meter.add(float(second), told(0 if second < 15 else (second - 15) * 50))
        assert meter.rates is not None
        assert meter.rates.questions == pytest.approx(50)

    def test_of_what_is_not_told_are_unknown_and_not_0(self) -> None:
        meter = DatabaseMeter()
        meter.add(0.0, told(1))
        meter.add(1.0, told(3))
        assert meter.rates == DatabaseRates(2.0, None, None)

    def test_begin_anew_after_a_restart_and_after_silence(self) -> None:
        meter = DatabaseMeter()
        meter.add(0.0, told(1_000))
        meter.add(1.0, told(5))
        assert meter.rates is None
        meter.add(2.0, told(6))
        assert meter.rates is not None
        meter.add(3.0, None)
        assert meter.rates is None
