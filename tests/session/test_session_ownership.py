"""Two dashboards on one state folder, and every knob under load."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from session_fakes import AnsweringServer, FakeStack

from stressdash.errors import StackError
from stressdash.samples import Knob
from stressdash.session.ownership import Ownership
from stressdash.session.session import Session
from stressdash.settings import Settings
from stressdash.snapshot import RunState, Snapshot
from stressdash.stack.folder import StateFolder
from stressdash.stack.knobs import EVERY_KNOB, find

OTHER = {"choice": lambda knob: knob.choices[-1], "int": lambda _: "7", "float": lambda _: "0.5"}
"""Kind of a knob to a value that it does not have by default."""


class Knobs(FakeStack):
    """A stack with every knob of every backend, each of which does as it is told."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._all = {spec.name: replace(spec.shown, actual=spec.shown.default) for spec in EVERY_KNOB}

    async def knobs(self) -> tuple[Knob, ...]:
        return tuple(self._all.values())

    async def set_knob(self, name: str, value: str) -> Knob:
        text = find(EVERY_KNOB, name).parse(value)
        before = self._all[name]
        actual = text if before.applies == "live" else before.actual
        self._all[name] = replace(before, desired=text, actual=actual)
        return self._all[name]


@asynccontextmanager
async def session_on(stack: FakeStack, folder: StateFolder | None, url: str) -> AsyncIterator[Session]:
    settings = Settings(url=url, connections=2, duration_s=None, knobs={"max_open": "5"})
    ownership = Ownership(folder, "dashboard", lambda: 4 * 10**12)
    session = Session(settings, None, stack, source=lambda *_: None, ownership=ownership)
    try:
        await session.open()
        yield session
    finally:
        await session.close()


async def until(session: Session, holds: Callable[[Snapshot], bool]) -> Snapshot:
    async with asyncio.timeout(30):
        while not holds(snapshot := session.snapshot()):  # noqa: ASYNC110  there to be pulled
            await asyncio.sleep(0.01)
    return snapshot


def rates(snapshot: Snapshot) -> list[float]:
    """Points of the client's rate."""
    return [value for value in snapshot.series["rate"][0].values if value is not None]


