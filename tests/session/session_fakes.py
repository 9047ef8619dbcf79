"""A stack for tests of the session: no processes, an HTTP server in this loop as its service.

The contract suite in tests/contracts holds the real stacks to the behaviour that is imitated here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from stressdash.errors import ComponentFailed, UsageError
from stressdash.samples import (
    Component,
    ComponentState,
    DatabaseProcess,
    DatabaseStatus,
    Knob,
    LogLine,
    ServiceStatus,
)
from stressdash.stack.backend import Addresses

__all__ = ["AnsweringServer", "FakeStack"]

MAX_OPEN = Knob("max_open", "pool: connections at most", "service", "int", "live", None, "0", "0")


class AnsweringServer:
    """Answers every request at once with one status."""

    def __init__(self, status: str = "200 OK", body: bytes = b"{}") -> None:
        self.answer = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)
        self.requests = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (
                        int(line[15:])
                        for line in head.lower().split(b"\r\n")
                        if line.startswith(b"content-length:")
                    ),
                    0,
                )
                await reader.readexactly(length)
                self.requests += 1
                writer.write(self.answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class FakeStack:
    """Implements `Stack` in memory."""

    name = "embedded"

    def __init__(self, url: str, *, broken: str = "", ready: asyncio.Event | None = None) -> None:
        self._url = url
        self._broken = broken
        self._ready = ready
        self._knob = MAX_OPEN
        self.state = ComponentState.RUNNING
        self.closed = False
        self.actions: list[tuple[str, str]] = []

    async def up(self, progress: Callable[[str], None], *, as_it_is: bool = False) -> None:
        progress("starting the service")
        if self._ready is not None:
            await self._ready.wait()
        if self._broken:
            raise ComponentFailed(self._broken)

    def addresses(self) -> Addresses:
        return Addresses(self._url)

    async def components(self) -> tuple[Component, ...]:
        return (Component("service", "embedded", self.state, pid=1, cpu_seconds=1.0),)

    async def action(self, component: str, action: str) -> None:
        self.actions.append((component, action))

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:
        return tuple(LogLine(component, number, 0, f"line {number}") for number in range(after + 1, 4))

    async def knobs(self) -> tuple[Knob, ...]:
        return (self._knob,)

    async def set_knob(self, name: str, value: str) -> Knob:
        if name != "max_open":
            raise UsageError(f"there is no knob {name!r}; the knobs are max_open")
        self._knob = replace(self._knob, desired=value, actual=value)
        return self._knob

    async def service_status(self) -> ServiceStatus | None:
        return None

    async def database_status(self) -> DatabaseStatus | None:
        return None

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        return ()

    async def attach(self) -> bool:
        return True

    async def down(self, *, erase: bool = False) -> None:
        del erase
        self.closed = True

    async def close(self, *, keep: bool = False) -> None:
        del keep
        self.closed = True
