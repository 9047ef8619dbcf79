"""What the parent and its workers say to one another, and how it is framed.

Messages are MessagePack after a length of four bytes, on one socket pair per worker. The end of that stream
is the end of the worker: when the parent dies, however it dies, its workers read it and go.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stressdash.load.faults import FaultKind
from stressdash.load.plan import Plan
from stressdash.load.script import Plain
from stressdash.load.target import Address
from stressdash.samples import Window
from stressdash.wire import from_packed, to_packed

__all__ = ["LENGTH", "Assignment", "Command", "Link", "ParentGone", "Report", "frame"]

LENGTH: Final = struct.Struct("!I")
BACKLOG_LIMIT: Final = 64 << 20
"""Bytes of reports that a parent may leave unread; hours of windows."""
READ_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Assignment:
    """The first message to a worker: its part of the plan."""

    plan: Plan
    worker: int
    workers: int
    addresses: tuple[Address, ...]
    connections: int
    max_requests: int | None
    rate: float | None = None
    """Arrivals per second over all workers; None: the closed loop."""
    slope: float = 0.0
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values of secret headers by their source."""
    given: Plain = None
    """Globals that a script's `setup` gave this thread, as [name, value]."""


@dataclass(frozen=True, slots=True)
class Command:
    """A later message to a worker. `verb` says which of the other fields count."""

    verb: str
    """`start`, `connections`, `rate`, `segment`, `end`, `pause`, `resume`, `addresses` or `stop`."""
    segment: int = 0
    """Number of the steering segment that begins."""
    connections: int = 0
    rate: float | None = None
    """Arrivals per second over all workers; None closes the loop."""
    slope: float = 0.0
    """Change of the rate per second."""
    at_ns: int = 0
    """When to start."""
    end_ns: int | None = None
    """When the run ends; None: when it is stopped."""
    mode: str = "drain"
    addresses: tuple[Address, ...] = ()
    """Where connections go from now on."""
    trouble: FaultKind | None = None
    """Why there is no address to go to."""


@dataclass(frozen=True, slots=True)
class Report:
    """A message from a worker."""

    verb: str
    """`ready`, `window`, `ended`, or `failed` with a reason."""
    window: Window | None = None
    reason: str = ""
    interrupted: bool = False
    """Of `ended`: it was told to stop before its plan's own end."""
    values: Plain = None
    """Of `ended`: the globals of its script, as [name, value]."""
    printed: bytes = b""
    """Of `ended` and `failed`: what its script has printed."""


class ParentGone(Exception):
    """The parent has closed its end of the link, or stopped reading it."""


def frame(message: Assignment | Command | Report) -> bytes:
    """The message as it crosses the link."""
    data = to_packed(message)
    return LENGTH.pack(len(data)) + data


class Link:
    """The worker's end of the link: never blocks the loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = bytearray()
        self._unsent = bytearray()

    def fileno(self) -> int:
        """Descriptor, for the poller."""
        return self._sock.fileno()

    def wait(self, shape: type[Any]) -> Any:
        """The next message, waiting for it.

        Raises:
            ParentGone: the link was closed.
        """
        self._sock.setblocking(True)
        while (data := self._cut()) is None:
            self._receive()
        self._sock.setblocking(False)
        return from_packed(data, shape)

    def commands(self) -> Iterator[Command]:
        """Commands that have arrived.

        Raises:
            ParentGone: the link was closed.
        """
        with contextlib.suppress(BlockingIOError):
            self._receive()
        while (data := self._cut()) is not None:
            yield from_packed(data, Command)

    def report(self, report: Report) -> None:
        """Hand a report to the parent; what it does not read now waits here.

        Raises:
            ParentGone: the link was closed, or too much waits.
        """
        self._unsent += frame(report)
        if len(self._unsent) > BACKLOG_LIMIT:
            raise ParentGone
        self._send()

    def flush(self) -> None:
        """Wait until the parent has taken every report."""
        self._sock.setblocking(True)
        self._send()

    def _send(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError as error:
            raise ParentGone from error

    def _receive(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            raise
        except OSError as error:
            raise ParentGone from error
        if not data:
            raise ParentGone
        self._received += data

    def _cut(self) -> bytes | None:
        """The first whole message that was received."""
        if len(self._received) < LENGTH.size:
            return None
        end = LENGTH.size + LENGTH.unpack_from(self._received)[0]
        if len(self._received) < end:
            return None
        data = bytes(self._received[LENGTH.size : end])
        del self._received[:end]
        return data
