"""How long answers lay unread: told by the kernel's timestamps, whoever is to blame."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
import tempfile
from pathlib import Path

import pytest
import trustme
from load_harness import OK, MakeFleet, Received, Serve, StartRun, answer_ok, make_plan, until

from stressdash.hdr import bucket_low_us
from stressdash.load.transport import Transport
from stressdash.metrics.window import RunTotals

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems stamp differently")

STALL_S = 0.4


class TestAges:
    async def test_a_generator_that_is_stopped_is_seen_as_such_and_not_as_a_slow_target(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        released = asyncio.Event()

        answered: list[int] = []

        async def answer(request: Received, writer: asyncio.StreamWriter) -> bool:
            await released.wait()
            writer.write(OK)
            answered.append(request.id)
            return True

        server = await serve(answer)
        fleet, totals = make_fleet(make_plan(server.url, max_requests=4, duration_s=None))
        await fleet.start()
        await until(
            lambda: len(server.received) == 4 and totals.windows and totals.windows[-1].in_flight == 4
        )
        armed = len(totals.windows)
        await until(lambda: len(totals.windows) > armed + 1)
        (pid,) = fleet.worker_pids
        os.kill(pid, signal.SIGSTOP)
        try:
            released.set()
            await until(lambda: len(answered) == 4)
            await asyncio.sleep(STALL_S)  # the stall itself
        finally:
            os.kill(pid, signal.SIGCONT)
        await fleet.wait()
        ages = totals.histogram("unread")
        assert ages.total() == 4
        assert bucket_low_us(min(ages)) >= 0.9 * STALL_S * 1e6
        assert bucket_low_us(max(ages)) <= bucket_low_us(max(totals.histogram("latency")))

    async def test_a_slow_target_is_not_seen_as_the_generators_doing(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        async def slow(request: Received, writer: asyncio.StreamWriter) -> bool:
            await asyncio.sleep(STALL_S)
            writer.write(OK)
            return True

        server = await serve(slow)
        totals = await start_run(make_plan(server.url, max_requests=12)).end()
        ages = totals.histogram("unread")
        assert ages.total() >= 4
        assert sorted(ages.elements())[ages.total() // 2] < min(totals.histogram("latency").elements())

    async def test_only_some_answers_are_looked_at(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(run.totals.windows) > 10 and run.totals.histogram("unread"))
        run.command("stop")
        totals = await run.end()
        assert 0 < totals.histogram("unread").total() <= 17 * len(totals.windows)

    async def test_tls_hides_nothing(self, start_run: StartRun, tmp_path: Path) -> None:
        ca = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost").configure_cert(context)
        ca.cert_pem.write_to_path(tmp_path / "ca.pem")

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.readuntil(b"}"):
                    writer.write(OK)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as listener:
            url = f"https://localhost:{listener.sockets[0].getsockname()[1]}/"
            plan = make_plan(url, transport=Transport(ca_file=str(tmp_path / "ca.pem")), max_requests=None)
            run = start_run(plan)
            await until(lambda: run.totals.histogram("unread"))
            run.command("stop")
            totals = await run.end()
        assert totals.failed == 0

    async def test_unix_sockets_have_none_and_say_nothing(self, make_fleet: MakeFleet) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.readuntil(b"}"):
                    writer.write(OK)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        with tempfile.TemporaryDirectory(prefix="sd") as folder:
            async with await asyncio.start_unix_server(serve, f"{folder}/s"):
                plan = make_plan(
                    "http://x/", transport=Transport(unix_socket=f"{folder}/s"), max_requests=None
                )
                fleet, totals = make_fleet(plan)
                await fleet.start()
                await until(lambda: len(totals.windows) > 4)
                await fleet.stop()
        assert totals.completed > 0
        assert not totals.histogram("unread")


class TestShare:
    def test_is_the_medians_share_of_the_median_latency(self) -> None:
        from window_factory import window

        totals = RunTotals()
        assert totals.unread_share is None
        totals.add(window(latency=[1000] * 40, unread=[250] * 30, responses=40))
        assert totals.unread_share == pytest.approx(0.25, rel=0.01)
