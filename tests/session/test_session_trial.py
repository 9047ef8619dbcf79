"""Runs of a series: each with its own setting, one after the other, on one session."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from session_fakes import AnsweringServer, FakeStack

from stressdash.errors import KnobRejected
from stressdash.report.run_json import RunReport
from stressdash.samples import Knob
from stressdash.session.session import Session
from stressdash.session.trial import Setting, run_trial
from stressdash.settings import Settings
from stressdash.trials import _Series

PATIENT_S = 60.0


def session_on(server: AnsweringServer, stack: FakeStack | None = None, **settings: object) -> Session:
    few = {"duration_s": None, "max_requests": 60, "think": "2ms"}
    made = Settings(url=server.url, connections=2, **{**few, **settings})  # type: ignore[arg-type]
    return Session(made, None, stack or FakeStack(server.url), source=lambda *_: None)


class Restarting(FakeStack):
    """Its knob takes a value at the next start of the service."""

    async def set_knob(self, name: str, value: str) -> Knob:
        del name
        self._knob = replace(self._knob, applies="restart", desired=value)
        return self._knob

    async def action(self, component: str, action: str) -> None:
        await super().action(component, action)
        self._knob = replace(self._knob, actual=self._knob.desired)


class TestTrial:
    async def test_turns_its_setting_and_reports_it(self) -> None:
        async with AnsweringServer() as server:
            session = session_on(server)
            try:
                await session.open()
                async with asyncio.timeout(PATIENT_S):
                    report = await run_trial(session, Setting({"max_open": "7"}, connections=3))
            finally:
                await session.close()
        assert report.knobs["max_open"] == 7
        assert report.connections == 3
        assert not report.segments_mixed
        assert report.requests.completed > 0

    async def test_a_knob_that_applies_by_restart_gets_one(self) -> None:
        async with AnsweringServer() as server:
            stack = Restarting(server.url)
            session = session_on(server, stack)
            try:
                await session.open()
                async with asyncio.timeout(PATIENT_S):
                    report = await run_trial(session, Setting({"max_open": "7"}))
            finally:
                await session.close()
        assert stack.actions == [("service", "restart")]
        assert report.knobs["max_open"] == 7

    async def test_a_knob_that_takes_another_value_ends_it(self) -> None:
        class Stubborn(FakeStack):
            async def set_knob(self, name: str, value: str) -> Knob:
                knob = await super().set_knob(name, value)
                return Knob(**{**{f: getattr(knob, f) for f in Knob.__slots__}, "actual": "5"})

        async with AnsweringServer() as server:
            session = session_on(server, Stubborn(server.url))
            try:
                await session.open()
                with pytest.raises(KnobRejected, match="max_open should be 7 and is 5"):
                    await run_trial(session, Setting({"max_open": "7"}))
            finally:
                await session.close()


class TestRunningAgain:
    async def test_takes_what_was_turned_and_waits_for_a_restart(self) -> None:
        async with AnsweringServer() as server:
            stack = Restarting(server.url)
            session = session_on(server, stack)
            try:
                await session.open()
                await session.set_knob("max_open", "7")
                assert stack.actions == []
                async with asyncio.timeout(PATIENT_S):
                    await session.run_again()
                    report = await session.finished()
            finally:
                await session.close()
        assert stack.actions == [("service", "restart")]
        assert report is not None
        assert report.knobs["max_open"] == 7

    async def test_shows_the_difference_to_the_setting_before(self) -> None:
        async with AnsweringServer() as server:
            # A run of a moment in which the worker was busy is void, and not compared.
            session = session_on(server, think="50ms")
            try:
                await session.open()
                async with asyncio.timeout(PATIENT_S):
                    await session.run_again()
                    await session.finished()
                    await session.set_knob("max_open", "7")
                    await session.run_again()
                    await session.finished()
                lab = session.snapshot().lab
            finally:
                await session.close()
        assert lab.settings[1].label == "max_open=7"
        assert lab.headline.startswith("max_open=7: goodput ")
        assert lab.rows[0].metric == "req/s"


class TestSeries:
    async def test_makes_every_run_in_the_order_asked_for(self) -> None:
        variants = [Setting({"max_open": value}) for value in ("3", "9")]
        async with AnsweringServer() as server:
            series = await asyncio.wait_for(
                _Series(session_on(server), variants, (0, 1, 0), _row, quiet=True).run(), PATIENT_S
            )
        assert [trial.setting for trial in series.trials] == [0, 1, 0]
        assert [report.knobs["max_open"] for report in series.of(0)] == [3, 3]
        assert not series.interrupted

    async def test_shows_a_row_for_each_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        async with AnsweringServer() as server:
            work = _Series(session_on(server), [Setting({"max_open": "3"})], (0, 0), _row, quiet=False)
            await asyncio.wait_for(work.run(), PATIENT_S)
        assert capsys.readouterr().err == "row of max_open=3\n" * 2


def _row(label: str, report: RunReport) -> str:
    assert report.requests.completed
    return f"row of {label}"
