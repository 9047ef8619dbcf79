"""What the engine's tests share: a server that behaves as told, totals, a worker run in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from stressdash.load.control import Command, Report
from stressdash.load.fleet import Fleet
from stressdash.load.plan import Plan, Request
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

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behave: Behaviour
    ) -> None:
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


async def until(condition: Callable[[], object], within_s: float = 60.0) -> None:
    """Wait for a condition, polling."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - the condition is about other threads and processes
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

    @property
    def open_now(self) -> int | None:
        return self.last.open_connections if self.last else None

    @property
    def target_now(self) -> int | None:
        return self.last.target_connections if self.last else None

    def rests(self) -> bool:
        """The newest window is one of a pause, with no connection busy."""
        return self.last is not None and self.last.phase == "paused" and not self.last.busy_connections

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
        self._gate = threading.Event()
        self._gate.set()
        self.stands_still = False

    @contextlib.contextmanager
    def stalled(self) -> Iterator[None]:
        """The worker stands still from its next report on."""
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def fileno(self) -> int:
        return self._ours.fileno()

    def command(self, *commands: Command) -> None:
        """Send commands that arrive together."""
        self._commands.extend(commands)
        self._theirs.send(b"!")

    def commands(self) -> Iterator[Command]:
        with contextlib.suppress(BlockingIOError):
            self._ours.recv(1024)
        while self._commands:
            yield self._commands.pop(0)

    def report(self, report: Report) -> None:
        self.stands_still = not self._gate.is_set()
        self._gate.wait()
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


StartRun = Callable[..., Run]
MakeFleet = Callable[[Plan], tuple[Fleet, Totals]]
