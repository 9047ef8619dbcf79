"""Fixtures of the engine's tests: servers, runs and fleets that end with their test."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from load_harness import (
    Behaviour,
    FakeLink,
    MakeFleet,
    Run,
    Serve,
    Server,
    StartRun,
    Totals,
    answer_ok,
)

from stressdash.load.conductor import Conductor
from stressdash.load.control import Assignment
from stressdash.load.fleet import Fleet
from stressdash.load.plan import Plan
from stressdash.load.target import Address


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    listeners: list[asyncio.Server] = []
    servers: list[Server] = []

    async def start(behave: Behaviour = answer_ok) -> Server:
        server = Server()
        listener = await asyncio.start_server(
            lambda reader, writer: server.serve(reader, writer, behave), "127.0.0.1", 0, backlog=512
        )
        server.port = listener.sockets[0].getsockname()[1]
        listeners.append(listener)
        servers.append(server)
        return server

    yield start
    for listener in listeners:
        listener.close()
    for _ in range(10):
        await asyncio.sleep(0)  # connections that were just accepted come to have a handler
    for server in servers:
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)
        for writer in server.writers:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def make_fleet() -> AsyncIterator[MakeFleet]:
    """Fleets that are closed at the end of the test, with the totals of their windows."""
    fleets: list[Fleet] = []

    def make(plan: Plan) -> tuple[Fleet, Totals]:
        totals = Totals()
        fleet = Fleet(plan, on_window=totals.add)
        fleets.append(fleet)
        return fleet, totals

    yield make
    for fleet in fleets:
        await fleet.close()
        if fleet.ledger is not None:
            fleet.ledger.close()


@pytest.fixture
async def start_run() -> AsyncIterator[StartRun]:
    """Start a plan against its own port on loopback, in this process."""
    runs: list[Run] = []

    def start(plan: Plan, *addresses: Address) -> Run:
        link = FakeLink()
        port = int(plan.url.split(":")[2].split("/")[0])
        places = addresses or (Address(socket.AF_INET, "127.0.0.1", port),)
        assignment = Assignment(plan, 0, 1, places, plan.connections, plan.max_requests, plan.rate)
        conductor = Conductor(assignment, link, None)  # type: ignore[arg-type]
        begin = time.monotonic_ns()
        end = None if plan.duration_s is None else begin + round(plan.duration_s * 1e9)
        run = Run(link, asyncio.create_task(asyncio.to_thread(conductor.run, begin, end)))
        runs.append(run)
        return run

    yield start
    for run in runs:
        if not run.task.done():
            run.command("stop", mode="abort")
        await asyncio.wait([run.task])
        run.link.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
