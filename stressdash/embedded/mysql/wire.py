"""One accepted socket: admission, and the fast lane for inserts before mysql-mimic's stream.

Bytes are cut into packets here and handed over one command at a time. A recognised INSERT takes the fast
lane: it goes into the next commit right from the socket's callback and is answered when that commit is
durable, without waking the client's task. Everything else reaches the command loop through the stream.
Whoever is turned away costs no task either.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from mysql_mimic import packets
from mysql_mimic.constants import DEFAULT_SERVER_CAPABILITIES
from mysql_mimic.types import Capabilities, Commands, ServerStatus

from stressdash.embedded.mysql.faults import SqlFault
from stressdash.embedded.mysql.inserts import recognise
from stressdash.embedded.mysql.store import Outcome

if TYPE_CHECKING:
    from stressdash.embedded.mysql.connection import ClientConnection
    from stressdash.embedded.mysql.server import Server

__all__ = ["Wire"]

HEADER_BYTES = 4
FULL_BYTES = 0xFFFFFF
"""Payload of a packet that the next one continues."""
FIRST_OF_QUERY = bytes([0, Commands.COM_QUERY])
"""Sequence number and command of a packet that is a statement."""
TOO_MANY = SqlFault(1040, "Too many connections").packet()


def framed(payload: bytes, sequence: int) -> bytes:
    """One packet: three bytes of length, one of sequence number, payload."""
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


@lru_cache(maxsize=256)
def inserted(rows: int) -> bytes:
    """The answer to an insert of so many rows."""
    payload = packets.make_ok(
        capabilities=DEFAULT_SERVER_CAPABILITIES,
        status_flags=ServerStatus.SERVER_STATUS_AUTOCOMMIT,
        affected_rows=rows,
    )
    return framed(payload, 1)


class Wire(asyncio.StreamReaderProtocol):
    """The protocol of one socket."""

    def __init__(self, server: Server) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(asyncio.StreamReader(loop=loop), partial(server.serve, self), loop)
        self.connection: ClientConnection | None = None
        self.number = 0
        self.extra = False
        """Whether it came when the limit was reached: the administrator's place."""
        self.busy = False
        """Whether a command is being worked on."""
        self._server = server
        self._socket: asyncio.Transport | None = None
        self._commands = False
        self._fast = False
        self._held = bytearray()
        self._gone = False
        self._since_s = server.status.clock()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in, or turn it away."""
        assert isinstance(transport, asyncio.Transport)
        self._socket = transport
        if self._server.enter(self):
            super().connection_made(transport)
        else:
            transport.write(framed(TOO_MANY, 0))
            transport.close()

    def eof_received(self) -> bool | None:
        """The client hung up: an insert of it whose commit has not begun is withdrawn."""
        self._gone = True
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; what it had in a commit stays there."""
        self._gone = True
        self._server.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Keep what arrives and go on with it if nothing runs."""
        self._held += data
        self._advance()

    def may_stay(self, username: str) -> bool:
        """Whether this user, now authenticated, fits under the limit."""
        return self._server.may_stay(self, username)

    def wait_for_command(self) -> None:
        """The command loop waits: go on with what was sent meanwhile, or end with the server."""
        assert self.connection is not None
        capabilities = self.connection.capabilities
        self._commands = True
        self._fast = (
            Capabilities.CLIENT_PROTOCOL_41 in capabilities
            and Capabilities.CLIENT_QUERY_ATTRIBUTES not in capabilities
            and self.connection.client_charset.name.startswith("utf8")
        )
        self._rest()

    def process(self) -> tuple[Any, ...] | None:
        """Row of SHOW PROCESSLIST; None before the client has a name."""
        if self.connection is None or self.connection.session.username is None or self._socket is None:
            return None
        session = self.connection.session
        host, port = self._socket.get_extra_info("peername")[:2]
        command, state = ("Query", "update") if self.busy else ("Sleep", "")
        seconds = int(self._server.status.clock() - self._since_s)
        return (
            self.number,
            session.username,
            f"{host}:{port}",
            session.database,
            command,
            seconds,
            state,
            None,
        )

    def hang_up(self) -> None:
        """Close after what was written is sent."""
        if self._socket is not None:
            self._socket.close()

    def abort(self) -> None:
        """Close at once."""
        if self._socket is not None:
            self._socket.abort()

    def _rest(self) -> None:
        """A command has ended."""
        self.busy = False
        self._since_s = self._server.status.clock()
        if self._server.stopping:
            self.hang_up()
        else:
            self._advance()

    def _advance(self) -> None:
        """Hand over whole packets until one is a command that runs."""
        while not self.busy and len(self._held) >= HEADER_BYTES:
            payload_bytes = int.from_bytes(self._held[:3], "little")
            end = HEADER_BYTES + payload_bytes
            if len(self._held) < end:
                return
            packet = bytes(self._held[:end])
            del self._held[:end]
            self.busy = self._commands and payload_bytes < FULL_BYTES
            self._since_s = self._server.status.clock()
            if not (self.busy and self._fast and self._take(packet)):
                super().data_received(packet)

    def _take(self, packet: bytes) -> bool:
        """Put a recognised insert into the next commit."""
        if packet[HEADER_BYTES - 1 : HEADER_BYTES + 1] != FIRST_OF_QUERY:
            return False
        insert = recognise(packet[HEADER_BYTES + 1 :])
        write = self._server.planned(insert) if insert is not None else None
        if write is None:
            return False
        self._server.status.threads_running += 1
        self._server.status.questions += 1
        self._server.store.submit(write, self._answer, lambda: self._gone)
        return True

    def _answer(self, outcome: Outcome) -> None:
        self._server.status.threads_running -= 1
        assert self._socket is not None
        if not self._socket.is_closing():
            answer = framed(outcome.packet(), 1) if isinstance(outcome, SqlFault) else inserted(outcome)
            self._socket.write(answer)
            self._rest()
