"""From a connection that wants a socket to one that can be used: connect, TLS handshake, or a fault.

`Opening` owns the poller, the opener and all connections; what becomes of them once they are open is the
business of `stressdash.load.lines`. The hot path asks nothing of all this: during a TLS handshake a
connection's `recv` is the handshake's next step.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from functools import partial
from typing import Final

from stressdash.hdr import bucket_index
from stressdash.load.books import Books, Ending
from stressdash.load.coalescing import Coalescing, Poll
from stressdash.load.connection import CONNECTING, IDLE, NEVER_NS, SECURING, Connection
from stressdash.load.control import Assignment
from stressdash.load.faults import FaultKind, kind_of_handshake_error, kind_of_os_error
from stressdash.load.opener import BACKOFF_FIRST_NS, BACKOFF_MOST_NS, Opener
from stressdash.load.target import parse_url
from stressdash.load.timers import Timers
from stressdash.load.tls import make_context

__all__ = ["HANGUP", "READ", "WRITE", "Opening"]

READ: Final = select.EPOLLIN
HANGUP: Final = select.EPOLLRDHUP
"""The peer has closed its side; asked for beside `READ`, so that no request is sent into a closed socket."""
WRITE: Final = select.EPOLLOUT


class Opening(ABC):
    """Connections of one worker, on their way to being open."""

    def __init__(self, assignment: Assignment, books: Books) -> None:
        self._clock = time.monotonic_ns
        self._poller = select.epoll()
        self._coalesce_ns = round((assignment.plan.coalesce_s or 0) * 1e9)
        self._wait_by(self._poller.poll)
        self._books = books
        self._timers = Timers()
        transport = assignment.plan.transport
        target = parse_url(assignment.plan.url)
        self._opener = Opener(assignment.addresses, round_robin=transport.round_robin)
        self._tls = make_context(transport) if target.secure else None
        self._server_name = target.host
        self._keepalive = transport.keepalive
        self._lifetime_ns = None if transport.lifetime_s is None else round(transport.lifetime_s * 1e9)
        self._timeout_ns = round(assignment.plan.timeout_s * 1e9)
        self._timeout_text = f"no whole answer within {assignment.plan.timeout_s:g} s"
        self._connect_timeout_ns = round(assignment.plan.connect_timeout_s * 1e9)
        self._connect_timeout_text = f"not connected within {assignment.plan.connect_timeout_s:g} s"
        self._handshake_timeout_text = f"no TLS handshake within {assignment.plan.connect_timeout_s:g} s"
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
    def _leave_fast_path(self, connection: Connection) -> None:
        """Let a parser frame the answer that is to come."""

    @abstractmethod
    def _refuse(self, kind: FaultKind, ending: Ending) -> None:
        """Book that a connection could not be opened."""

    @abstractmethod
    def _close(self, connection: Connection) -> None:
        """Let go of the socket."""

    @abstractmethod
    def _discard(self, connection: Connection) -> None:
        """Close for good."""

    def _wait_by(self, wait: Poll) -> None:
        """Wait in this way from now on, on the plan's grid where it coalesces."""
        self._poll: Poll = wait
        if self._coalesce_ns:
            self._poll = Coalescing(
                self._poller.poll, wait, self._coalesce_ns, clock=self._clock, sleep=time.sleep
            )

    def _add_connections(self, count: int) -> None:
        for _ in range(count):
            connection = Connection(self._made)
            self._connections[self._made] = connection
            self._made += 1
            self._opener.add(connection)

    def _open_some(self, now: int) -> None:
        while (connection := self._opener.take(now)) is not None:
            connection.since_ns = self._clock()
            if self._opener.trouble is not None:
                self._turn_away(connection, self._opener.trouble, now)
                continue
            try:
                self._opener.connect(connection)
            except OSError as error:
                self._not_opened(connection, kind_of_os_error("connect", error), now)
                continue
            connection.state = CONNECTING
            self._by_fd[connection.fd] = connection
            self._poller.register(connection.fd, READ | HANGUP | WRITE)
            self._timers.set(connection, now + self._connect_timeout_ns)

    def _connected(self, connection: Connection, now: int) -> None:
        assert connection.sock is not None
        number = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._close(connection)
            self._not_opened(
                connection, kind_of_os_error("connect", OSError(number, os.strerror(number))), now
            )
            return
        self._opener.connected(connection)
        self._books.connect[bucket_index((now - connection.since_ns) // 1000)] += 1
        if self._tls is None:
            self._opened(connection, now)
        else:
            self._secure(connection, self._tls)

    def _secure(self, connection: Connection, context: ssl.SSLContext) -> None:
        """Begin the TLS handshake; the connect's timer goes on."""
        assert connection.sock is not None
        connection.state = SECURING
        connection.secured_from_ns = self._clock()
        try:
            secured = context.wrap_socket(
                connection.sock, server_hostname=self._server_name, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            self._close(connection)
            self._turn_away(connection, kind_of_handshake_error(error), connection.secured_from_ns)
            return
        connection.sock = secured
        connection.recv = partial(self._shake_when_read, connection)
        self._shake(connection)

    def _shake_when_read(self, connection: Connection, _: int) -> bytes:
        self._shake(connection)
        raise BlockingIOError

    def _shake(self, connection: Connection) -> None:
        """Take the handshake as far as it goes without waiting."""
        secured = connection.sock
        assert isinstance(secured, ssl.SSLSocket)
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            self._poller.modify(connection.fd, READ | HANGUP)
        except ssl.SSLWantWriteError:
            self._poller.modify(connection.fd, READ | HANGUP | WRITE)
        except (OSError, ValueError) as error:
            self._close(connection)
            self._turn_away(connection, kind_of_handshake_error(error), self._clock())
        else:
            now = self._clock()
            self._books.tls[bucket_index((now - connection.secured_from_ns) // 1000)] += 1
            connection.recv = secured.recv
            connection.send = secured.send
            self._opened(connection, now)

    def _opened(self, connection: Connection, now: int) -> None:
        """It can be used."""
        self._opener.pending -= 1
        self._poller.modify(connection.fd, READ | HANGUP)
        self._books.connects += 1
        self._books.reconnects += connection.reopening
        connection.reopening = False
        connection.backoff_ns = 0
        connection.state = IDLE
        connection.alarm_ns = NEVER_NS
        if not self._keepalive:
            connection.worn = True
            self._leave_fast_path(connection)
        elif self._lifetime_ns is not None:
            connection.retire_ns = now + self._lifetime_ns
            self._timers.set(connection, connection.retire_ns)
        self._offer(connection)

    def _not_opened(self, connection: Connection, kind: FaultKind, now: int) -> None:
        """An address could not be connected to."""
        if not (connection.leaving or self._stopping) and self._opener.try_another(connection):
            self._opener.add(connection)
        else:
            self._turn_away(connection, kind, now)

    def _turn_away(self, connection: Connection, kind: FaultKind, now: int) -> None:
        """The connection gets no socket now, and tries again ever more slowly."""
        if connection.leaving or self._stopping:
            self._discard(connection)
            return
        self._refuse(kind, Ending(now, None, connection.number, 0))
        connection.backoff_ns = min(max(2 * connection.backoff_ns, BACKOFF_FIRST_NS), BACKOFF_MOST_NS)
        self._timers.set(connection, now + connection.backoff_ns)
