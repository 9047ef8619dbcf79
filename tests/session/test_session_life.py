from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import jsonschema
import pytest
from session_fakes import AnsweringServer, FakeStack

from stressdash.apm.source import ApmSource
from stressdash.errors import StressdashError, UsageError
from stressdash.load.fleet import Fleet
from stressdash.metrics.thresholds import parse_threshold
from stressdash.report.run_json import json_schema, to_json
from stressdash.samples import ComponentState
from stressdash.session.session import Session
from stressdash.settings import Settings
from stressdash.snapshot import RunState, Snapshot
from stressdash.wire import from_json


@asynccontextmanager
async def session_on(stack: FakeStack, settings: Settings, *thresholds: str) -> AsyncIterator[Session]:
    session = Session(
        settings,
        None,
        stack,
        source=lambda *_: None,
        thresholds=tuple(parse_threshold(text) for text in thresholds),
    )
    try:
        yield session
    finally:
        await session.close()


async def until(session: Session, holds: Callable[[Snapshot], bool]) -> Snapshot:
    """The first snapshot for which something holds."""
    async with asyncio.timeout(30):
        while not holds(snapshot := session.snapshot()):  # noqa: ASYNC110 snapshots are there to be pulled
            await asyncio.sleep(0.01)
    return snapshot


async def begins(session: Session) -> Snapshot:
    """The first snapshot of a run that starts, long before its workers are there."""
    while (snapshot := session.snapshot()).state is not RunState.RUNNING:  # noqa: ASYNC110  as in `until`
        await asyncio.sleep(0)
    return snapshot


def endless(server: AnsweringServer) -> Settings:
    return Settings(url=server.url, connections=2, duration_s=None)


class TestOpening:
    async def test_a_ready_stack_makes_a_ready_session_with_its_knobs_turned(self) -> None:
        async with AnsweringServer() as server:
            settings = Settings(url=server.url, knobs={"max_open": "7"})
            async with session_on(FakeStack(server.url), settings) as session:
                await session.open()
                snapshot = session.snapshot()
                assert snapshot.state is RunState.READY
                assert [knob.actual for knob in snapshot.knobs] == ["7"]
                assert snapshot.client.requests_per_s is None

    async def test_a_stack_that_fails_is_a_state_with_its_sentence(self) -> None:
        stack = FakeStack("http://127.0.0.1:1", broken="the database ended at once: disk full")
        async with session_on(stack, Settings()) as session:
            with pytest.raises(StressdashError, match="disk full"):
                await session.open()
            snapshot = session.snapshot()
            assert (snapshot.state, snapshot.notice) == (
                RunState.FAILED,
                "the database ended at once: disk full",
            )
        assert stack.closed

    async def test_load_asked_for_too_early_starts_when_the_stack_is_ready(self) -> None:
        ready = asyncio.Event()
        async with (
            AnsweringServer() as server,
            session_on(FakeStack(server.url, ready=ready), endless(server)) as session,
        ):
            opening = asyncio.create_task(session.open())
            await session.start_load()
            assert session.snapshot().state is RunState.STARTING
            ready.set()
            await opening
            await until(session, lambda s: s.totals.get("completed", 0) > 0)


