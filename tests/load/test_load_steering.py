"""Connections, pauses, segments and the end of a run, changed while it runs, over real sockets."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest
from load_harness import OK, Received, Serve, StartRun, answer_ok, make_plan, until

from stressdash.hdr import bucket_mid_us
from stressdash.load.control import Command
from stressdash.samples import Phase


class Gate:
    """A behaviour that holds every answer until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        await self.opened.wait()
        writer.write(OK)
        return True


class TestConnections:
    async def test_more_connections_come_into_use(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: server.open == 4)
        run.command("connections", connections=30, segment=1)
        await until(lambda: server.open == 30)
        run.command("stop")
        totals = await run.end()
        assert totals.failed == 0
        assert totals.connects == 30

    async def test_fewer_connections_close_without_a_fault(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, connections=30, max_requests=None))
        await until(lambda: server.open == 30)
        run.command("connections", connections=3, segment=1)
        await until(lambda: server.open == 3)
        run.command("stop")
        totals = await run.end()
        assert totals.failed == 0
        assert totals.completed == len(server.received)

    async def test_busy_ones_leave_only_after_their_answer(self, serve: Serve, start_run: StartRun) -> None:
        gate = Gate()
        server = await serve(gate)
        run = start_run(make_plan(server.url, connections=8, max_requests=None))
        await until(lambda: len(server.received) == 8)
        run.command("connections", connections=2, segment=1)
        await until(lambda: run.totals.target_now == 2)
        assert server.open == 8
        gate.opened.set()
        await until(lambda: server.open == 2)
        run.command("stop")
        assert (await run.end()).failed == 0

    async def test_leaving_ones_stay_when_they_are_wanted_again(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        gate = Gate()
        server = await serve(gate)
        run = start_run(make_plan(server.url, connections=8, max_requests=None))
        await until(lambda: len(server.received) == 8)
        run.command("connections", connections=2, segment=1)
        run.command("connections", connections=8, segment=2)
        await until(lambda: run.totals.last and run.totals.last.segment == 2)
        gate.opened.set()
        await until(lambda: len(server.received) > 40)
        run.command("stop")
        await run.end()
        assert server.accepted == 8

    async def test_fewer_while_the_target_refuses(self, start_run: StartRun, closed_port: int) -> None:
        run = start_run(make_plan(f"http://127.0.0.1:{closed_port}/", connections=20, max_requests=None))
        await until(lambda: run.totals.failed > 20)
        run.command("connections", connections=1, segment=1)
        await until(lambda: run.totals.target_now == 1)
        run.command("stop")
        assert (await run.end()).open_now == 0


class TestPause:
    async def test_nothing_new_is_sent_and_what_is_in_flight_finishes(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        gate = Gate()
        server = await serve(gate)
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(server.received) == 4)
        run.command("pause")
        await until(lambda: run.totals.last and run.totals.last.phase is Phase.PAUSED)
        gate.opened.set()
        await until(run.totals.rests)
        assert len(server.received) == 4
        run.command("resume")
        await until(lambda: len(server.received) > 8)
        run.command("stop")
        totals = await run.end()
        assert totals.failed == 0

    async def test_timeouts_run_on(self, serve: Serve, start_run: StartRun) -> None:
        gate = Gate()
        server = await serve(gate)
        run = start_run(make_plan(server.url, max_requests=None, timeout_s=3))
        await until(lambda: len(server.received) == 4)
        run.command("pause")
        await until(run.totals.rests)
        assert sum(run.totals.faults.values()) == 4
        run.command("stop")
        await run.end()

    async def test_a_paused_run_keeps_its_budget(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, max_requests=4000))
        await until(lambda: len(server.received) > 10)
        run.command("pause")
        await until(run.totals.rests)
        run.command("resume")
        totals = await run.end()
        assert totals.completed == 4000 == len(server.received)

    async def test_a_pause_can_be_stopped(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(server.received) > 10)
        run.command("pause")
        await until(run.totals.rests)
        run.command("stop")
        await run.end()


