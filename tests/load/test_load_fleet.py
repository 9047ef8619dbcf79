"""Fleets: worker processes started together, steered, ended, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import time

import psutil
import pytest
from load_harness import MakeFleet, Serve, answer_ok, make_plan, until

from stressdash.errors import EngineError, TargetError, TargetRefused, UsageError
from stressdash.load.plan import Request
from stressdash.load.shape import parse_shape
from stressdash.samples import Outcome, Phase


class TestRun:
    async def test_two_workers_share_budget_and_numbers(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        fleet, totals = make_fleet(make_plan(server.url, workers=2, max_requests=101))
        await fleet.start()
        await fleet.wait()
        totals.check_books()
        assert totals.completed == 101
        assert fleet.ledger is not None
        assert sorted(fleet.ledger.numbers(Outcome.ACKNOWLEDGED)) == sorted(
            request.id for request in server.received
        )

    async def test_windows_of_all_workers_lie_on_one_grid(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        fleet, totals = make_fleet(make_plan(server.url, workers=2, max_requests=None, duration_s=0.5))
        await fleet.start()
        await fleet.wait()
        starts = {
            worker: [
                window.start_ns - fleet.started_ns
                for window in totals.windows
                if window.worker == worker and window.phase is Phase.RUN
            ]
            for worker in (0, 1)
        }
        assert starts[0] == starts[1] == [cell * 100_000_000 for cell in range(5)]

    async def test_steering_reaches_every_worker(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        fleet, totals = make_fleet(make_plan(server.url, workers=2, max_requests=None))
        await fleet.start()
        await fleet.set_connections(21)
        await until(lambda: server.open == 21)
        await fleet.set_connections(5)
        await until(lambda: server.open == 5)
        await fleet.stop()
        assert totals.failed == 0

    async def test_paused_time_moves_the_end(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        fleet, totals = make_fleet(make_plan(server.url, max_requests=None, duration_s=3.0))
        await fleet.start()
        await fleet.pause()
        await until(totals.rests)
        await until(lambda: time.monotonic_ns() > fleet.started_ns + 3_000_000_000)
        await fleet.resume()
        await fleet.wait()
        measured = sum(window.length_ns for window in totals.windows if window.phase is Phase.RUN)
        assert measured > 250_000_000, "the end stayed where it was"

    async def test_a_plan_without_identity_has_no_ledger(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        fleet, _ = make_fleet(make_plan(server.url, request=Request("get", method="GET")))
        await fleet.start()
        await fleet.wait()
        assert fleet.ledger is None


class TestRefusals:
    async def test_a_public_address_is_refused_before_anything_is_spawned(
        self, make_fleet: MakeFleet
    ) -> None:
        fleet, _ = make_fleet(make_plan("http://192.0.2.1/"))
        with pytest.raises(TargetRefused, match=r"--allow-target 192\.0\.2\.1"):
            await fleet.start()
        assert fleet.worker_pids == ()

    async def test_a_name_that_does_not_resolve(self, make_fleet: MakeFleet) -> None:
        fleet, _ = make_fleet(make_plan("http://no-such-host.invalid/"))
        with pytest.raises(TargetRefused, match="cannot be resolved"):
            await fleet.start()

    async def test_an_allowed_name_that_does_not_resolve(self, make_fleet: MakeFleet) -> None:
        name = "no-such-host.invalid"
        fleet, _ = make_fleet(make_plan(f"http://{name}/", allow_targets=(name,)))
        with pytest.raises(TargetError, match="cannot be resolved"):
            await fleet.start()

    async def test_fewer_connections_than_workers(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        fleet, _ = make_fleet(make_plan(server.url, workers=2, max_requests=None))
        await fleet.start()
        with pytest.raises(UsageError, match="give 2 to"):
            await fleet.set_connections(1)
        await fleet.close()


class TestDeath:
    async def test_a_killed_worker_is_reported_and_its_ledger_is_kept(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve(answer_ok)
        fleet, totals = make_fleet(make_plan(server.url, workers=2, max_requests=None))
        await fleet.start()
        await until(lambda: totals.completed > 50)
        os.kill(fleet.worker_pids[0], signal.SIGKILL)
        with pytest.raises(EngineError, match="killed by signal 9"):
            await fleet.wait()
        assert fleet.ledger is not None
        assert fleet.ledger.count(Outcome.ACKNOWLEDGED) >= totals.completed
        assert not any(psutil.pid_exists(pid) for pid in fleet.worker_pids)

    async def test_a_shape_that_breaks_ends_the_load_and_is_told(
        self, serve: Serve, make_fleet: MakeFleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = await serve(answer_ok)
        plan = make_plan(server.url, workers=2, max_requests=None, stages=parse_shape("hold 4 1h"))
        fleet, totals = make_fleet(plan)
        await fleet.start()
        await until(lambda: totals.completed > 50)
        monkeypatch.setattr("stressdash.load.fleet.stage_at", lambda *_: 1 / 0)
        with pytest.raises(
            EngineError, match=r"the load's shape failed, so the load was ended: ZeroDivision"
        ):
            await fleet.wait()
        totals.check_books()
        assert not fleet.interrupted

    async def test_close_ends_a_running_fleet_and_may_be_repeated(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve(answer_ok)
        fleet, _ = make_fleet(make_plan(server.url, workers=2, max_requests=None))
        await fleet.start()
        await fleet.close()
        await fleet.close()
        assert not any(psutil.pid_exists(pid) for pid in fleet.worker_pids)

    async def test_a_killed_parent_takes_its_workers_along(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        program = textwrap.dedent(
            f"""
            import asyncio
            from stressdash.load.fleet import Fleet
            from stressdash.load.plan import Plan, Request

            async def main():
                plan = Plan(url={server.url!r}, requests=(Request("push"),), duration_s=None, workers=2)
                fleet = Fleet(plan, on_window=lambda window: None)
                await fleet.start()
                print(*fleet.worker_pids, flush=True)
                await fleet.wait()

            asyncio.run(main())
            """
        )
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
        await until(lambda: len(server.received) > 50)
        parent.kill()
        await parent.wait()
        await until(lambda: not any(running(pid) for pid in pids))

    async def test_nothing_of_the_plan_shows_in_the_process_list(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve(answer_ok)
        fleet, _ = make_fleet(make_plan(server.url, max_requests=None))
        await fleet.start()
        command = " ".join(psutil.Process(fleet.worker_pids[0]).cmdline())
        await fleet.close()
        assert "127.0.0.1" not in command


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
