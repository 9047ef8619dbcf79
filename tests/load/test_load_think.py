"""Think time: its text form, and connections that wait between an answer and the next request."""

from __future__ import annotations

import asyncio
import itertools
import random
import time

import pytest
from load_harness import OK, Received, Serve, StartRun, answer_ok, make_plan, until

from stressdash.errors import BadInput
from stressdash.load.connection import IDLE, Connection
from stressdash.load.think import Think, parse_think
from stressdash.load.thinking import Thinkers

LONG = Think(3600, 3600)


class TestText:
    @pytest.mark.parametrize(
        ("text", "think"),
        [
            ("100ms", Think(0.1, 0.1)),
            (" 1s..2s ", Think(1, 2)),
            ("EXP 250ms", Think(0.25, 0.25, exponential=True)),
        ],
    )
    def test_is_read(self, text: str, think: Think) -> None:
        assert parse_think(text) == think

    @pytest.mark.parametrize("text", ["", "0s", "2s..1s", "exp 1s..2s", "exp", "1s..", "2h", "soon"])
    def test_what_is_no_think_time_is_refused(self, text: str) -> None:
        with pytest.raises(BadInput, match="think time"):
            parse_think(text)


class TestDraw:
    def test_a_range_stays_within_it(self) -> None:
        draw = random.Random(1)
        times = [Think(0.1, 0.3).draw_ns(draw) for _ in range(1000)]
        assert 100_000_000 <= min(times) < 110_000_000
        assert 290_000_000 < max(times) <= 300_000_000

    def test_an_exponential_has_its_mean(self) -> None:
        draw = random.Random(1)
        times = [Think(0.1, 0.1, exponential=True).draw_ns(draw) for _ in range(10_000)]
        assert sum(times) / len(times) == pytest.approx(1e8, rel=0.05)


class TestThinkers:
    def idle(self, number: int) -> Connection:
        connection = Connection(number)
        connection.state = IDLE
        return connection

    def test_come_out_once_they_have_thought(self) -> None:
        thinkers, connection = Thinkers(Think(1, 1), random.Random(1)), self.idle(0)
        thinkers.begin(connection, 0)
        assert list(thinkers.due(thinkers.next_ns - 1)) == []
        assert list(thinkers.due(thinkers.next_ns)) == [connection]
        assert list(thinkers.due(1 << 61)) == []

    def test_that_lost_their_socket_do_not_come_out(self) -> None:
        thinkers, connection = Thinkers(Think(1, 1), random.Random(1)), Connection(0)
        thinkers.begin(connection, 0)
        assert list(thinkers.due(1 << 61)) == []

    def test_that_begin_anew_come_out_only_then(self) -> None:
        thinkers, connection = Thinkers(Think(1, 1), random.Random(1)), self.idle(0)
        thinkers.begin(connection, 0)
        thinkers.begin(connection, 500_000_000)
        assert list(thinkers.due(1_200_000_000)) == []
        assert list(thinkers.due(1_500_000_000)) == [connection]


class TestRun:
    async def test_each_connection_sends_once_and_thinks(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, connections=4, max_requests=None, think=LONG))
        await until(lambda: run.totals.completed == 4)
        run.command("stop")
        totals = await run.end()
        assert totals.completed == totals.scheduled == len(server.received) == 4

    async def test_the_time_between_answer_and_request_is_that_of_the_plan(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        times: list[float] = []

        async def note(request: Received, writer: asyncio.StreamWriter) -> bool:
            times.append(time.monotonic())
            writer.write(OK)
            return True

        server = await serve(note)
        plan = make_plan(server.url, connections=1, max_requests=6, think=Think(0.05, 0.05))
        await start_run(plan).end()
        assert all(later - earlier >= 0.05 for earlier, later in itertools.pairwise(times))

    async def test_a_failed_request_is_thought_about_too(self, serve: Serve, start_run: StartRun) -> None:
        async def hang_up(request: Received, writer: asyncio.StreamWriter) -> bool:
            return False

        server = await serve(hang_up)
        run = start_run(make_plan(server.url, connections=3, max_requests=None, think=LONG))
        await until(lambda: server.accepted == 6 and run.totals.open_now == 3)
        run.command("stop")
        totals = await run.end()
        assert totals.failed == len(server.received) == 3

    async def test_open_loop_does_not_think(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, rate=500.0, max_requests=100, think=LONG))
        totals = await run.end()
        assert totals.completed == 100

    async def test_who_thinks_is_there_when_the_loop_opens(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, connections=4, max_requests=None, think=LONG))
        await until(lambda: run.totals.completed == 4)
        run.command("rate", rate=500.0, segment=1)
        await until(lambda: run.totals.completed >= 50)
        run.command("rate", rate=None, segment=2)
        run.command("stop")
        totals = await run.end()
        assert next(window.target_rate for window in totals.windows if window.segment == 1) == 500.0
        assert all(window.target_rate is None for window in totals.windows if window.segment == 0)
        assert totals.completed == len(server.received)

    async def test_thought_that_ends_in_a_pause_sends_after_it(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, connections=2, max_requests=None, think=Think(0.02, 0.02)))
        await until(lambda: run.totals.completed > 4)
        run.command("pause")
        await until(run.totals.rests)
        before = run.totals.completed
        run.command("resume")
        await until(lambda: run.totals.completed > before + 4)
        run.command("stop")
        await run.end()

    async def test_closing_a_loop_that_is_closed_forgets_nobody_and_no_limit(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, connections=2, max_requests=40, think=Think(0.02, 0.02)))
        for closings in range(1, 4):
            await until(lambda: run.totals.completed >= 6 * closings)  # noqa: B023  awaited here
            run.command("rate", rate=None, segment=closings)
        totals = await run.end()
        assert totals.completed == 40
