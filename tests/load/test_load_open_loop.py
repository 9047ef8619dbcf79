"""The open loop: what is due is counted and sent on time, and a target that freezes cannot hide it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter

import pytest
from load_harness import OK, FakeLink, Received, Serve, StartRun, Totals, answer_ok, make_plan, until

from stressdash.hdr import bucket_mid_us
from stressdash.load.conductor import GRID_NS, Conductor
from stressdash.load.connection import Connection
from stressdash.load.control import Assignment
from stressdash.load.target import Address
from stressdash.samples import Phase


def quantile_us(histogram: Counter[int], share: float) -> float:
    rank = share * histogram.total()
    for index in sorted(histogram):
        rank -= histogram[index]
        if rank <= 0:
            return bucket_mid_us(index)
    raise AssertionError("an empty histogram has no quantile")


def run_phase(totals: Totals, name: str) -> int:
    return sum(getattr(window, name) for window in totals.windows if window.phase is Phase.RUN)


class TestSchedule:
    @pytest.mark.parametrize("arrivals", ["uniform", "poisson"])
    async def test_every_due_request_is_sent_and_answered(
        self, serve: Serve, start_run: StartRun, arrivals: str
    ) -> None:
        server = await serve(answer_ok)
        plan = make_plan(server.url, rate=500.0, arrivals=arrivals, max_requests=500)
        totals = await start_run(plan).end()
        assert totals.completed == len(server.received) == totals.scheduled == totals.sent == 500
        assert totals.histogram("send_lag").total() == 500
        if arrivals == "uniform":
            assert run_phase(totals, "length_ns") >= 499 * 2_000_000  # none left before it was due

    async def test_each_window_has_its_share_of_a_uniform_schedule(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        server = await serve(answer_ok)
        plan = make_plan(server.url, rate=200.0, max_requests=None, duration_s=0.5)
        totals = await start_run(plan).end()
        measured = [window.scheduled for window in totals.windows if window.phase is Phase.RUN]
        assert measured == [20] * 5

    async def test_a_budget_ends_the_run(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        totals = await start_run(make_plan(server.url, rate=1000.0, max_requests=77)).end()
        assert totals.completed == 77

    async def test_a_closed_run_has_no_intended_latency(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        totals = await start_run(make_plan(server.url)).end()
        assert not totals.histogram("latency_intended")
        assert not totals.histogram("send_lag")


class TestLate:
    def test_what_came_due_before_a_window_closed_late_is_sent_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise it would wait for the next to be due: a whole gap, at a low rate."""
        link = FakeLink()
        plan = make_plan("http://127.0.0.1:1/", rate=5.0, connections=1, max_requests=None)
        place = Address(socket.AF_INET, "127.0.0.1", 1)
        conductor = Conductor(Assignment(plan, 0, 1, (place,), 1, None, 5.0), link, None)  # type: ignore[arg-type]
        offered: list[int] = []
        monkeypatch.setattr(conductor, "_offer_idle", lambda: offered.append(conductor._credit))
        conductor._edge_ns, conductor._credit = GRID_NS, 100
        conductor._idle[Connection(0)] = None
        conductor._open_loop(5.0, 0.0, 0)
        conductor._tick(GRID_NS + 50_000_000)
        link.close()
        assert link.totals.scheduled == 1
        assert offered == [1]


