"""The watch of APM asks one question after the other, and goes by one clock at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from stressdash.apm.source import ApmSource
from stressdash.samples import ApmHealth, ApmSeries, Breakdown, ErrorGroup
from stressdash.session.clock import Clock
from stressdash.session.watch import ApmWatch

ORIGIN_MS = 1_700_000_000_000


@dataclass
class Told:
    """A source that answers when it may."""

    may: asyncio.Event = field(default_factory=asyncio.Event)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[int] = field(default_factory=list)
    waiting: int = 0
    most_waiting: int = 0

    async def series(self, start_ms: int, end_ms: int, step_ms: int) -> ApmSeries:
        del end_ms
        self.asked.append(start_ms)
        self.was_asked.set()
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        await self.may.wait()
        self.waiting -= 1
        return ApmSeries(step_ms, (), None, None, None)

    async def error_groups(self, _start_ms: int, _end_ms: int) -> tuple[ErrorGroup, ...]:
        return ()

    async def health(self) -> ApmHealth:
        return ApmHealth(ok=True, product="intake")

    async def groups_of(self, _traces: object) -> dict[str, tuple[str, ...]]:
        return {}

    async def breakdown(self, _start_ms: int, _end_ms: int) -> Breakdown:
        return Breakdown()


def watch_of(told: Told, seconds: list[float]) -> ApmWatch:
    """A watch on a session that began at `ORIGIN_MS` and is so many seconds old."""
    clock = Clock(lambda: int(seconds[0] * 1e9), lambda: ORIGIN_MS * 1_000_000)
    return ApmWatch(cast("ApmSource", cast("Any", told)), clock)


class TestPoll:
    async def test_waits_for_the_answers_to_one_that_is_asked_already(self) -> None:
        told = Told()
        watching = watch_of(told, [0.0])
        polls = [asyncio.create_task(watching.poll(())) for _ in range(2)]
        for _ in range(10):  # passes in which both could ask
            await asyncio.sleep(0)
        told.may.set()
        await asyncio.gather(*polls)
        assert (len(told.asked), told.most_waiting) == (2, 1)

    async def test_asks_for_all_again_when_the_clock_was_set_while_it_waited(self) -> None:
        told, seconds = Told(), [0.0]
        watching = watch_of(told, seconds)
        seconds[0] = 100.0
        poll = asyncio.create_task(watching.poll(()))
        await told.was_asked.wait()
        watching.go_by(5_000_000)
        told.may.set()
        await poll
        await watching.poll(())
        assert told.asked == [ORIGIN_MS + 85_000, ORIGIN_MS]

    async def test_what_was_missed_for_long_is_made_up_for_bit_by_bit(self) -> None:
        told, seconds = Told(), [0.0]
        told.may.set()
        watching = watch_of(told, seconds)
        await watching.poll(())
        seconds[0] = 600.0
        for _ in range(7):
            await watching.poll(())
        assert [start_ms - ORIGIN_MS for start_ms in told.asked[1:]] == [
            *(0, 105_000, 210_000, 315_000, 420_000, 525_000),
            585_000,
        ]
