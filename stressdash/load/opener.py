"""How connections get their sockets: staggered, with a bound on how many connect at once.

A burst of connects overflows a server's accept queue, and the kernel answers that with retries after a
second. So connects begin one by one, at most `RATE_PER_S` and `AT_ONCE` pending. Where a host has several
addresses, the first that works is kept; a connect has failed once all of them have.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Final

from stressdash.load.connection import NEVER_NS, Connection
from stressdash.load.target import Address

__all__ = ["BACKOFF_FIRST_NS", "BACKOFF_MOST_NS", "Opener"]

RATE_PER_S: Final = 5_000
AT_ONCE: Final = 64
INTERVAL_NS: Final = 1_000_000_000 // RATE_PER_S
BURST: Final = 64
BACKOFF_FIRST_NS: Final = 10_000_000
BACKOFF_MOST_NS: Final = 1_000_000_000


class Opener:
    """Queue of connections that want a socket."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = tuple(addresses)
        self._good = 0
        """Index of the address that worked last."""
        self._queue: deque[Connection] = deque()
        self._next_ns = 0
        self.held = False
        """Nothing is opened while the run is paused."""
        self.pending = 0
        """How many are connecting now; the loop counts them down."""

    def add(self, connection: Connection) -> None:
        """Let the connection have a socket when its turn comes."""
        self._queue.append(connection)

    def clear(self) -> None:
        """Forget all that wait."""
        self._queue.clear()

    @property
    def next_ns(self) -> int:
        """When the next connect may begin; far away when none waits, or none may begin now."""
        return self._next_ns if self._queue and self.pending < AT_ONCE and not self.held else NEVER_NS

    def take(self, now_ns: int) -> Connection | None:
        """The next connection whose turn it is."""
        while self.next_ns <= now_ns:
            connection = self._queue.popleft()
            if not connection.leaving:
                self._next_ns = max(self._next_ns, now_ns - BURST * INTERVAL_NS) + INTERVAL_NS
                return connection
        return None

    def connect(self, connection: Connection) -> None:
        """Give the connection a socket that has begun to connect.

        Raises:
            OSError: the system refused at once.
        """
        address = self._addresses[(self._good + connection.tries) % len(self._addresses)]
        sock = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        result = sock.connect_ex((address.host, address.port))
        if result not in {0, errno.EINPROGRESS}:
            sock.close()
            raise OSError(result, os.strerror(result))
        connection.sock = sock
        connection.fd = sock.fileno()
        connection.recv = sock.recv
        connection.send = sock.send
        self.pending += 1

    def try_another(self, connection: Connection) -> bool:
        """Whether another address is left to try; then it is the connection's next."""
        connection.tries = (connection.tries + 1) % len(self._addresses)
        return connection.tries > 0

    def opened(self, connection: Connection) -> None:
        """The connection has connected: others begin with its address."""
        self.pending -= 1
        self._good = (self._good + connection.tries) % len(self._addresses)
        connection.tries = 0