class TestFreeze:
    async def test_half_a_run_frozen_is_seen_in_the_corrected_percentiles_only(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        began: list[float] = []

        async def freeze(request: Received, writer: asyncio.StreamWriter) -> bool:
            began.append(time.monotonic())
            passed = began[-1] - began[0]
            if 0.5 < passed < 1.5:
                await asyncio.sleep(1.5 - passed)
            writer.write(OK)
            return True

        server = await serve(freeze)
        plan = make_plan(server.url, rate=200.0, connections=1, max_requests=None, duration_s=2.0)
        totals = await start_run(plan).end()
        raw, corrected = totals.histogram("latency"), totals.histogram("latency_intended")
        assert corrected.total() == 400
        assert raw.total() == totals.responses  # on a slow machine a few are left unsent at the end
        assert quantile_us(corrected, 0.75) > 450_000  # and what a slow machine adds
        assert quantile_us(raw, 0.5) < quantile_us(corrected, 0.75) / 2

    async def test_a_freeze_to_the_end_is_not_lost(self, serve: Serve, start_run: StartRun) -> None:
        async def never(request: Received, writer: asyncio.StreamWriter) -> bool:
            return True

        server = await serve(never)
        plan = make_plan(
            server.url, rate=100.0, connections=2, max_requests=None, duration_s=1.0, stop="abort"
        )
        totals = await start_run(plan).end()
        assert totals.in_flight_at_stop == totals.scheduled == 100
        bounds = totals.histogram("latency_intended_bounds")
        assert bounds == totals.histogram("latency_intended")
        assert bounds.total() == 100
        assert quantile_us(bounds, 0.5) == pytest.approx(500_000, abs=30_000)

    async def test_requests_that_the_connections_could_not_take_are_counted(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        async def slow(request: Received, writer: asyncio.StreamWriter) -> bool:
            await asyncio.sleep(0.1)
            writer.write(OK)
            return True

        server = await serve(slow)
        plan = make_plan(server.url, rate=100.0, connections=1, max_requests=None, duration_s=2.0)
        totals = await start_run(plan).end()
        assert totals.waited > 20  # not of those that came due while the generator itself was late
        assert totals.in_flight_at_stop > 100
        assert totals.sent < totals.scheduled == 200

    async def test_a_timeout_is_a_bound_of_the_corrected_latency(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        async def never(request: Received, writer: asyncio.StreamWriter) -> bool:
            return True

        server = await serve(never)
        plan = make_plan(server.url, rate=100.0, connections=10, max_requests=5, timeout_s=0.2)
        totals = await start_run(plan).end()
        assert totals.failed == totals.histogram("latency_intended_bounds").total() == 5


class TestRefusal:
    async def test_a_refused_connect_fails_a_due_request(self, start_run: StartRun, closed_port: int) -> None:
        plan = make_plan(f"http://127.0.0.1:{closed_port}/", rate=100.0, max_requests=None, duration_s=0.5)
        totals = await start_run(plan).end()
        assert totals.scheduled == 50
        assert totals.failed + totals.in_flight_at_stop == 50
        assert totals.failed > 0


class TestSteering:
    async def test_the_rate_changes_live(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, rate=10.0, max_requests=None))
        await until(lambda: server.received)
        run.command("rate", rate=1000.0, segment=1)
        await until(lambda: len(server.received) > 200)
        run.command("stop")
        totals = await run.end()
        assert totals.failed == 0
        assert {window.segment for window in totals.windows} == {0, 1}

    async def test_the_loop_opens_and_closes_live(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, max_requests=None))
        for segment, rate in enumerate((300.0, None, 200.0, None), start=1):
            seen = len(server.received)
            await until(lambda: len(server.received) > seen + 50)  # noqa: B023 - awaited in its own round
            run.command("rate", rate=rate, segment=segment)
        run.command("stop")
        totals = await run.end()
        assert totals.failed == 0
        assert totals.completed == len(server.received)

    async def test_a_pause_shifts_the_schedule(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, rate=500.0, max_requests=None))
        await until(lambda: len(server.received) > 20)
        run.command("pause")
        await until(run.totals.rests)
        scheduled, paused = run.totals.scheduled, len(run.totals.windows)
        await until(lambda: len(run.totals.windows) > paused + 2)
        assert run.totals.scheduled == scheduled
        run.command("resume")
        await until(lambda: run.totals.scheduled > scheduled + 20)
        run.command("stop")
        totals = await run.end()
        assert totals.completed == totals.sent
        assert run_phase(totals, "scheduled") == totals.scheduled
