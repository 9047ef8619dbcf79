"""How long answers lay in the kernel until the engine took notice: its own queue, no latency of the target.

The kernel stamps what it receives (`SO_TIMESTAMPING`, in software). A stamp costs a second call beside
`recv`, so only some answers are looked at: in each window a few busy connections get a `recv` that peeks for
the stamp first, in turns drawn evenly over the window; the hot path asks nothing. The age counts to the poll
that latency counts to, so it is a part of that latency. Unix sockets and other systems than Linux have no
stamps.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Mapping
from random import Random
from typing import Final

from stressdash.hdr import bucket_index
from stressdash.load.books import Books
from stressdash.load.connection import BUSY, Connection

__all__ = ["PER_WINDOW", "Unread"]

SO_TIMESTAMPING: Final = 37
"""Linux's number, which Python's socket module does not name."""
RECEIVED: Final = 1 << 3 | 1 << 4
"""SOF_TIMESTAMPING_RX_SOFTWARE, and SOF_TIMESTAMPING_SOFTWARE to have it told."""
STAMPS: Final = struct.Struct("6q")
"""Three `timespec`; the first one is the software's."""
SPACE: Final = socket.CMSG_SPACE(STAMPS.size)
PER_WINDOW: Final = 16
"""Answers that are looked at, about."""


class Unread:
    """Samples of one worker."""

    __slots__ = ("_books", "_next", "_random", "_works", "polled_ns")

    def __init__(self, books: Books, family: int, random: Random) -> None:
        """`family` is that of the target's sockets."""
        self.polled_ns = 0
        """Monotonic time of the present poll; the loop sets it."""
        self._books = books
        self._works = sys.platform == "linux" and family != socket.AF_UNIX
        self._random = random
        self._next = 0

    def sample(self, connections: Mapping[int, Connection], expected: int) -> None:
        """Look at some of the answers that come next, of which about `expected` will come in one window."""
        if not self._works or not connections:
            return
        held = list(connections.values())
        count = min(PER_WINDOW, len(held))
        reads = max(1, expected // len(held))
        looks = min(reads, -(-PER_WINDOW // count))
        for at in range(self._next, self._next + count):
            connection = held[at % len(held)]
            if connection.state == BUSY:
                self._look(connection, sorted(self._random.sample(range(reads), looks), reverse=True))
        self._next = (self._next + count) % len(held)

    def _look(self, connection: Connection, turns: list[int]) -> None:
        """Give the connection a `recv` that looks at ages in these turns, then gives way to the plain one."""
        sock = connection.sock
        assert sock is not None
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, RECEIVED)
        plain = sock.recv
        turn = 0

        def recv(size: int) -> bytes:
            nonlocal turn
            if turn == turns[-1]:
                turns.pop()
                if not turns:
                    connection.recv = plain
                self._book_age(sock, size)
            turn += 1
            return plain(size)

        connection.recv = recv

    def _book_age(self, sock: socket.socket, size: int) -> None:
        _, ancillary, _, _ = socket.socket.recvmsg(sock, size, SPACE, socket.MSG_PEEK)
        since_poll_ns, wall_ns = time.monotonic_ns() - self.polled_ns, time.time_ns()
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPING) and len(data) >= STAMPS.size:
                seconds, nanoseconds, *_ = STAMPS.unpack_from(data)
                if seconds:
                    age_ns = wall_ns - since_poll_ns - seconds * 1_000_000_000 - nanoseconds
                    self._books.unread[bucket_index(age_ns // 1000)] += 1
