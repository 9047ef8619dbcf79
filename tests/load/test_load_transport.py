"""How connections are made and how long they live, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from load_harness import MakeFleet, Serve, Server, StartRun, answer_ok, make_plan, until

from stressdash.errors import TargetError, UsageError
from stressdash.load.fleet import Fleet
from stressdash.load.plan import Plan
from stressdash.load.target import Address, Target, resolve
from stressdash.load.transport import Transport


def plan_of(url: str, **changes: Any) -> Plan:
    return make_plan(url, transport=Transport(**changes.pop("transport", {})), **changes)


@contextlib.asynccontextmanager
async def listening(server: Server, **where: Any) -> AsyncIterator[None]:
    """Another listener of a server."""
    start = asyncio.start_unix_server if "path" in where else asyncio.start_server
    listener = await start(lambda reader, writer: server.serve(reader, writer, answer_ok), **where)
    try:
        yield
    finally:
        listener.close()
        for writer in server.writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        await asyncio.gather(*server.tasks)


class TestUnixSockets:
    async def test_a_run_over_one(self, make_fleet: MakeFleet) -> None:
        server = Server()
        with tempfile.TemporaryDirectory(prefix="sd") as folder:
            path = f"{folder}/s"
            async with listening(server, path=path):
                fleet, totals = make_fleet(
                    plan_of("http://service.example/push", transport={"unix_socket": path})
                )
                await fleet.start()
                await fleet.wait()
        assert (totals.completed, totals.failed) == (40, 0)
        assert {request.headers["host"] for request in server.received} == {"service.example"}

    @pytest.mark.parametrize("kind", ["nothing", "file"])
    async def test_what_is_none_is_told_before_the_run(
        self, make_fleet: MakeFleet, tmp_path: Path, kind: str
    ) -> None:
        path = tmp_path / "s"
        if kind == "file":
            path.touch()
        fleet, _ = make_fleet(plan_of("http://localhost/", transport={"unix_socket": str(path)}))
        with pytest.raises(TargetError, match="Unix socket"):
            await fleet.start()

    async def test_one_on_which_nobody_listens_is_a_connect_fault(self, make_fleet: MakeFleet) -> None:
        with tempfile.TemporaryDirectory(prefix="sd") as folder, socket.socket(socket.AF_UNIX) as sock:
            sock.bind(f"{folder}/s")
            plan = plan_of("http://localhost/", transport={"unix_socket": f"{folder}/s"}, max_requests=4)
            fleet, totals = make_fleet(plan)
            await fleet.start()
            await fleet.wait()
        assert set(totals.faults) == {("connect", "ECONNREFUSED", "Connection refused")}


class TestIPv6:
    async def test_a_run_end_to_end(self, make_fleet: MakeFleet) -> None:
        server = Server()
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as sock:
            async with listening(server, sock=sock):
                port = sock.getsockname()[1]
                fleet, totals = make_fleet(plan_of(f"http://[::1]:{port}/push"))
                await fleet.start()
                await fleet.wait()
        assert (totals.completed, totals.failed) == (40, 0)
        assert {request.headers["host"] for request in server.received} == {f"[::1]:{port}"}


class TestLives:
    async def test_a_connection_for_each_request(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        totals = await start_run(plan_of(server.url, transport={"keepalive": False})).end()
        assert (totals.completed, totals.failed) == (40, 0)
        assert server.accepted >= 40
        assert {request.headers["connection"] for request in server.received} == {"close"}
        assert totals.reconnects == 0

    async def test_a_connection_for_each_request_of_the_open_loop(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        server = await serve(answer_ok)
        totals = await start_run(plan_of(server.url, transport={"keepalive": False}, rate=400.0)).end()
        assert totals.completed == 40
        assert server.accepted >= 40

    async def test_old_ones_are_replaced_without_a_fault(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(plan_of(server.url, transport={"lifetime_s": 0.1}, max_requests=None))
        await until(lambda: server.accepted >= 20)
        run.command("stop")
        totals = await run.end()
        assert (totals.failed, totals.reconnects) == (0, 0)
        assert server.most_open <= 8  # a new one may be accepted before the server has seen the old one close

    async def test_old_ones_are_replaced_while_idle(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer_ok)
        run = start_run(plan_of(server.url, transport={"lifetime_s": 0.1}, max_requests=None, rate=1.0))
        await until(lambda: server.accepted >= 12)
        run.command("stop")
        totals = await run.end()
        assert totals.failed == 0

    async def test_timeouts_hold_for_connections_that_are_to_be_replaced(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        async def never(request: object, writer: asyncio.StreamWriter) -> bool:
            return True

        server = await serve(never)
        plan = plan_of(server.url, transport={"lifetime_s": 0.1}, timeout_s=0.3, max_requests=8)
        totals = await start_run(plan).end()
        assert totals.faults == Counter({("timeout", "first_byte", "no whole answer within 0.3 s"): 8})


class TestAddresses:
    @pytest.mark.parametrize("turns", [True, False])
    async def test_connections_take_turns_where_that_is_asked_for(
        self, start_run: StartRun, turns: bool
    ) -> None:
        servers = Server(), Server()
        with socket.create_server(("127.0.0.1", 0)) as one:
            port = one.getsockname()[1]
            async with (
                listening(servers[0], sock=one),
                listening(servers[1], host="127.0.0.2", port=port),
            ):
                addresses = [Address(socket.AF_INET, host, port) for host in ("127.0.0.1", "127.0.0.2")]
                plan = plan_of(f"http://localhost:{port}/", transport={"round_robin": turns})
                await start_run(plan, *addresses).end()
        assert [server.accepted for server in servers] == ([2, 2] if turns else [4, 0])

    async def follow(
        self, make_fleet: MakeFleet, url: str, answer: Callable[[Any], Any], met: Callable[[Any], object]
    ) -> Any:
        """Run until `met`, while each lookup gives what `answer` makes of the totals so far."""

        async def look_up(target: Target) -> tuple[Address, ...]:
            found = answer(totals)
            return await resolve(found) if isinstance(found, Target) else found

        plan = plan_of(
            url, transport={"resolve_every_s": 0.1, "keepalive": False}, max_requests=None, duration_s=None
        )
        _, totals = make_fleet(plan)
        fleet = Fleet(plan, on_window=totals.add, look_up=look_up)
        try:
            await fleet.start()
            await until(lambda: met(totals), within_s=90)
            await fleet.stop()
        finally:
            await fleet.close()
            if fleet.ledger is not None:
                fleet.ledger.close()
        totals.check_books()
        return totals

    async def test_new_connections_go_where_the_host_is_now(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        before, after = await serve(answer_ok), await serve(answer_ok)
        here, there = ((Address(socket.AF_INET, "127.0.0.1", server.port),) for server in (before, after))
        totals = await self.follow(
            make_fleet,
            before.url,
            lambda _: there if before.accepted else here,
            lambda _: before.accepted and after.accepted,
        )
        assert totals.failed == 0

    async def test_a_host_that_is_gone_is_a_fault_until_it_is_back(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve(answer_ok)
        here = (Address(socket.AF_INET, "127.0.0.1", server.port),)
        gone = Target("http", "gone.invalid", 80, "/")
        accepted_at_fault: list[int] = []

        def answer(totals: Any) -> Any:
            if totals.faults and not accepted_at_fault:
                accepted_at_fault.append(server.accepted)
            return gone if server.accepted and not accepted_at_fault else here

        totals = await self.follow(
            make_fleet,
            server.url,
            answer,
            lambda _: accepted_at_fault and server.accepted > accepted_at_fault[0] + 20,
        )
        ((category, code, message),) = totals.faults
        assert category == "dns"
        assert code.startswith("EAI_")
        assert message

    async def test_a_public_address_is_refused_whenever_it_is_found(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve(answer_ok)
        here = (Address(socket.AF_INET, "127.0.0.1", server.port),)
        public = (*here, Address(socket.AF_INET, "192.0.2.1", server.port))
        totals = await self.follow(
            make_fleet,
            server.url,
            lambda _: public if server.accepted else here,
            lambda totals: sum(totals.faults.values()) > 8,
        )
        ((category, code, message),) = totals.faults
        assert (category, code) == ("dns", "REFUSED")
        assert "192.0.2.1" in message


class TestContradictions:
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"key_file": "k"}, "--cert"),
            ({"insecure": True, "ca_file": "c"}, "--insecure"),
            ({"lifetime_s": 0.01}, "lifetime"),
            ({"resolve_every_s": 0.0}, "lookups"),
            ({"unix_socket": "x" * 200}, "1 to 107 bytes"),
            ({"unix_socket": "s", "resolve_every_s": 5.0}, "--resolve-every"),
        ],
    )
    def test_each_is_refused_with_what_to_change(self, changes: dict[str, Any], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            Transport(**changes)
