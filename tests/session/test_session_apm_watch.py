"""What a session makes of an APM source that tells less than all, and of one whose times are set right."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from session_fakes import AnsweringServer, FakeStack

from stressdash.apm.embedded import EmbeddedSource
from stressdash.errors import SourceError
from stressdash.samples import ApmBucket, ApmHealth, ApmSeries, Breakdown, ErrorGroup
from stressdash.session import Session
from stressdash.session.clock import Clock
from stressdash.session.watch import ApmWatch
from stressdash.settings import Settings

DETAIL = "2 of 5 shards failed, figures are incomplete"
NOW_MS = 1_795_464_740_000


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
