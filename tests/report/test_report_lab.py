"""Runs of one setting are repeats; the newest setting is held against the one before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stressdash.metrics.verdict import Status, Verdict
from stressdash.report.run_json import RunReport
from stressdash.session.lab import LabBook


def run(report: RunReport, number: int, rate: float, **knobs: object) -> RunReport:
    return replace(
        report,
        run_id=f"run{number}",
        requests_per_second=rate,
        goodput_per_second=rate,
        segments_mixed=False,
        knobs={**report.knobs, **knobs},  # type: ignore[dict-item]
    )


class TestSettings:
    async def test_runs_of_one_setting_are_repeats_of_it(self, report: RunReport) -> None:
        book = LabBook()
        for number, rate in enumerate((100.0, 120.0, 110.0)):
            await book.add(run(report, number, rate))
        (setting,) = book.lab.settings
        assert (setting.runs, setting.requests_per_s) == (3, 110.0)
        assert book.lab.rows == ()

    async def test_another_setting_is_named_by_what_it_changed(self, report: RunReport) -> None:
        book = LabBook()
        await book.add(run(report, 1, 100.0))
        await book.add(run(report, 2, 150.0, max_open=50))
        assert book.lab.settings[1].label == "max_open=50"
        assert book.lab.headline == "max_open=50: goodput +50.0%, failed 25.4% → 25.4% (1/1 runs)"
        assert book.lab.sentences[:1] == ("max_open: 0 → 50",)
        assert (
            "audit of the newest run: acknowledged 3,000, lost 0, orphaned 40, dropped 76"
            in book.lab.sentences
        )
        assert book.lab.rows[0].change == "+50.0%"
        assert book.lab.rows[0].judgement == "too few repeats"

    async def test_going_back_to_a_setting_adds_to_its_runs_and_compares_with_the_last(
        self, report: RunReport
    ) -> None:
        book = LabBook()
        await book.add(run(report, 1, 100.0))
        await book.add(run(report, 2, 150.0, max_open=50))
        await book.add(run(report, 3, 100.0))
        assert [setting.runs for setting in book.lab.settings] == [1, 2]
        assert book.lab.rows[0].before == "150"

    async def test_enough_repeats_give_a_verdict(self, report: RunReport) -> None:
        book = LabBook()
        for number in range(5):
            await book.add(run(report, number, 100.0 + number))
        for number in range(5):
            await book.add(run(report, 10 + number, 150.0 + number, max_open=50))
        assert book.lab.rows[0].judgement == "better"

    @pytest.mark.parametrize("status", [Status.VOID, Status.INTERRUPTED])
    async def test_what_measured_nothing_is_told_and_not_compared(
        self, report: RunReport, status: Status
    ) -> None:
        book = LabBook()
        await book.add(run(report, 1, 100.0))
        await book.add(replace(run(report, 2, 150.0, max_open=50), verdict=Verdict(status)))
        assert len(book.lab.settings) == 1
        assert f"is {status} and not compared" in book.lab.headline
