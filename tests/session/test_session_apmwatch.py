"""The watch of APM: one question after the other, by one clock at a time, whatever the source keeps back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from session_fakes import AnsweringServer, FakeStack

from stressdash.apm.embedded import EmbeddedSource
from stressdash.apm.source import ApmSource
from stressdash.errors import SourceError
from stressdash.samples import ApmBucket, ApmHealth, ApmSeries, Breakdown, ErrorGroup
from stressdash.session import Session
from stressdash.session.apmwatch import ApmWatch
from stressdash.session.clock import Clock
from stressdash.settings import Settings

ORIGIN_MS = 1_700_000_000_000
DETAIL = "2 of 5 shards failed, figures are incomplete"
NOW_MS = 1_795_464_740_000


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


class Source(EmbeddedSource):
    """One transaction in every second; `detail` and `failure` say what is wrong."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.detail = ""
        self.failure = ""
        self.asked: list[tuple[int, int]] = []

    async def series(self, start_ms: int, end_ms: int, step_ms: int, now_ms: int | None = None) -> ApmSeries:
        if self.failure:
            raise SourceError(self.failure)
        self.asked.append((start_ms, end_ms))
        buckets = tuple(ApmBucket(at_ms, 1, 0, 1, 0) for at_ms in range(start_ms, end_ms, step_ms))
        return ApmSeries(step_ms, buckets, None, end_ms, 1.0)

    async def error_groups(self, start_ms: int, end_ms: int) -> tuple[ErrorGroup, ...]:
        return ()

    async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:
        return Breakdown()

    async def health(self) -> ApmHealth:
        return ApmHealth(ok=True, product="test", detail=self.detail, newest_ms=NOW_MS)


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


class TestTrouble:
    async def test_an_answer_that_is_not_whole_is_a_warning_until_it_is(self, tmp_path: Path) -> None:
        source = Source()
        source.detail = DETAIL
        async with AnsweringServer() as server:
            settings = Settings(state=tmp_path, record=False)
            session = Session(settings, None, FakeStack(server.url), source=lambda *_: source)
            await session.open()
            try:
                async with asyncio.timeout(30):
                    while DETAIL not in session.snapshot().warnings:  # noqa: ASYNC110  the session polls
                        await asyncio.sleep(0.05)
                    source.detail = ""
                    while DETAIL in session.snapshot().warnings:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
            finally:
                await session.close()

    async def test_one_that_fails_keeps_its_last_answer_beside_the_sentence(self) -> None:
        source = Source()
        watch = ApmWatch(source, Clock())
        await watch.poll(())
        before = watch.chart(0)
        source.failure = "gone"
        with pytest.raises(SourceError):
            await watch.poll(())
        assert (watch.trouble, watch.chart(0)) == ("gone", before)
        source.failure = ""
        await watch.poll(())
        assert watch.trouble == ""


class TestCorrection:
    async def test_all_is_asked_again_once_times_are_set_right_and_only_then(self) -> None:
        now_ns = 0
        source = Source()
        watch = ApmWatch(source, Clock(lambda: now_ns, lambda: NOW_MS * 1_000_000))
        for second in range(0, 60, 5):
            now_ns = second * 1_000_000_000
            watch.go_by(0)
            await watch.poll(())
        assert source.asked[-1][0] == NOW_MS + 35_000
        watch.go_by(7_300_000)
        await watch.poll(())
        assert source.asked[-1][0] == NOW_MS
        chart = watch.chart(0)
        assert chart is not None
        assert [bucket.start_ms for bucket in chart.buckets] == list(range(NOW_MS, NOW_MS + 56_000, 1000))
        now_ns += 1_000_000_000
        watch.go_by(7_300_000)
        await watch.poll(())
        assert source.asked[-1][0] > NOW_MS
