"""The course of a run through the session: steered rate, warm-up, stop rules, the plan ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from session_fakes import AnsweringServer, FakeStack

from stressdash.errors import UsageError
from stressdash.metrics.verdict import Status
from stressdash.report.run_json import RunReport
from stressdash.session.session import Session
from stressdash.settings import Settings

PATIENT_S = 60.0


@pytest.fixture
async def server() -> AsyncIterator[AnsweringServer]:
    async with AnsweringServer() as answering:
        yield answering


@asynccontextmanager
async def loading(server: AnsweringServer, **settings: object) -> AsyncIterator[Session]:
    """A session whose load has begun."""
    given = {"url": server.url, "connections": 2, "duration_s": None, **settings}
    session = Session(Settings(**given), None, FakeStack(server.url), source=lambda *_: None)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(PATIENT_S):
            await session.open()
            await session.start_load()
        yield session
    finally:
        await session.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENT_S):
        while not condition():  # noqa: ASYNC110 - the condition is about the load's own process
            await asyncio.sleep(0.01)


async def report_of(session: Session) -> RunReport:
    async with asyncio.timeout(PATIENT_S):
        report = await session.finished()
    assert report is not None
    return report


def completed(session: Session) -> int:
    assert session.run is not None
    return session.run.totals.completed


class TestRate:
    async def test_opens_and_closes_the_loop_of_a_run_in_segments_of_their_own(
        self, server: AnsweringServer
    ) -> None:
        async with loading(server) as session:
            await until(lambda: completed(session) > 20)
            await session.set_rate(200)
            await until(lambda: session.snapshot().client.target_rate == 200)
            await until(lambda: (session.snapshot().client.corrected_p50_us or 0) > 0)
            await session.set_rate(None)
            await until(lambda: session.snapshot().client.target_rate is None)
            await session.stop_load()
            report = await report_of(session)
        assert report.latency_basis == "mixed"
        assert report.latency_us.p50 is None
        assert report.segments_mixed
        assert [segment.loop for segment in report.course.segments] == ["closed", "open", "closed"]
        assert [segment.rate for segment in report.course.segments] == [None, 200, None]
        labels = [mark.label for mark in report.marks]
        assert "open loop 200/s" in labels
        assert "closed loop" in labels

    async def test_is_what_the_next_run_starts_with(self, server: AnsweringServer) -> None:
        async with loading(server, duration_s=0.2) as session:
            await report_of(session)
            await session.set_rate(100)
            assert session.snapshot().client.target_rate == 100
            await session.run_again()
            report = await report_of(session)
        assert report.latency_basis == "intended"
        assert report.plan["rate"] == 100
        assert report.course.cap is not None

    async def test_that_cannot_be_kept_is_refused(self, server: AnsweringServer) -> None:
        async with loading(server) as session:
            with pytest.raises(UsageError, match="cannot be kept"):
                await session.set_rate(0)


class TestWarmUp:
    async def test_is_left_out_of_figures_and_not_of_the_books(self, server: AnsweringServer) -> None:
        async with loading(server, duration_s=1.0, rate=200.0, warm_up="500ms") as session:
            report = await report_of(session)
            course = session.snapshot().course
        assert report.duration_s == pytest.approx(0.5)
        assert report.course.left_out_s == 0.5
        assert report.requests.scheduled == 200
        assert report.send_lag_us is not None
        assert report.send_lag_us.samples < 200
        assert course is not None
        assert course.left_out is not None

    async def test_is_told_while_it_goes_on(self, server: AnsweringServer) -> None:
        async with loading(server, warm_up="1h") as session:
            await until(lambda: completed(session) > 20)
            course = session.snapshot().course
            assert course is not None
            assert course.words.startswith("warm-up, ")
            assert course.left_out is not None


class TestStopRules:
    async def test_end_the_run_as_failed_and_say_so(self, server: AnsweringServer) -> None:
        async with loading(server, stop_when=("rate>1/s 300ms",)) as session:
            report = await report_of(session)
        assert report.verdict.status is Status.FAILED
        assert report.course.stopped_by is not None
        assert report.course.stopped_by in report.verdict.reasons
        assert "by the rule 'rate>1/s 300ms'" in report.course.stopped_by

    async def test_that_are_not_met_leave_the_run_alone(self, server: AnsweringServer) -> None:
        async with loading(server, duration_s=0.5, stop_when=("failed>5% 200ms",)) as session:
            report = await report_of(session)
        assert report.verdict.status is not Status.FAILED
        assert report.course.stopped_by is None


class TestPlanAhead:
    async def test_names_the_stages_and_where_one_is(self, server: AnsweringServer) -> None:
        async with loading(server, stages="hold 2 1h, ramp 2..4 1h") as session:
            await until(lambda: completed(session) > 20)
            snapshot = session.snapshot()
            plan = snapshot.plan
            assert plan is not None
            assert [stage.label for stage in plan.stages] == ["hold 2", "ramp 2..4"]
            assert plan.at_s is not None
            assert plan.at_s > 0
            assert plan.is_followed
            assert snapshot.duration_s == 7200
            await session.set_connections(5)
            after = session.snapshot().plan
            assert after is not None
            assert not after.is_followed

    async def test_is_there_before_the_run(self, server: AnsweringServer) -> None:
        async with loading(server, stages="hold 2 100ms") as session:
            await report_of(session)
            plan = session.snapshot().plan
        assert plan is not None
        assert plan.at_s is None
