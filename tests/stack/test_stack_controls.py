"""Status and knobs of a stack, with a service and a database that do as they are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stressdash.errors import DatabaseFull, KnobRejected, StackError, UsageError
from stressdash.samples import Component, ComponentState, DatabaseStatus, ServiceStatus
from stressdash.stack.controls import FRESH_S, Controls
from stressdash.stack.knobs import REAL_DATABASE_KNOBS


class FakeService:
    """A service that keeps what it is told, unless `problem` says otherwise."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"sampling": 0.1}
        self.asked = 0
        self.problem: StackError | None = None
        self.awake = asyncio.Event()
        self.awake.set()

    async def status(self) -> ServiceStatus:
        self.asked += 1
        told = ServiceStatus(**self.values)
        await self.awake.wait()
        if self.problem is not None:
            raise self.problem
        return told

    async def turn(self, name: str, value: str) -> None:
        if self.problem is not None:
            raise self.problem
        self.values[name] = float(value)

    async def close(self) -> None:
        pass


class FakeDatabase:
    """A database that keeps what it is told, unless `problem` says otherwise."""

    def __init__(self) -> None:
        self.variables = {"max_connections": "151"}
        self.problem: StackError | None = None

    async def status(self) -> DatabaseStatus:
        if self.problem is not None:
            raise self.problem
        return DatabaseStatus(max_connections=int(self.variables["max_connections"]))

    async def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    async def set_variable(self, name: str, value: int) -> None:
        self.variables[name] = str(value)

    async def close(self) -> None:
        pass