class TestSecond:
    async def test_is_told_whose_the_load_is_and_sees_it(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path / "s")
        async with (
            AnsweringServer() as server,
            session_on(FakeStack(server.url), folder, server.url) as first,
            session_on(FakeStack(server.url), folder, server.url) as second,
        ):
            assert first.snapshot().owner == ""
            assert second.snapshot().owner.startswith(
                f"process {os.getpid()} (dashboard) owns the load since"
            )
            assert second.snapshot().owner in second.snapshot().warnings
            await first.start_load()
            seen = await until(
                second, lambda s: s.state is RunState.RUNNING and s.client.open_connections == 2
            )
            assert (seen.run_number, seen.target) == (1, first.snapshot().target)
            await first.stop_load()
            await until(second, lambda s: s.state is RunState.FINISHED)

    async def test_draws_the_load_as_it_comes_and_its_end(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path / "s")
        async with (
            AnsweringServer("500 Internal Server Error", b"no") as server,
            session_on(FakeStack(server.url), folder, server.url) as first,
            session_on(FakeStack(server.url), folder, server.url) as second,
        ):
            await first.start_load()
            await until(second, lambda s: len(rates(s)) >= 3)
            await first.set_connections(3)
            await until(second, lambda s: "conns 2→3" in [mark.label for mark in s.marks])
            await until(second, lambda s: [row.client_count for row in s.errors] not in ([], [0]))
            assert second.snapshot().interference == second.ownership.picture.interference  # type: ignore[union-attr]
            await first.stop_load()
            report = await first.finished()
            seen = await until(second, lambda s: s.run_ended_s is not None)
            assert second.report == report
            assert seen.totals == first.snapshot().totals
            detail = await second.error_detail(seen.errors[0].id)
            assert detail.exemplars[0].body == b"no"

            await first.run_again()
            again = await until(
                second, lambda s: s.run_number == 2 and s.run_ended_s is None and s.errors != ()
            )
            assert again.run_started_s is not None
            assert seen.run_ended_s is not None
            assert again.run_started_s > seen.run_ended_s

    async def test_that_comes_later_draws_the_run_from_its_beginning(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path / "s")
        async with (
            AnsweringServer() as server,
            session_on(FakeStack(server.url), folder, server.url) as first,
        ):
            await first.start_load()
            await until(first, lambda s: s.elapsed_s > 1.5)
            async with session_on(FakeStack(server.url), folder, server.url) as second:
                seen = await until(second, lambda s: len(rates(s)) >= 3)
                assert seen.run_started_s == pytest.approx(0.0, abs=0.001)
                assert seen.series["rate"][0].values[0] is not None

    async def test_says_why_the_charts_of_a_run_without_a_file_stay_empty(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path / "s")
        async with (
            AnsweringServer() as server,
            session_on(FakeStack(server.url), folder, server.url) as first,
            session_on(FakeStack(server.url), folder, server.url) as second,
        ):
            first.settings = replace(first.settings, record=False)
            await first.start_load()
            await until(second, lambda s: any("does not record it" in warning for warning in s.warnings))
            assert second.snapshot().client.open_connections == 2

    async def test_changes_nothing(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path / "s")
        async with AnsweringServer() as server, session_on(FakeStack(server.url), folder, server.url):
            stack = FakeStack(server.url)
            async with session_on(stack, folder, server.url) as second:
                commands = (
                    second.start_load,
                    second.stop_load,
                    second.run_again,
                    second.pause,
                    second.resume,
                    lambda: second.set_connections(3),
                    lambda: second.set_duration(3),
                    lambda: second.set_knob("max_open", "9"),
                    lambda: second.component_action("service", "kill"),
                    lambda: second.load_scenario("act2"),
                )
                for command in commands:
                    with pytest.raises(
                        StackError, match=r"owns the load since .*; here it can only be watched"
                    ):
                        await command()
                assert stack.actions == []
                assert [knob.actual for knob in await stack.knobs()] == ["0"], "nor at its start"

    async def test_takes_over_when_the_first_has_gone(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path / "s")
        async with AnsweringServer() as server:
            async with session_on(FakeStack(server.url), folder, server.url) as first:
                second = Session(
                    Settings(url=server.url, connections=2, duration_s=None),
                    None,
                    FakeStack(server.url),
                    source=lambda *_: None,
                    ownership=Ownership(folder, "dashboard", lambda: 4 * 10**12),
                )
                await second.open()
                assert first.snapshot().owner == ""
                await first.start_load()
                await until(second, lambda s: s.state is RunState.RUNNING and rates(s) != [])
            try:
                assert (await until(second, lambda s: s.owner == "")).state is RunState.READY
                await second.start_load()
                await until(second, lambda s: s.client.open_connections == 2)
            finally:
                await second.close()

    async def test_on_a_system_of_others_loads_beside_the_first(self) -> None:
        async with (
            AnsweringServer() as server,
            session_on(FakeStack(server.url), None, server.url) as first,
            session_on(FakeStack(server.url), None, server.url) as second,
        ):
            await first.start_load()
            await second.start_load()
            await until(second, lambda s: s.client.open_connections == 2)


class TestKnobUnderLoad:
    async def test_marks_the_charts_whichever_it_is(self) -> None:
        async with (
            AnsweringServer() as server,
            session_on(Knobs(server.url), None, server.url) as session,
        ):
            await session.start_load()
            await until(session, lambda s: s.client.open_connections == 2)
            for spec in EVERY_KNOB:
                knob, before = spec.shown, session.snapshot().marks
                value = OTHER.get(knob.kind, lambda _: "7")(knob)
                value = knob.choices[0] if value == knob.default else value
                await session.set_knob(knob.name, value)
                (mark,) = session.snapshot().marks[len(before) :]
                was = "5" if knob.name == "max_open" else knob.default
                suffix = " at its restart" if knob.applies == "restart" else ""
                assert (mark.label, mark.kind) == (f"{knob.name} {was}→{value}{suffix}", "knob")
            await until(session, lambda s: any("mixed" in warning for warning in s.warnings))
