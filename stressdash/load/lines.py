"""The life of connections once they are open: timed out, lost, worn out, closed.

`Lines` adds to `stressdash.load.opening` everything that happens to sockets apart from requests and
answers, which are the loop's (`stressdash.load.loop`). A connection that loses its socket queues for another
one, unless it is to leave or the run is ending. The answer that is the last of its connection goes by the
parser's path, so that the hot path need not ask.
"""

from __future__ import annotations

import select
import ssl
from abc import abstractmethod
from typing import Final

from stressdash.load.connection import BUSY, CLOSED, CONNECTING, IDLE, NEVER_NS, SECURING, Connection
from stressdash.load.faults import FaultKind, kind_of_os_error
from stressdash.load.opening import HANGUP, READ, WRITE, Opening

__all__ = ["WOULD_BLOCK", "Lines"]

WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket raises that has nothing to give, or takes nothing, now."""


class Lines(Opening):
    """Connections of one worker, from open to closed."""

    @abstractmethod
    def _readable(self, connection: Connection, now: int) -> None:
        """Bytes, an end or an error wait on the connection."""

    @abstractmethod
    def _drop(self, connection: Connection, kind: FaultKind, now: int) -> None:
        """Book that the connection's request ended without an answer."""

    def _poll_precisely(self, timeout_s: float, most: int) -> list[tuple[int, int]]:
        """As the poller's own `poll`, which rounds up to whole milliseconds: requests would be sent late."""
        if timeout_s > 0 and not select.select((self._poller,), (), (), timeout_s)[0]:
            return []
        return self._poller.poll(0, most)

    def _ready(self, connection: Connection, mask: int, now: int) -> None:
        """Anything but plain readability: connected, writable again, hung up, or an error."""
        if connection.state == CONNECTING:
            self._connected(connection, now)
            return
        if connection.state == SECURING:
            self._shake(connection)
            return
        if connection.unsent and mask & WRITE:
            self._send_rest(connection, now)
        if mask & HANGUP and connection.state == BUSY:
            connection.hung_up = True
            self._leave_fast_path(connection)
        if mask & ~WRITE and connection.state >= IDLE:
            self._readable(connection, now)

    # --- sending what the socket did not take at once -------------------------------------------------

    def _send_rest(self, connection: Connection, now: int) -> None:
        try:
            sent = connection.send(connection.unsent)
        except WOULD_BLOCK:
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
        if connection.state == IDLE:
            self._expire_idle(connection, now)
        elif connection.state == BUSY:
            if connection.retire_ns <= now:
                connection.retire_ns = NEVER_NS
                connection.worn = True
                self._leave_fast_path(connection)
            self._expire_busy(connection, now)
        elif connection.state == CONNECTING:
            self._close(connection)
            self._not_opened(connection, FaultKind("timeout", "connect", self._connect_timeout_text), now)
        elif connection.state == SECURING:
            self._close(connection)
            self._turn_away(connection, FaultKind("timeout", "tls", self._handshake_timeout_text), now)
        elif connection.state == CLOSED:
            self._opener.add(connection)

    def _expire_busy(self, connection: Connection, now: int) -> None:
        """A request has had its time, but for what arrived while nobody looked: that is no time-out."""
        if connection.since_ns + self._timeout_ns <= now:
            self._readable(connection, now)
        deadline = connection.since_ns + self._timeout_ns
        if connection.state == IDLE:
            self._expire_idle(connection, now)
        elif connection.state == BUSY and deadline > now:
            self._timers.set(connection, min(deadline, connection.retire_ns))
        elif connection.state == BUSY:
            where = "body" if connection.first_byte_ns else "first_byte"
            self._lose(connection, FaultKind("timeout", where, self._timeout_text), now)

    def _expire_idle(self, connection: Connection, now: int) -> None:
        """Nothing waits for an answer; perhaps the socket has lived as long as it may."""
        if connection.retire_ns <= now:
            self._reopen(connection)
        elif connection.retire_ns != NEVER_NS:
            self._timers.set(connection, connection.retire_ns)

    def _lose(self, connection: Connection, kind: FaultKind | None, now: int) -> None:
        """The socket is of no more use; `kind` is the fault of the request it held, if it held one."""
        if connection.state == BUSY:
            assert kind is not None
            self._drop(connection, kind, now)
            self._busy -= 1
        elif kind is not None and kind.category == "tls":
            self._close(connection)
            self._turn_away(connection, kind, now)
            return
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
        if connection.state in {CONNECTING, SECURING}:
            self._opener.pending -= 1
        elif connection.state == IDLE:
            self._idle.pop(connection, None)
        connection.state = CLOSED
        connection.parser = None
        connection.first_byte_ns = 0
        connection.unsent = b""
        connection.hung_up = False
        connection.worn = False
        connection.retire_ns = NEVER_NS
        connection.alarm_ns = NEVER_NS
        if connection.sock is not None:
            del self._by_fd[connection.fd]
            connection.sock.close()
            connection.sock = None
