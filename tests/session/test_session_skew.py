"""A service whose machine has another time: found out by requests that both sides saw, and set right."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from session_fakes import FakeStack

from stressdash.apm.embedded import EmbeddedSource
from stressdash.samples import Exemplar, Scope
from stressdash.session import Session
from stressdash.session.apmpages import apm_place
from stressdash.session.clock import Clock
from stressdash.session.skew import SkewWatch, date_of
from stressdash.settings import Settings

AHEAD_US = 3_600_000_000 + 7_300_000
"""An hour and seven seconds: a wrong time zone would do."""
METADATA = {"service": {"name": "stats", "agent": {"name": "test", "version": "1"}}}


class Service:
    """Answers requests, and reports each to an intake with the time of a clock of its own."""

    def __init__(self, intake: str, ahead_us: int) -> None:
        self._intake = intake
        self._ahead_us = ahead_us
        self._session = aiohttp.ClientSession()

    async def handle(self, request: web.Request) -> web.Response:
        begun_us, started = time.time_ns() // 1000, time.monotonic()
        _, trace, span, _ = request.headers["traceparent"].split("-")
        transaction = {
            "id": os.urandom(8).hex(),
            "trace_id": trace,
            "parent_id": span,
            "type": "request",
            "name": "GET /",
            "result": "HTTP 2xx",
            "span_count": {"started": 0},
            "timestamp": begun_us + self._ahead_us,
            "duration": 1000 * (time.monotonic() - started),
        }
        lines = [json.dumps(line) for line in ({"metadata": METADATA}, {"transaction": transaction})]
        headers = {"Content-Type": "application/x-ndjson"}
        async with self._session.post(
            f"{self._intake}/intake/v2/events", data="\n".join(lines), headers=headers
        ) as response:
            assert response.status == 202
        return web.Response(text="{}")

    async def close(self) -> None:
        await self._session.close()


@pytest.fixture
async def intake() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stressdash.embedded.apm", "--until-stdin-closes"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield (await process.stdout.readline()).decode().removeprefix("listening on ").strip()
    process.stdin.close()
    await process.wait()


@pytest.fixture
async def url(intake: str) -> AsyncIterator[str]:
    service = Service(intake, AHEAD_US)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await service.close()
    await runner.cleanup()


class TestServiceWithAnotherClock:
    async def test_its_seconds_are_put_on_ours(self, intake: str, url: str, tmp_path: Path) -> None:
        settings = Settings(
            url=url, stack="external", state=tmp_path, connections=2, rate=20.0, duration_s=60.0, record=False
        )
        session = Session(
            settings, None, FakeStack(url), source=lambda _, scope: EmbeddedSource(intake, "", scope)
        )
        await session.open()
        try:
            await session.start_load()
            async with asyncio.timeout(60):
                while not session.skew.correction_us:  # noqa: ASYNC110  the session polls
                    await asyncio.sleep(0.1)
            offset = session.skew.offset
            assert offset is not None
            assert abs(offset.ahead_us - AHEAD_US) <= offset.within_us + 5_000
            await session.stop_load()
            async with asyncio.timeout(60):
                report = await session.finished()
            assert report is not None
            assert report.apm.transactions == report.requests.completed + report.requests.failed
            assert report.apm.clock == session.skew.offset
            assert session.run is not None
            assert session.run.started_s is not None
            assert session.apm is not None
            await session.apm.poll(())
            chart = session.apm.chart(0)
            assert chart is not None
            seen = [
                session.clock.axis_of_wall_s(each.start_ms) for each in chart.buckets if each.transactions
            ]
            assert session.run.started_s - 1 <= seen[0]
            assert seen[-1] <= (session.run.ended_s or 0.0)
            assert session.snapshot().apm.clock == session.skew.offset
            page = await session.apm_page("transactions", None, (0, None))
            assert [one.transactions for one in page.transactions] == [report.apm.transactions]
            place = await apm_place(session, "apm/transactions")
            assert abs(place.start_ms - page.start_ms - AHEAD_US / 1000) < 1000, "Kibana knows no correction"
        finally:
            await session.close()


HEAD = b"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 14:40:00 GMT\r\nServer: x\r\n"
NOW_NS = 1_000_000_000_000
EXEMPLAR = Exemplar("slowest", NOW_NS + 3_000_000, NOW_NS, 1, 1, 3_000, 200, "0" * 31 + "1")


class TestDates:
    def test_a_date_is_read_wherever_it_stands(self) -> None:
        assert date_of(HEAD) == date_of(HEAD.replace(b"Date", b"date")) == 1_795_531_200

    @pytest.mark.parametrize(
        "head",
        [
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"Date: yesterday\r\n",
            b"Date: \r\n",
            b"Date: Tue, 99 Nov 2026 1:1:1 GMT",
        ],
    )
    def test_what_is_none_is_unknown(self, head: bytes) -> None:
        assert date_of(head) is None


class TestSkewWatch:
    async def test_a_source_that_knows_no_trace_leaves_it_to_the_dates(self) -> None:
        watch = SkewWatch(Clock(lambda: NOW_NS, lambda: 1_795_531_200 * 1_000_000_000))
        watch.corrected(Blank())
        exemplars = [
            replace(EXEMPLAR, number=n, trace_id=f"{n:032x}", head=HEAD.replace(b":40:00", b":40:05"))
            for n in range(1, 9)
        ]
        run: Any = Run(exemplars)
        for _ in range(3):
            await watch.poll(run)
        assert watch.offset is not None
        assert abs(watch.offset.ahead_us - 5_625_000) < 10_000
        assert watch.correction_us == watch.offset.corrected_us == watch.offset.ahead_us

    async def test_without_source_and_without_run_it_stays_unknown(self) -> None:
        watch = SkewWatch(Clock())
        assert watch.corrected(None) is None
        await watch.poll(None)
        assert (watch.offset, watch.correction_us) == (None, 0)


class Blank(EmbeddedSource):
    """Has never heard of any trace."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "", Scope())

    async def trace(self, trace_id: str) -> Any:
        from stressdash.samples import Trace

        return Trace(trace_id, ())


class Run:
    """What is asked of a run: the requests that it remembers."""

    def __init__(self, exemplars: list[Exemplar]) -> None:
        self.recent = self
        self.newest_ns = NOW_NS
        self._exemplars = exemplars

    def answered(self, until_ns: int) -> list[Exemplar]:
        assert until_ns < self.newest_ns
        return self._exemplars
