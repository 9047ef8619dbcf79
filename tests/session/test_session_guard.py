"""A threshold that may end a run ends it once it is known to be broken, and not before its delay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from session_fakes import AnsweringServer, FakeStack

from stressdash.metrics.thresholds import Threshold, parse_threshold
from stressdash.metrics.verdict import Status
from stressdash.report.run_json import RunReport
from stressdash.scenario import Condition, Scenario
from stressdash.session.session import Session
from stressdash.settings import Settings

PATIENT_S = 60.0


@pytest.fixture
async def failing() -> AsyncIterator[AnsweringServer]:
    async with AnsweringServer("500 Internal Server Error") as server:
        yield server


async def report_of(
    server: AnsweringServer, *thresholds: Threshold, scenario: Scenario | None = None, duration_s: float
) -> RunReport:
    settings = Settings(url=server.url, connections=2, duration_s=duration_s)
    session = Session(
        settings, scenario, FakeStack(server.url), source=lambda *_: None, thresholds=thresholds
    )
    try:
        async with asyncio.timeout(PATIENT_S):
            await session.open()
            await session.start_load()
            report = await session.finished()
    finally:
        await session.close()
    assert report is not None
    return report


class TestBrokenThresholds:
    async def test_end_the_run_as_failed_with_the_reason(self, failing: AnsweringServer) -> None:
        threshold = parse_threshold("failed:rate<1%", abort_on_fail=True)
        report = await report_of(failing, threshold, duration_s=3_600)
        assert report.verdict.status is Status.FAILED
        assert report.verdict.reasons[0].startswith("ended after ")
        assert "failed:rate<1%" in report.verdict.reasons[0]
        assert [(one.text, one.held, one.value) for one in report.thresholds] == [
            ("failed:rate<1%", False, 1)
        ]

    async def test_of_a_scenario_end_it_as_well(self, failing: AnsweringServer) -> None:
        scenario = Scenario("x", threshold=(Condition("failed:rate<1%", abort_on_fail=True, delay="100ms"),))
        report = await report_of(failing, scenario=scenario, duration_s=3_600)
        assert report.verdict.status is Status.FAILED
        assert report.duration_s >= 0.1

    @pytest.mark.parametrize(
        "threshold",
        [
            parse_threshold("failed:rate<1%"),
            parse_threshold("failed:rate<1%", abort_on_fail=True, delay_s=3_600),
            parse_threshold("apm.failed:rate<1%", abort_on_fail=True),
            parse_threshold("failed:rate>1%", abort_on_fail=True),
        ],
        ids=["not to end it", "not due", "not known", "held"],
    )
    async def test_otherwise_the_run_takes_its_time(
        self, failing: AnsweringServer, threshold: Threshold
    ) -> None:
        report = await report_of(failing, threshold, duration_s=0.8)
        assert report.duration_s >= 0.75
        assert not [reason for reason in report.verdict.reasons if reason.startswith("ended after")]