class Bench:
    """Controls aimed at the two fakes, on a clock that stands still."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.service = FakeService()
        self.database = FakeDatabase()
        self.controls = Controls(REAL_DATABASE_KNOBS, lambda: self.now_s)


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    await made.controls.aim(made.service, made.database)  # type: ignore[arg-type]
    return made


async def knob(controls: Controls, name: str) -> Any:
    return {one.name: one for one in await controls.knobs()}[name]


class TestTurn:
    async def test_gives_the_knob_as_read_back(self, bench: Bench) -> None:
        turned = await bench.controls.turn("sampling", "0.5", live=True)
        assert (turned.desired, turned.actual) == ("0.5", "0.5")
        assert bench.service.values["sampling"] == 0.5

    async def test_sets_a_variable_of_the_database(self, bench: Bench) -> None:
        turned = await bench.controls.turn("innodb_flush_log_at_trx_commit", "2", live=True)
        assert (turned.actual, bench.database.variables["innodb_flush_log_at_trx_commit"]) == ("2", "2")

    async def test_of_a_component_that_is_down_only_notes_the_wish(self, bench: Bench) -> None:
        turned = await bench.controls.turn("sampling", "0.5", live=False)
        assert turned.desired == "0.5"
        assert bench.service.values["sampling"] == 0.1

    async def test_that_is_rejected_shows_the_reason_and_keeps_the_value_to_start_with(
        self, bench: Bench
    ) -> None:
        await bench.controls.turn("sampling", "0.5", live=True)
        bench.service.problem = KnobRejected("not today")
        with pytest.raises(KnobRejected, match="not today"):
            await bench.controls.turn("sampling", "0.7", live=True)
        bench.service.problem = None
        shown = await knob(bench.controls, "sampling")
        assert (shown.desired, shown.error) == ("0.5", "not today")
        assert (await bench.controls.starting_values())["sampling"] == "0.5"

    async def test_clears_the_reason_when_it_is_taken_at_last(self, bench: Bench) -> None:
        bench.service.problem = KnobRejected("not today")
        with pytest.raises(KnobRejected):
            await bench.controls.turn("sampling", "0.7", live=True)
        bench.service.problem = None
        assert (await bench.controls.turn("sampling", "0.7", live=True)).error == ""

    async def test_outside_the_range_reaches_nobody(self, bench: Bench) -> None:
        with pytest.raises(UsageError):
            await bench.controls.turn("sampling", "7", live=True)
        assert bench.service.asked == 0

    async def test_without_anybody_to_take_it_is_rejected(self) -> None:
        controls = Controls(REAL_DATABASE_KNOBS)
        with pytest.raises(KnobRejected, match="needs a service"):
            await controls.turn("sampling", "0.5", live=True)
        with pytest.raises(KnobRejected, match="needs a database"):
            await controls.turn("max_connections", "5", live=True)


class TestAsking:
    async def test_many_in_a_moment_cost_one_question(self, bench: Bench) -> None:
        await bench.controls.service_status()
        await bench.controls.knobs()
        await bench.controls.knobs()
        assert bench.service.asked == 1

    async def test_later_is_a_new_question(self, bench: Bench) -> None:
        await bench.controls.knobs()
        bench.now_s += FRESH_S
        await bench.controls.knobs()
        assert bench.service.asked == 2

    async def test_a_service_that_does_not_answer_makes_its_knobs_unknown_only(self, bench: Bench) -> None:
        bench.service.problem = StackError("gone")
        assert (await knob(bench.controls, "sampling")).actual is None
        assert (await knob(bench.controls, "max_connections")).actual == "151"

    async def test_in_flight_leaves_the_last_answer_until_the_next(self, bench: Bench) -> None:
        await bench.controls.service_status()
        bench.service.awake.clear()
        asking = asyncio.create_task(bench.controls.service_status())
        await asyncio.sleep(0)
        assert bench.service.asked == 2
        assert (await knob(bench.controls, "sampling")).actual == "0.1"
        bench.service.awake.set()
        await asking

    async def test_begun_before_a_turn_does_not_undo_what_it_shows(self, bench: Bench) -> None:
        bench.service.awake.clear()
        asking = asyncio.create_task(bench.controls.service_status())
        await asyncio.sleep(0)
        before, bench.service.awake = bench.service.awake, asyncio.Event()
        bench.service.awake.set()
        await bench.controls.turn("sampling", "0.5", live=True)
        before.set()
        await asking
        assert (await knob(bench.controls, "sampling")).actual == "0.5"

    async def test_values_to_start_with_are_wishes_before_facts(self, bench: Bench) -> None:
        await bench.controls.turn("max_connections", "500", live=False)
        values = await bench.controls.starting_values()
        assert (values["max_connections"], values["sampling"]) == ("500", "0.1")
        assert "max_open" not in values


class TestHealth:
    @staticmethod
    def running(name: str) -> Component:
        return Component(name, "embedded", ComponentState.RUNNING)

    async def test_of_what_runs_and_does_not_answer_is_bad(self, bench: Bench) -> None:
        bench.service.problem = StackError("no answer")
        with pytest.raises(StackError):
            await bench.controls.service_status()
        judged = bench.controls.judged(self.running("service"))
        assert (judged.state, judged.detail) == (ComponentState.UNHEALTHY, "no answer")
        assert bench.controls.judged(self.running("apm")).state is ComponentState.RUNNING

    async def test_comes_back_with_the_next_answer(self, bench: Bench) -> None:
        bench.service.problem = StackError("no answer")
        with pytest.raises(StackError):
            await bench.controls.service_status()
        bench.service.problem = None
        await bench.controls.service_status()
        assert bench.controls.judged(self.running("service")).state is ComponentState.RUNNING

    async def test_of_a_full_database_is_good_and_says_so(self, bench: Bench) -> None:
        bench.database.problem = DatabaseFull("no connection left for us")
        with pytest.raises(DatabaseFull):
            await bench.controls.database_status()
        judged = bench.controls.judged(self.running("database"))
        assert (judged.state, judged.detail) == (ComponentState.RUNNING, "no connection left for us")

    async def test_of_what_is_down_is_not_asked(self, bench: Bench) -> None:
        bench.service.problem = StackError("no answer")
        with pytest.raises(StackError):
            await bench.controls.service_status()
        stopped = Component("service", "embedded", ComponentState.STOPPED)
        assert bench.controls.judged(stopped) == stopped
