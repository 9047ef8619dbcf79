"""Answers served together: when a worker naps, for how long, and that nothing else of a run changes by it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_harness import OK, Received, Serve, StartRun, answer_ok, make_plan, until

from stressdash.errors import BadInput
from stressdash.load.coalescing import Coalescing, parse_coalesce
from stressdash.samples import Phase

MS_NS = 1_000_000
READY = [(5, 1)]


@dataclass
class Kernel:
    """What a worker asks: a clock, and descriptors that are ready at their times."""

    now_ns: int = 0
    ready_ns: list[int] = field(default_factory=list)
    naps_s: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)

    def poll(self, interval_ns: int = MS_NS) -> Coalescing:
        return Coalescing(
            lambda _timeout_s, most: self.look(most),
            self.wait,
            interval_ns,
            clock=lambda: self.now_ns,
            sleep=self.sleep,
        )

    def look(self, most: int) -> list[tuple[int, int]]:
        found = [at_ns for at_ns in self.ready_ns if at_ns <= self.now_ns][:most]
        self.ready_ns = self.ready_ns[len(found) :]
        return READY * len(found)

    def wait(self, timeout_s: float, most: int) -> list[tuple[int, int]]:
        self.waits_s.append(timeout_s)
        until_ns = self.now_ns + round(timeout_s * 1e9)
        self.now_ns = max(self.now_ns, min([until_ns, *self.ready_ns[:1]]))
        return self.look(most)

    def sleep(self, seconds: float) -> None:
        self.naps_s.append(seconds)
        self.now_ns += round(seconds * 1e9)


class TestNaps:
    def test_what_becomes_ready_in_one_interval_is_found_together(self) -> None:
        kernel = Kernel(ready_ns=[200_000, 500_000, 900_000, 1_100_000])
        assert kernel.poll()(0.1, 512) == READY * 3
        assert kernel.naps_s == [0.001]

    def test_they_end_on_the_grid(self) -> None:
        kernel = Kernel(now_ns=700_000, ready_ns=[800_000])
        kernel.poll()(0.1, 512)
        assert kernel.now_ns == MS_NS

    def test_there_are_none_while_something_is_ready(self) -> None:
        kernel = Kernel(ready_ns=[0])
        assert kernel.poll()(0.1, 512) == READY
        assert kernel.naps_s == []

    def test_there_are_none_while_something_is_due(self) -> None:
        kernel = Kernel(ready_ns=[300_000])
        assert kernel.poll()(0.0, 512) == []
        assert kernel.naps_s == []

    def test_there_are_none_where_little_happens(self) -> None:
        kernel = Kernel(now_ns=10 * MS_NS, ready_ns=[13 * MS_NS + 1])
        assert kernel.poll()(0.1, 512) == READY
        assert kernel.naps_s == []
        assert kernel.now_ns == 13 * MS_NS + 1

    def test_what_a_grid_point_does_not_find_is_waited_for(self) -> None:
        kernel = Kernel(ready_ns=[1_400_000])
        assert kernel.poll()(0.1, 512) == READY
        assert kernel.now_ns == 1_400_000
        assert kernel.waits_s == [pytest.approx(0.099)]

    @given(
        interval_ns=st.integers(1, 10 * MS_NS),
        begin_ns=st.integers(0, 1 << 60),
        gaps_ns=st.lists(st.integers(0, 30 * MS_NS), max_size=40),
        timeout_s=st.floats(0, 0.1),
    )
    def test_nothing_waits_longer_than_one_interval_for_them(
        self, interval_ns: int, begin_ns: int, gaps_ns: list[int], timeout_s: float
    ) -> None:
        kernel = Kernel(now_ns=begin_ns)
        poll = kernel.poll(interval_ns)
        for gap_ns in gaps_ns:
            asked_ns = kernel.now_ns
            kernel.ready_ns = [asked_ns + gap_ns]
            poll(timeout_s, 512)
            latest_ns = asked_ns + min(gap_ns, round(timeout_s * 1e9)) + interval_ns
            assert kernel.now_ns <= latest_ns + 1


class TestWords:
    @pytest.mark.parametrize(("text", "seconds"), [("1ms", 0.001), ("500us", 0.0005), ("0.01s", 0.01)])
    def test_a_time_is_read(self, text: str, seconds: float) -> None:
        assert parse_coalesce(text) == pytest.approx(seconds)

    @pytest.mark.parametrize("text", ["0", "11ms", "1", "1m"])
    def test_what_would_be_too_coarse_or_nothing_is_refused(self, text: str) -> None:
        with pytest.raises(BadInput, match=r"cannot be served together every .* from above 0 to 10ms"):
            parse_coalesce(text)

    @pytest.mark.parametrize("text", ["", "-1ms", "often"])
    def test_what_is_no_time_is_refused(self, text: str) -> None:
        with pytest.raises(BadInput, match="is no time to serve answers together in"):
            parse_coalesce(text)

    @pytest.mark.parametrize("seconds", [0.0, -0.001, 0.0101, float("nan")])
    def test_a_plan_holds_to_the_same_range(self, seconds: float) -> None:
        with pytest.raises(BadInput, match="from above 0 to 10ms"):
            make_plan("http://127.0.0.1/", coalesce_s=seconds)


class Later:
    """A behaviour that answers after a while of its own for each request."""

    def __init__(self) -> None:
        self._random = Random(11)

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(self._random.uniform(0.01, 0.04))
        writer.write(OK)
        return True


class TestRuns:
    @pytest.mark.parametrize("rate", [None, 1_500.0])
    async def test_a_wake_up_serves_many_requests(
        self, serve: Serve, start_run: StartRun, rate: float | None
    ) -> None:
        server = await serve(Later())
        plan = make_plan(server.url, connections=60, max_requests=2_000, rate=rate, coalesce_s=0.01)
        totals = await start_run(plan).end()
        wake_ups = totals.histogram("loop_lag").total()
        assert totals.completed == len(server.received) == 2_000
        assert wake_ups < totals.completed / 6

    @pytest.mark.parametrize("rate", [None, 400.0])
    @pytest.mark.parametrize("mode", ["drain", "abort"])
    async def test_they_end_as_any_other(
        self, serve: Serve, start_run: StartRun, mode: str, rate: float | None
    ) -> None:
        server = await serve(Later())
        plan = make_plan(server.url, connections=8, max_requests=None, rate=rate, coalesce_s=0.01)
        run = start_run(plan)
        await until(lambda: run.totals.completed > 40)
        run.command("stop", mode=mode)
        totals = await run.end()
        held = {} if mode == "drain" else {window.in_flight for window in totals.windows[-1:]}
        assert totals.failed == 0
        assert totals.sent >= len(server.received) >= totals.completed >= totals.sent - sum(held)

    async def test_they_pause_and_go_on(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(Later())
        run = start_run(make_plan(server.url, max_requests=None, coalesce_s=0.01))
        await until(lambda: run.totals.completed)
        run.command("pause")
        await until(run.totals.rests)
        received = len(server.received)
        run.command("resume")
        await until(lambda: len(server.received) > received)
        run.command("stop")
        totals = await run.end()
        paused = [window for window in totals.windows if window.phase is Phase.PAUSED]
        assert totals.completed == len(server.received)
        assert sum(window.sent for window in paused) == 0

    async def test_connections_and_loop_follow_the_user(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, max_requests=None, coalesce_s=0.01))
        run.command("connections", connections=30, segment=1)
        await until(lambda: server.open == 30)
        run.command("rate", rate=200.0, segment=2)
        await until(lambda: run.totals.last and run.totals.last.target_rate == 200.0)
        run.command("rate", rate=None, segment=3)
        run.command("connections", connections=2, segment=4)
        await until(lambda: server.open == 2)
        run.command("stop")
        totals = await run.end()
        assert totals.failed == 0
        assert totals.completed == len(server.received)

    async def test_a_request_without_an_answer_times_out(self, serve: Serve, start_run: StartRun) -> None:
        async def silence(request: Received, writer: asyncio.StreamWriter) -> bool:
            return True

        server = await serve(silence)
        plan = make_plan(server.url, connections=2, max_requests=4, timeout_s=0.05, coalesce_s=0.01)
        totals = await start_run(plan).end()
        assert {key[:2] for key in totals.faults} == {("timeout", "first_byte")}
        assert totals.failed == 4
