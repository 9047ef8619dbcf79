"""A replay: a session whose samples come from disk, through the same folds as live ones, on its own clock.

The clock stands still, runs at any speed, or jumps. A jump back begins anew and folds up to there: from
blocks of 6.4 s as far as nobody looks closely, then from every grid step. Nothing is loaded or changed.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from stressdash.errors import UsageError
from stressdash.metrics.database import DatabaseMeter
from stressdash.metrics.series import Timeline
from stressdash.report.stored import stored_report
from stressdash.session.apmwatch import ApmWatch
from stressdash.session.clock import Clock
from stressdash.session.errorlist import ErrorList
from stressdash.session.gauges import draw_processors, draw_status
from stressdash.session.ownership import Ownership
from stressdash.session.session import Session
from stressdash.session.stored import REFUSAL, StoredProcessors, StoredSource, StoredStack
from stressdash.session.tape import RECENT_S, Tape
from stressdash.settings import Settings
from stressdash.snapshot import Playback, RunState, Snapshot
from stressdash.store.claim import run_number
from stressdash.store.gridbook import GRID_NS
from stressdash.store.runfile import StoredRun

__all__ = ["Replay"]

TICK_S: Final = 0.05
APM_EVERY_S: Final = 0.5
SPEEDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
JUMP_S: Final = 10.0
STEP_S: Final = 0.1
COARSE_MS: Final = 6_400


class Replay(Session):
    """Implements `SessionApi` over a run on disk; only looking and moving in time do anything."""

    def __init__(
        self,
        path: Path,
        *,
        speed: float = 1.0,
        at_s: float = 0.0,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """A replay that `open` lets go from `at_s` seconds after the run's start.

        Raises:
            BadInput: the file is damaged, no run, or of a newer stressdash.
            StoreError: it cannot be read.
        """
        self.stored = stored = StoredRun(path)
        self._tape = Tape()
        head = stored.head
        self._monotonic_s = monotonic_s
        self._at_s = at_s
        self._position_s = 0.0
        self._length_s = stored.steps * GRID_NS / 1e9
        self._speed = min(max(speed, SPEEDS[0]), SPEEDS[-1])
        self._name = str(run_number(path) or path.name)
        self._stack = StoredStack(stored, lambda: int(self._position_s * 1e3))
        clock = Clock(
            lambda: head.origin_ns + int(self._position_s * 1e9), lambda: head.started_ms * 1_000_000
        )
        settings = Settings(
            scenario=head.scenario,
            url=head.target,
            connections=head.connections,
            duration_s=head.duration_s or self._length_s,
            state=path.absolute().parent.parent,
            record=False,
        )
        past = _Past(None, "replay", clock.wall_ms)
        super().__init__(settings, None, self._stack, source=lambda *_: None, clock=clock, ownership=past)
        self.processors = StoredProcessors(clock, self._stack, int(head.machine.get("cores") or 1))
        self.source = StoredSource(stored, clock.wall_ms)
        self._groups_of = dict(stored.trace_groups())
        self._all_marks = stored.marks()
        self._moving = asyncio.Lock()
        self._told_ms = 0
        self._rewind()

    # --- life -------------------------------------------------------------------------------------------

    async def open(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Show the first moment, and let the time run."""
        progress(f"opening run {self._name}")
        self.state, self.notice = RunState.RUNNING, ""
        await self.seek(self._at_s)
        self._spawn(self._play())
        self._spawn(self._follow_apm())

    async def close(self) -> None:
        """Let go of the file. Idempotent."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.stored.close()

    def snapshot(self, span_s: float | None = 60.0) -> Snapshot:
        """The picture of the moment that the replay has come to."""
        playback = Playback(
            self._name, self._position_s, self._length_s, self._speed, self.state is RunState.RUNNING
        )
        return replace(super().snapshot(span_s), playback=playback)

    # --- time -------------------------------------------------------------------------------------------

    async def _play(self) -> None:
        """Let the clock run while nobody has stopped it."""
        before_s = self._monotonic_s()
        while True:
            await asyncio.sleep(TICK_S)
            now_s = self._monotonic_s()
            if self.state is RunState.RUNNING:
                async with self._moving:
                    await self._advance(self._position_s + (now_s - before_s) * self._speed)
            before_s = now_s

    async def _follow_apm(self) -> None:
        while True:
            await self._look_at_apm()
            await asyncio.sleep(APM_EVERY_S)

    async def _look_at_apm(self) -> None:
        if self.apm is not None:
            await self.apm.poll(())
        self.errors.refresh(self.apm, self.watch.service)

    async def play(self, how: str) -> None:
        """Move: see `PLAYS`."""
        match how:
            case "slower" | "faster":
                up, down = bisect_right(SPEEDS, self._speed), bisect_left(SPEEDS, self._speed) - 1
                at = up if how == "faster" else down
                self._speed = SPEEDS[min(max(at, 0), len(SPEEDS) - 1)]
            case "step" | "step back":
                await self.pause()
                await self.seek(self._position_s + (STEP_S if how == "step" else -STEP_S))
            case "back" | "on":
                await self.seek(self._position_s + (JUMP_S if how == "on" else -JUMP_S))
            case "start" | "end":
                await self.seek(0.0 if how == "start" else self._length_s)
            case _:
                raise UsageError(f"a replay cannot be moved by {how!r}")

    async def pause(self) -> None:
        """Stop the clock."""
        if self.state is RunState.RUNNING:
            self.state = RunState.PAUSED

    async def resume(self) -> None:
        """Let the clock run; from the end, from the start again."""
        if self._position_s >= self._length_s:
            await self.seek(0.0)
        self.state = RunState.RUNNING

    async def seek(self, to_s: float) -> None:
        """Show another moment, in seconds from the run's start."""
        to_s = min(max(0.0, to_s), self._length_s)
        async with self._moving:
            if to_s < self._position_s or to_s - self._position_s > 2 * RECENT_S:
                self._rewind()
                self._tell(await self._tape.leap(self.stored, to_s), COARSE_MS)
            await self._advance(to_s)
            await self._look_at_apm()

    def _rewind(self) -> None:
        """Begin anew, with nothing seen."""
        head = self.stored.head
        self._position_s, self._told_ms = 0.0, 0
        self._stack.status = replace(self._stack.status, interference=None)
        if self.state is RunState.FINISHED:
            self.state = RunState.PAUSED
        self.timeline, self.database_meter = Timeline(), DatabaseMeter()
        self.run = self._tape.begin(self.stored, self.clock, self.timeline)
        self.run.started_s = 0.0
        self.report = None
        self.errors = ErrorList(self.clock)
        self.errors.begin_run(self.run)
        self.marks = []
        assert self.source is not None
        self.apm = ApmWatch(self.source, self.clock, since_ms=head.started_ms, in_parts=False)
        self.apm.groups_of = self._groups_of

    async def _advance(self, to_s: float) -> None:
        """Fold up to a moment; at the run's end, show its report. An interrupted run just stands still."""
        assert self.run is not None
        self._position_s = min(to_s, self._length_s)
        await self._tape.advance(self.stored, self._position_s)
        self._tell(int(self._position_s * 1e3) + 1, 1)
        self.marks = [mark for mark in self._all_marks if mark.at_s <= self._position_s]
        if self._position_s < self._length_s:
            self.run.ended_s = None
        elif self.stored.report_json is None:
            await self.pause()
        else:
            self.run.ended_s, self.state = self._length_s, RunState.FINISHED
            self.report = self.report or stored_report(self.stored)

    def _tell(self, until_ms: int, every_ms: int) -> None:
        """What stack and machine told up to a moment."""
        for at_ms, status in self.stored.statuses(self._told_ms, until_ms, every_ms):
            self._stack.status = status
            watch = self.watch
            watch.components, watch.service, watch.database = (
                status.components,
                status.service,
                status.database,
            )
            draw_status(self, at_ms / 1e3)
            if status.interference is not None:
                draw_processors(self, at_ms / 1e3, status.interference)
        if until_ms > self._told_ms:
            self._told_ms = until_ms
            self.watch.knobs = self.stored.knobs(until_ms)

    async def export(self) -> str:
        """Write the run's JSON, wherever the replay stands."""
        if self.report is None:
            self.report = await asyncio.to_thread(stored_report, self.stored)
        return await super().export()


class _Past(Ownership):
    """Nobody owns the load of a run that has ended."""

    def check(self) -> None:
        """Refuse every command that steers."""
        raise UsageError(REFUSAL)
