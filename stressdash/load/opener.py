"""How connections get their sockets: staggered, with a bound on how many connect at once.

A burst of connects overflows a server's accept queue, and the kernel answers that with retries after a
second. So connects begin one by one, at most `RATE_PER_S` and `AT_ONCE` pending, TLS handshakes included.
Where a host has several addresses, each connect begins with the one that worked last, or with the next in
turn; it has failed once all of them have.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Final

from stressdash.load.connection import NEVER_NS, Connection
from stressdash.load.faults import FaultKind
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

    def __init__(self, addresses: Sequence[Address], *, round_robin: bool = False) -> None:
        self._addresses = tuple(addresses)
        self._round_robin = round_robin
        self._first = 0
        """Index of the address that the next connect begins with."""
        self.trouble: FaultKind | None = None
        """Why there is no address to connect to."""
        self.queue: deque[Connection] = deque()
        """Connections that wait for their turn."""
        self._next_ns = 0
        self.held = False
        """Nothing is opened while the run is paused."""
        self.pending = 0
        """How many are connecting now; the loop counts them down."""

    def add(self, connection: Connection) -> None:
        """Let the connection have a socket when its turn comes."""
        self.queue.append(connection)

    def clear(self) -> None:
        """Forget all that wait."""
        self.queue.clear()

    def move(self, addresses: Sequence[Address], trouble: FaultKind | None) -> None:
        """Connect to other addresses from now on, or fail for the reason given."""
        self._addresses = tuple(addresses)
        self._first = 0
        self.trouble = trouble

    @property
    def next_ns(self) -> int:
        """When the next connect may begin; far away when none waits, or none may begin now."""
        return self._next_ns if self.queue and self.pending < AT_ONCE and not self.held else NEVER_NS

    def take(self, now_ns: int) -> Connection | None:
        """The next connection whose turn it is."""
        while self.next_ns <= now_ns:
            connection = self.queue.popleft()
            if not connection.leaving:
                self._next_ns = max(self._next_ns, now_ns - BURST * INTERVAL_NS) + INTERVAL_NS
                return connection
        return None

    def connect(self, connection: Connection) -> None:
        """Give the connection a socket that has begun to connect.

        Raises:
            OSError: the system refused at once.
        """
        if not connection.tries:
            connection.first_address = self._first
            self._first += self._round_robin
        address = self._addresses[(connection.first_address + connection.tries) % len(self._addresses)]
        sock = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if address.family == socket.AF_UNIX:
            result = sock.connect_ex(address.host)
        else:
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
        connection.tries = (connection.tries + 1) % max(1, len(self._addresses))
        return connection.tries > 0

    def connected(self, connection: Connection) -> None:
        """The connection's address works: unless they take turns, others begin with it."""
        if not self._round_robin:
            self._first = connection.first_address + connection.tries
        connection.tries = 0
