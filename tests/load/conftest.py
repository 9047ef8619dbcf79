"""Servers that misbehave on request, and a worker's engine run in a thread of the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import pytest

from stressdash.load.conductor import Conductor
from stressdash.load.control import Assignment, Command, Report
from stressdash.load.fleet import Fleet
from stressdash.load.plan import Plan, Request
from stressdash.load.target import Address
from stressdash.samples import Window

IDENTITY_BODY = b'{"section":{{run}},"id":{{request}}}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Received:
    """One request as the server read it."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> int:
        return int(json.loads(self.body)["id"])


Behaviour = Callable[[Received, asyncio.StreamWriter], Awaitable[bool]]


@dataclass
class Server:
    """An HTTP server that answers by a behaviour: True keeps the connection, False closes it."""

    port: int = 0
    accepted: int = 0
    open: int = 0
    most_open: int = 0
    received: list[Received] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/push"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behave: Behaviour) -> None:
        self.accepted += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        try:
            while (request := await read_request(reader)) is not None:
                self.received.append(request)
                if not await behave(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the fixture's end cancels; a cancelled handler would be logged as an error
        finally:
            self.open -= 1
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    line, *fields = head.decode().rstrip().split("\r\n")
    headers = dict(field.lower().split(": ", 1) for field in fields)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(line, headers, body)


async def answer_ok(request: Received, writer: asyncio.StreamWriter) -> bool:
    writer.write(OK)
    return True


Serve = Callable[[Behaviour], Awaitable[Server]]


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


async def until(condition: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait for a condition, polling."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


def make_plan(url: str, **changes: object) -> Plan:
    """A small plan for the URL."""
    request = changes.pop("request", None) or Request("push", body=IDENTITY_BODY)
    settings: dict[str, object] = {"connections": 4, "duration_s": None, "max_requests": 40, "run_id": 7}
    return Plan(url=url, requests=(request,), **(settings | changes))  # type: ignore[arg-type]


class Totals:
    """Windows of a run, added up."""

    def __init__(self) -> None:
        self.windows: list[Window] = []

    def add(self, window: Window) -> None:
        self.windows.append(window)

    def __getattr__(self, name: str) -> int:
        return sum(getattr(window, name) for window in self.windows)

    def histogram(self, name: str) -> Counter[int]:
        total: Counter[int] = Counter()
        for window in self.windows:
            total.update(getattr(window, name))
        return total

    @property
    def last(self) -> Window | None:
        return self.windows[-1] if self.windows else None

    def rests(self) -> bool:
        """The newest window is one of a pause, with nothing in flight."""
        return self.last is not None and self.last.phase == "paused" and not self.last.in_flight

    @property
    def faults(self) -> Counter[tuple[str, str, str]]:
        total: Counter[tuple[str, str, str]] = Counter()
        for window in self.windows:
            for fault in window.faults:
                total[fault.key] += fault.count
        return total

    @property
    def in_flight_at_stop(self) -> int:
        last: dict[int, Window] = {}
        for window in self.windows:
            last[window.worker] = window
        return sum(window.in_flight for window in last.values())

    def check_books(self) -> None:
        """Scheduled = completed + failed + in flight, at the end of every window of every worker."""
        balance: Counter[int] = Counter()
        for window in self.windows:
            balance[window.worker] += window.scheduled - window.completed - window.failed
            assert balance[window.worker] == window.in_flight, window


class FakeLink:
    """The worker's end of the link, without a parent: collects windows, gives commands from a list."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.ended = False
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._commands: list[Command] = []

    def fileno(self) -> int:
        return self._ours.fileno()

    def command(self, command: Command) -> None:
        self._commands.append(command)
        self._theirs.send(b"!")

    def commands(self) -> Iterator[Command]:
        with contextlib.suppress(BlockingIOError):
            self._ours.recv(1024)
        while self._commands:
            yield self._commands.pop(0)

    def report(self, report: Report) -> None:
        if report.window is not None:
            self.totals.add(report.window)
        self.ended = self.ended or report.verb == "ended"

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


@dataclass
class Run:
    """A worker's engine in a thread."""

    link: FakeLink
    task: asyncio.Task[None]

    @property
    def totals(self) -> Totals:
        return self.link.totals

    def command(self, verb: str, **fields: object) -> None:
        self.link.command(Command(verb, **fields))  # type: ignore[arg-type]

    async def end(self) -> Totals:
        async with asyncio.timeout(60):
            await self.task
        assert self.link.ended
        self.totals.check_books()
        return self.totals


StartRun = Callable[[Plan], Run]
MakeFleet = Callable[[Plan], tuple[Fleet, Totals]]


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
        assignment = Assignment(plan, 0, 1, places, plan.connections, plan.max_requests)
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