class TestEnd:
    async def test_commands_that_come_together_lose_nothing(self, serve: Serve, start_run: StartRun) -> None:
        gate = Gate()
        gate.opened.set()
        server = await serve(gate)
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(server.received) > 10)
        run.command("pause")
        await until(run.totals.rests)
        gate.opened.clear()
        run.link.command(Command("resume"), Command("stop", mode="abort"))
        totals = await run.end()
        assert totals.in_flight_at_stop == 4
        assert totals.sent == totals.completed + 4

    async def test_a_duration_ends_the_run_on_the_grid(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        totals = await start_run(make_plan(server.url, max_requests=None, duration_s=0.35)).end()
        measured = [window for window in totals.windows if window.phase is Phase.RUN]
        assert sum(window.length_ns for window in measured) == 350_000_000

    async def test_the_end_can_be_moved(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(server.received) > 10)
        run.command("end", end_ns=time.monotonic_ns() + 50_000_000)
        await run.end()

    async def test_drain_waits_for_answers_and_books_them_apart(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        gate = Gate()
        server = await serve(gate)
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(server.received) == 4)
        run.command("stop", mode="drain")
        await until(lambda: run.totals.last and run.totals.last.phase is Phase.DRAIN)
        gate.opened.set()
        totals = await run.end()
        assert totals.in_flight_at_stop == 0
        assert sum(window.completed for window in totals.windows if window.phase is Phase.DRAIN) == 4

    async def test_drain_is_bounded_by_the_timeout(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(Gate())
        run = start_run(make_plan(server.url, max_requests=None, timeout_s=0.2))
        await until(lambda: len(server.received) == 4)
        run.command("stop", mode="drain")
        totals = await run.end()
        assert totals.failed >= 4

    async def test_abort_hangs_up_and_books_what_was_in_flight(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        server = await serve(Gate())
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(server.received) == 4)
        run.command("stop", mode="abort")
        totals = await run.end()
        assert totals.in_flight_at_stop == 4
        assert (totals.scheduled, totals.completed, totals.failed) == (4, 0, 0)

    async def test_abort_cuts_a_drain_short(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(Gate())
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(server.received) == 4)
        run.command("stop", mode="drain")
        run.command("stop", mode="abort")
        assert (await run.end()).in_flight_at_stop == 4

    @pytest.mark.parametrize("count", [1, 7, 500])
    async def test_a_budget_is_sent_exactly(self, serve: Serve, start_run: StartRun, count: int) -> None:
        server = await serve(answer_ok)
        totals = await start_run(make_plan(server.url, max_requests=count)).end()
        assert totals.completed == count == len(server.received)


class TestWindows:
    async def test_they_tile_the_run_without_gap_or_overlap(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, max_requests=None))
        for segment in range(1, 6):
            await until(lambda: len(server.received) > 50 * segment)  # noqa: B023 - awaited in its own round
            run.command("segment", segment=segment)
        run.command("pause")
        run.command("resume")
        run.command("stop")
        windows = (await run.end()).windows
        for before, after in pairwise(windows):
            assert before.start_ns + before.length_ns == after.start_ns
            assert before.length_ns <= 100_000_000

    async def test_each_has_one_segment_and_one_phase(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(server.received) > 10)
        run.command("segment", segment=1)
        run.command("pause")
        await until(run.totals.rests)
        run.command("stop")
        windows = (await run.end()).windows
        assert [window.segment for window in windows] == sorted(window.segment for window in windows)
        assert {window.phase for window in windows} == {Phase.RUN, Phase.PAUSED}

    async def test_busy_time_is_the_sum_of_the_latencies(self, serve: Serve, start_run: StartRun) -> None:
        async def slow(request: Received, writer: asyncio.StreamWriter) -> bool:
            await asyncio.sleep(0.03)
            writer.write(OK)
            return True

        server = await serve(slow)
        totals = await start_run(make_plan(server.url)).end()
        latency = totals.histogram("latency")
        latency_us = sum(bucket_mid_us(index) * count for index, count in latency.items())
        assert totals.busy_ns / 1000 == pytest.approx(latency_us, rel=0.002)