class TestRuns:
    async def test_a_run_ends_by_itself_with_a_report_that_keeps_the_schema(self) -> None:
        async with AnsweringServer() as server:
            settings = Settings(url=server.url, connections=2, max_requests=200, duration_s=None, think="2ms")
            async with session_on(FakeStack(server.url), settings) as session:
                await session.open()
                await session.start_load()
                report = await session.finished()
                assert report is not None
                jsonschema.validate(from_json(to_json(report), dict), json_schema())
                assert report.requests.scheduled == report.requests.completed == server.requests == 200
                assert report.verdict.status == "passed"
                assert session.snapshot().state is RunState.FINISHED

    async def test_a_threshold_that_does_not_hold_fails_the_run(self) -> None:
        async with AnsweringServer("500 Oops", b'{"code":"internal","msg":"no"}') as server:
            settings = Settings(url=server.url, connections=1, max_requests=20, duration_s=None, think="5ms")
            async with session_on(FakeStack(server.url), settings, "rate<1%", "count>=20") as session:
                await session.open()
                await session.start_load()
                report = await session.finished()
                assert report is not None
                assert report.verdict.status == "failed"
                assert [outcome.held for outcome in session.outcomes] == [False, True]
                (fault,) = report.faults
                assert (fault.category, fault.code, fault.message) == ("rpc", "internal", "no")

    async def test_stopping_early_is_an_interruption(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            await session.start_load()
            await until(session, lambda s: s.totals.get("completed", 0) > 0)
            await session.stop_load()
            report = await session.finished()
            assert report is not None
            assert report.verdict.status == "interrupted"

    async def test_a_stop_that_comes_while_it_starts_ends_it(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            starting = asyncio.create_task(session.start_load())
            await begins(session)
            assert not starting.done()
            await session.stop_load()
            await starting
            async with asyncio.timeout(60):
                report = await session.finished()
            assert report is not None
            assert report.verdict.status in {"interrupted", "void"}

    async def test_whoever_gives_up_while_it_starts_leaves_no_run_behind(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            starting = asyncio.create_task(session.start_load())
            await begins(session)
            starting.cancel()
            await asyncio.wait([starting])
            assert session.snapshot().state is RunState.READY
            await session.start_load()
            await until(session, lambda s: s.totals.get("completed", 0) > 0)

    async def test_is_over_even_when_its_end_cannot_be_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def fail(_: Fleet) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(Fleet, "wait", fail)
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            await session.start_load()
            async with asyncio.timeout(30):
                assert await session.finished() is None
            await until(session, lambda s: s.state is RunState.FINISHED and "a defect" in s.notice)

    async def test_two_runs_at_once_are_refused(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            await session.start_load()
            with pytest.raises(UsageError, match="running already"):
                await session.start_load()

    async def test_paused_load_sends_nothing_and_goes_on(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            await session.start_load()
            await until(session, lambda s: s.totals.get("completed", 0) > 0)
            await session.pause()
            paused = await until(session, lambda s: s.client.in_flight == 0)
            assert paused.state is RunState.PAUSED
            seen = server.requests
            await session.resume()
            await until(session, lambda _: server.requests > seen)

    async def test_running_again_ends_one_run_before_the_next_begins(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            await session.start_load()
            await until(session, lambda s: s.totals.get("completed", 0) > 0)
            await session.run_again()
            snapshot = session.snapshot()
            assert (snapshot.state, snapshot.run_number, snapshot.run_ended_s) == (RunState.RUNNING, 2, None)

    async def test_a_finished_run_keeps_its_figures_and_its_series_end_with_it(self) -> None:
        async with AnsweringServer() as server:
            settings = Settings(url=server.url, connections=2, max_requests=200, duration_s=None)
            async with session_on(FakeStack(server.url), settings) as session:
                await session.open()
                await session.start_load()
                report = await session.finished()
                assert report is not None
                snapshot = session.snapshot()
                assert snapshot.client.requests_per_s == report.requests_per_second
                (rate, *_) = snapshot.series["rate"]
                assert snapshot.run_ended_s is not None
                last_s = rate.start_s + rate.step_s * (len(rate.values) - 1)
                assert last_s <= snapshot.run_ended_s + rate.step_s


class TestSteering:
    async def test_while_a_run_starts_waits_for_it(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            starting = asyncio.create_task(session.start_load())
            snapshot = await begins(session)
            assert not starting.done()
            assert snapshot.client.target_connections == 2
            await session.set_connections(5)
            await until(session, lambda s: s.client.open_connections == 5)
            await starting

    async def test_a_steered_run_is_marked_and_its_figures_are_mixed(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            await session.start_load()
            await until(session, lambda s: s.client.open_connections == 2)
            await session.set_connections(5)
            await session.set_knob("max_open", "9")
            snapshot = await until(
                session, lambda s: s.client.open_connections == 5 and any("mixed" in w for w in s.warnings)
            )
            labels = [mark.label for mark in snapshot.marks]
            assert "conns 2→5" in labels
            assert "max_open 0→9" in labels

    async def test_before_a_run_it_only_chooses_what_the_next_one_has(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            await session.set_connections(8)
            snapshot = session.snapshot()
            assert snapshot.client.target_connections == 8
            assert snapshot.marks == ()

    async def test_an_unknown_knob_is_refused_by_the_stack(self) -> None:
        async with AnsweringServer() as server, session_on(FakeStack(server.url), endless(server)) as session:
            await session.open()
            with pytest.raises(UsageError, match="there is no knob"):
                await session.set_knob("max_opne", "1")


class TestClosing:
    async def test_ends_the_stack_whatever_fails_before(self) -> None:
        class FailingSource:
            async def aclose(self) -> None:
                raise RuntimeError("a defect")

        stack = FakeStack("http://127.0.0.1:1")
        session = Session(Settings(), None, stack, source=lambda *_: None)
        session.source = cast("ApmSource", FailingSource())
        with pytest.raises(RuntimeError, match="a defect"):
            await session.close()
        assert stack.closed


class TestComponents:
    async def test_a_component_that_fails_is_a_warning_and_a_mark(self) -> None:
        async with AnsweringServer() as server:
            stack = FakeStack(server.url)
            async with session_on(stack, endless(server)) as session:
                await session.open()
                stack.state = ComponentState.FAILED
                snapshot = await until(session, lambda s: bool(s.warnings))
                assert snapshot.warnings[0].startswith("service is failed")
                assert any(mark.label == "service failed" for mark in snapshot.marks)

    async def test_actions_reach_the_stack_and_leave_a_mark(self) -> None:
        async with AnsweringServer() as server:
            stack = FakeStack(server.url)
            async with session_on(stack, endless(server)) as session:
                await session.open()
                await session.component_action("service", "restart")
                assert stack.actions == [("service", "restart")]
                assert session.snapshot().marks[-1].label == "restart service"

    async def test_what_follows_from_an_action_leaves_no_second_mark(self) -> None:
        async with AnsweringServer() as server:
            stack = FakeStack(server.url)
            async with session_on(stack, endless(server)) as session:
                await session.open()
                stack.state = ComponentState.FAILED
                await session.component_action("service", "kill")
                assert [mark.label for mark in session.snapshot().marks] == ["kill service"]
