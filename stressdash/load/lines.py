"""The life of connections: opened in turn, refused and tried again, timed out, lost, closed.

`Lines` owns the sockets and everything that happens to them apart from requests and answers, which the loop
adds (`stressdash.load.loop`). A connection that loses its socket queues for another one, unless it is to
leave or the run is ending.
"""

from __future__ import annotations

import os
import select
import socket
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from stressdash.hdr import bucket_index
from stressdash.load.books import Books, Ending
from stressdash.load.connection import BUSY, CLOSED, CONNECTING, IDLE, NEVER_NS, Connection
from stressdash.load.control import Assignment
from stressdash.load.faults import FaultKind, kind_of_os_error
from stressdash.load.opener import BACKOFF_FIRST_NS, BACKOFF_MOST_NS, Opener
from stressdash.load.timers import Timers

__all__ = ["HANGUP", "READ", "WRITE", "Lines"]

READ: Final = select.EPOLLIN
HANGUP: Final = select.EPOLLRDHUP
"""The peer has closed its side; asked for beside `READ`, so that no request is sent into a closed socket."""
WRITE: Final = select.EPOLLOUT


class Lines(ABC):
    """Connections of one worker."""

    def __init__(self, assignment: Assignment, books: Books) -> None:
        self._clock = time.monotonic_ns
        self._poller = select.epoll()
        self._poll: Callable[[float, int], list[tuple[int, int]]] = self._poller.poll
        self._books = books
        self._timers = Timers()
        self._opener = Opener(assignment.addresses)
        self._timeout_ns = round(assignment.plan.timeout_s * 1e9)
        self._timeout_text = f"no whole answer within {assignment.plan.timeout_s:g} s"
        self._connect_timeout_ns = round(assignment.plan.connect_timeout_s * 1e9)
        self._connect_timeout_text = f"not connected within {assignment.plan.connect_timeout_s:g} s"
        self._by_fd: dict[int, Connection] = {}
        self._connections: dict[int, Connection] = {}
        self._made = 0
        self._idle: OrderedDict[Connection, None] = OrderedDict()
        """Connections that wait for a request, longest first."""
        self._busy = 0
        self._stopping = False

    @abstractmethod
    def _offer(self, connection: Connection) -> None:
        """An idle connection is there: give it a request, or let it rest."""

    @abstractmethod
    def _readable(self, connection: Connection, now: int) -> None:
        """Bytes, an end or an error wait on the connection."""

    @abstractmethod
    def _leave_fast_path(self, connection: Connection) -> None:
        """Let a parser frame the answer that is to come."""

    @abstractmethod
    def _drop(self, connection: Connection, kind: FaultKind, now: int) -> None:
        """Book that the connection's request ended without an answer."""

    @abstractmethod
    def _refuse(self, kind: FaultKind, ending: Ending) -> None:
        """Book that a connection could not be opened."""

    def _poll_precisely(self, timeout_s: float, most: int) -> list[tuple[int, int]]:
        """As the poller's own `poll`, which rounds up to whole milliseconds: requests would be sent late."""
        if timeout_s > 0:
            select.select((self._poller,), (), (), timeout_s)
        return self._poller.poll(0, most)

    # --- opening --------------------------------------------------------------------------------------

    def _add_connections(self, count: int) -> None:
        for _ in range(count):
            connection = Connection(self._made)
            self._connections[self._made] = connection
            self._made += 1
            self._opener.add(connection)

    def _open_some(self, now: int) -> None:
        while (connection := self._opener.take(now)) is not None:
            connection.since_ns = self._clock()
            try:
                self._opener.connect(connection)
            except OSError as error:
                self._not_opened(connection, kind_of_os_error("connect", error), now)
                continue
            connection.state = CONNECTING
            self._by_fd[connection.fd] = connection
            self._poller.register(connection.fd, READ | HANGUP | WRITE)
            self._timers.set(connection, now + self._connect_timeout_ns)

    def _ready(self, connection: Connection, mask: int, now: int) -> None:
        """Anything but plain readability: connected, writable again, hung up, or an error."""
        if connection.state == CONNECTING:
            self._connected(connection, now)
            return
        if connection.unsent and mask & WRITE:
            self._send_rest(connection, now)
        if mask & HANGUP and connection.state == BUSY:
            connection.hung_up = True
            self._leave_fast_path(connection)
        if mask & ~WRITE and connection.state >= IDLE:
            self._readable(connection, now)

    def _connected(self, connection: Connection, now: int) -> None:
        assert connection.sock is not None
        number = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._close(connection)
            self._not_opened(
                connection, kind_of_os_error("connect", OSError(number, os.strerror(number))), now
            )
            return
        self._opener.opened(connection)
        self._poller.modify(connection.fd, READ | HANGUP)
        self._books.connect[bucket_index((now - connection.since_ns) // 1000)] += 1
        self._books.connects += 1
        self._books.reconnects += connection.reopening
        connection.reopening = False
        connection.backoff_ns = 0
        connection.state = IDLE
        connection.alarm_ns = NEVER_NS
        self._offer(connection)

    def _not_opened(self, connection: Connection, kind: FaultKind, now: int) -> None:
        if connection.leaving or self._stopping:
            self._discard(connection)
        elif self._opener.try_another(connection):
            self._opener.add(connection)
        else:
            self._refuse(kind, Ending(now, None, connection.number, 0))
            connection.backoff_ns = min(max(2 * connection.backoff_ns, BACKOFF_FIRST_NS), BACKOFF_MOST_NS)
            self._timers.set(connection, now + connection.backoff_ns)

    # --- sending what the socket did not take at once -------------------------------------------------

    def _send_rest(self, connection: Connection, now: int) -> None:
        try:
            sent = connection.send(connection.unsent)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(connection, kind_of_os_error("write", error), now)
            return
        self._books.bytes_sent += sent
        connection.unsent = connection.unsent[sent:]
        if not connection.unsent:
            self._poller.modify(connection.fd, READ | HANGUP)

    # --- time and loss --------------------------------------------------------------------------------

    def _expire(self, connection: Connection, now: int) -> None:
        """The connection's alarm went off."""
        if connection.state == BUSY:
            deadline = connection.since_ns + self._timeout_ns
            if deadline > now:
                self._timers.set(connection, deadline)
            else:
                where = "body" if connection.first_byte_ns else "first_byte"
                self._lose(connection, FaultKind("timeout", where, self._timeout_text), now)
        elif connection.state == CONNECTING:
            self._close(connection)
            self._not_opened(connection, FaultKind("timeout", "connect", self._connect_timeout_text), now)
        elif connection.state == CLOSED:
            self._opener.add(connection)

    def _lose(self, connection: Connection, kind: FaultKind | None, now: int) -> None:
        """The socket is of no more use; `kind` is the fault of the request it held, if it held one."""
        if connection.state == BUSY:
            assert kind is not None
            self._drop(connection, kind, now)
            self._busy -= 1
        else:
            connection.reopening = True
        self._reopen(connection)

    def _rest(self, connection: Connection) -> None:
        """The connection's request has ended, and there is none to follow."""
        self._busy -= 1
        connection.state = IDLE
        if connection.leaving or self._stopping:
            self._discard(connection)
        else:
            self._idle[connection] = None

    def _reopen(self, connection: Connection) -> None:
        """Close the socket and queue for another one."""
        self._close(connection)
        if connection.leaving or self._stopping:
            self._discard(connection)
        else:
            self._opener.add(connection)

    def _discard(self, connection: Connection) -> None:
        """Close for good."""
        self._close(connection)
        self._connections.pop(connection.number, None)

    def _close(self, connection: Connection) -> None:
        if connection.state == CONNECTING:
            self._opener.pending -= 1
        elif connection.state == IDLE:
            self._idle.pop(connection, None)
        connection.state = CLOSED
        connection.parser = None
        connection.first_byte_ns = 0
        connection.unsent = b""
        connection.hung_up = False
        connection.alarm_ns = NEVER_NS
        if connection.sock is not None:
            del self._by_fd[connection.fd]
            connection.sock.close()
            connection.sock = None
