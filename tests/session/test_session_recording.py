"""A session records its runs, and a replay shows them as they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from session_fakes import AnsweringServer, FakeStack

from stressdash.errors import UsageError
from stressdash.report.stored import stored_report
from stressdash.session import Session
from stressdash.session.replay import Replay
from stressdash.session.shelf import Shelf
from stressdash.settings import Settings
from stressdash.snapshot import RunState
from stressdash.store.runfile import Condition
from stressdash.store.runs import RunFolder

WAIT_S = 60.0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110  nothing tells of a totals' change
            await asyncio.sleep(0.01)


@pytest.fixture
async def server() -> AsyncIterator[AnsweringServer]:
    async with AnsweringServer("500 Internal Server Error", b"no") as started:
        yield started


@pytest.fixture
async def session(server: AnsweringServer, tmp_path: Path) -> AsyncIterator[Session]:
    settings = Settings(
        state=tmp_path,
        url=server.url + "/?token=hunter2",
        connections=2,
        duration_s=1.2,
        headers=(("Authorization", "hunter2"),),
        body=b"hunter2",
    )
    made = Session(settings, None, FakeStack(server.url), source=lambda *_: None)
    await made.open()
    yield made
    await made.close()


async def recorded(session: Session) -> None:
    async with asyncio.timeout(WAIT_S):
        await session.start_load()
        await session.finished()


class TestRecording:
    async def test_keeps_every_run_whole(self, session: Session, tmp_path: Path) -> None:
        await recorded(session)
        assert session.report is not None
        with RunFolder(tmp_path).open("last") as run:
            assert run.condition is Condition.FINISHED
            assert stored_report(run) == session.report
            windows = list(run.windows())
            assert sum(each.failed for each in windows) == session.report.requests.failed
            [seen] = run.exemplars().values()
            assert seen[0].body == b"no"
            assert run.knobs(0)[0].name == "max_open"

    async def test_keeps_no_secret(self, session: Session, tmp_path: Path) -> None:
        await recorded(session)
        for file in (tmp_path / "runs").iterdir():
            assert b"hunter2" not in file.read_bytes()

    async def test_keeps_marks_of_the_run(self, session: Session, tmp_path: Path) -> None:
        await session.set_duration(None)
        await session.start_load()
        await session.set_connections(3)
        await session.stop_load()
        async with asyncio.timeout(WAIT_S):
            await session.finished()
        with RunFolder(tmp_path).open("last") as run:
            assert [mark.label for mark in run.marks()][:2] == ["run 1", "conns 2→3"]

    async def test_and_its_report_tell_when_in_the_run_a_mark_was_made(
        self, session: Session, tmp_path: Path
    ) -> None:
        await recorded(session)
        assert session.report is not None
        with RunFolder(tmp_path).open("last") as run:
            told = {mark.label: mark.at_s for mark in session.report.marks}
            assert told == pytest.approx({mark.label: mark.at_s for mark in run.marks()}, abs=0.002)

    async def test_of_a_session_that_is_closed_keeps_what_was_measured(
        self, session: Session, tmp_path: Path
    ) -> None:
        await session.set_duration(None)
        await session.start_load()
        await until(
            lambda: session.run is not None and session.run.totals.completed + session.run.totals.failed > 0
        )
        await session.close()
        [entry] = RunFolder(tmp_path).entries()
        assert (entry.condition, "closed" in entry.detail) == (Condition.INTERRUPTED, True)

    async def test_can_be_left_out(self, session: Session, tmp_path: Path) -> None:
        session.settings = replace(session.settings, record=False)
        await recorded(session)
        assert not (tmp_path / "runs").exists()

    async def test_that_cannot_be_is_a_warning_and_the_run_goes_on(
        self, session: Session, tmp_path: Path
    ) -> None:
        (tmp_path / "runs").write_text("a file where the folder should be")
        await recorded(session)
        assert session.report is not None
        assert [text for text in session.report.warnings if "not kept" in text]
        assert [text for text in session.snapshot().warnings if "not kept" in text]


class TestReplay:
    @pytest.fixture
    async def replay(self, session: Session, tmp_path: Path) -> AsyncIterator[Replay]:
        await recorded(session)
        made = await Shelf(tmp_path).open(RunFolder(tmp_path).find("last"))
        await made.open()
        await made.pause()
        yield made
        await made.close()

    async def test_says_that_it_is_one(self, replay: Replay) -> None:
        playback = replay.snapshot().playback
        assert playback is not None
        assert (playback.run, playback.playing, playback.speed) == ("1", False, 1.0)

    async def test_shows_in_the_end_what_the_run_showed(self, session: Session, replay: Replay) -> None:
        await replay.play("end")
        then, now = session.snapshot(None), replay.snapshot(None)
        assert now.state is RunState.FINISHED
        assert now.client.requests_per_s == then.client.requests_per_s
        assert now.totals == then.totals
        assert [(row.title, row.client_count) for row in now.errors] == [
            (row.title, row.client_count) for row in then.errors
        ]
        detail = await replay.error_detail(now.errors[0].id)
        assert detail.exemplars[0].body == b"no"

    async def test_shows_the_same_after_a_jump_as_after_steps(self, replay: Replay) -> None:
        await replay.seek(0.0)
        for _ in range(6):
            await replay.play("step")
        stepped = replay.snapshot(None)
        await replay.play("end")
        await replay.seek(stepped.playback.position_s if stepped.playback is not None else 0.0)
        jumped = replay.snapshot(None)
        assert jumped.totals == stepped.totals
        assert jumped.series["rate"] == stepped.series["rate"]
        assert jumped.totals["sent"] > 0

    async def test_plays_on_its_own(self, replay: Replay) -> None:
        await replay.seek(0.0)
        await replay.resume()
        await until(lambda: replay.state is RunState.FINISHED)
        await replay.resume()
        assert replay.snapshot().state is RunState.RUNNING

    async def test_goes_faster_and_slower_within_bounds(self, replay: Replay) -> None:
        speeds = []
        for how in ("faster",) * 8 + ("slower",) * 12:
            await replay.play(how)
            playback = replay.snapshot().playback
            assert playback is not None
            speeds.append(playback.speed)
        assert (speeds[2], max(speeds), speeds[-1]) == (10.0, 100.0, 0.1)

    async def test_goes_from_a_speed_of_its_own_to_the_next_ones(
        self, session: Session, tmp_path: Path
    ) -> None:
        await recorded(session)
        replay = Replay(RunFolder(tmp_path).find("last").path, speed=3.0)
        speeds = []
        for how in ("faster", "slower", "slower"):
            await replay.play(how)
            playback = replay.snapshot().playback
            assert playback is not None
            speeds.append(playback.speed)
        await replay.close()
        assert speeds == [5.0, 2.0, 1.0]

    async def test_refuses_what_would_change_something(self, replay: Replay) -> None:
        for command in (
            replay.start_load,
            replay.stop_load,
            replay.run_again,
            partial(replay.set_connections, 5),
            partial(replay.set_knob, "max_open", "5"),
            partial(replay.component_action, "service", "kill"),
            partial(replay.play, "sideways"),
        ):
            with pytest.raises(UsageError, match="replay"):
                await command()

    async def test_is_nothing_that_a_live_session_can_do(self, session: Session) -> None:
        with pytest.raises(UsageError, match="live"):
            await session.play("step")
