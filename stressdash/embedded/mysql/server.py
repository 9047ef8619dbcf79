"""Sockets: who may connect, the fast lane for inserts, and an orderly stop.

`max_connections` works as in MySQL: one connection more than allowed may shake hands, and stays if its user
is the administrator; all others are turned away with error 1040 before the handshake, which costs no task.

The fast lane: while a client has nothing running and sends exactly one recognised INSERT, it is put into the
next commit right from the socket's callback and answered when that commit is durable, without waking the
client's task. Everything else reaches mysql-mimic's command loop through the stream.
"""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache, partial
from typing import Any

from mysql_mimic import packets
from mysql_mimic.constants import DEFAULT_SERVER_CAPABILITIES, KillKind
from mysql_mimic.stream import MysqlStream
from mysql_mimic.types import Capabilities, Commands, ServerStatus

from stressdash.embedded.mysql.connection import ClientConnection, Passwords
from stressdash.embedded.mysql.faults import SqlFault
from stressdash.embedded.mysql.inserts import Insert, recognise
from stressdash.embedded.mysql.session import ADMIN, ClientSession
from stressdash.embedded.mysql.status import Status, Variables, global_variables
from stressdash.embedded.mysql.store import Outcome, Store, Write

__all__ = ["Server"]

BACKLOG = 4096
QUERY = Commands.COM_QUERY
TOO_MANY = SqlFault(1040, "Too many connections").packet()


def framed(payload: bytes, sequence: int) -> bytes:
    """One packet: three bytes of length, one of sequence number, payload."""
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


@lru_cache(maxsize=256)
def insertion(table: str, columns: tuple[str, ...]) -> str:
    """SQLite's statement for an insert; names are known ones."""
    names = ", ".join(f'"{column}"' for column in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608


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
    """One accepted socket: mysql-mimic's stream with the fast lane before it."""

    def __init__(self, server: Server) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(asyncio.StreamReader(loop=loop), partial(server.serve, self), loop)
        self.connection: ClientConnection | None = None
        self.transport: asyncio.Transport | None = None
        self.extra = False
        """Whether it came when the limit was reached: the administrator's place."""
        self._server = server
        self._lane_open = False
        self._inserting = False
        self._since_s = time.monotonic()
        self._held = bytearray()

    @property
    def running(self) -> bool:
        """Whether a statement is being worked on."""
        return self._inserting or (self.connection is not None and self.connection.running)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in, or turn it away."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._server.enter(self):
            super().connection_made(transport)
        else:
            transport.write(framed(TOO_MANY, 0))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; what it had in a commit stays there."""
        self._server.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take an insert into the fast lane, or pass the bytes on."""
        self._since_s = time.monotonic()
        if self._inserting:
            self._held += data
        elif not (self._lane_open and self._take(data)):
            self._lane_open = False
            super().data_received(data)

    def may_stay(self, username: str) -> bool:
        """Whether an authenticated user fits: whoever came to the extra place must be the administrator."""
        if username == ADMIN or not (self.extra and self._server.crowded()):
            return True
        self._server.status.refused_for_limit += 1
        return False

    def wait_for_command(self) -> None:
        """The command loop waits: the lane opens, or the connection ends with its server."""
        assert self.connection is not None
        if self._server.stopping:
            self.hang_up()
        capabilities = self.connection.capabilities
        self._lane_open = (
            Capabilities.CLIENT_PROTOCOL_41 in capabilities
            and Capabilities.CLIENT_QUERY_ATTRIBUTES not in capabilities
            and self.connection.client_charset.name.startswith("utf8")
        )

    def process(self, now_s: float) -> tuple[Any, ...] | None:
        """Row of SHOW PROCESSLIST; None before the client has a name."""
        connection = self.connection
        if connection is None or connection.session.username is None or self.transport is None:
            return None
        host, port = self.transport.get_extra_info("peername")[:2]
        session = connection.session
        state = ("Query", "update") if self.running else ("Sleep", "")
        seconds = int(now_s - self._since_s)
        return (
            connection.connection_id,
            session.username,
            f"{host}:{port}",
            session.database,
            state[0],
            seconds,
            state[1],
            None,
        )

    def hang_up(self) -> None:
        """Close after what was written is sent."""
        if self.transport is not None:
            self.transport.close()

    def _take(self, data: bytes) -> bool:
        whole = len(data) > 5 and data[4] == QUERY and int.from_bytes(data[:3], "little") == len(data) - 4
        if not whole:
            return False
        insert = recognise(data[5:])
        write = self._server.planned(insert) if insert is not None else None
        if write is None:
            return False
        self._inserting = True
        self._server.status.threads_running += 1
        self._server.status.questions += 1
        self._server.store.submit(write, self._answer)
        return True

    def _answer(self, outcome: Outcome) -> None:
        self._inserting = False
        self._server.status.threads_running -= 1
        assert self.transport is not None
        if self.transport.is_closing():
            return
        answer = framed(outcome.packet(), 1) if isinstance(outcome, SqlFault) else inserted(outcome)
        self.transport.write(answer)
        if self._server.stopping:
            self.transport.close()
        elif self._held:
            data, self._held = bytes(self._held), bytearray()
            self.data_received(data)


class Server:
    """The listening server.

    Args:
        store: the database file; closed by its owner.
        passwords: who may connect.
        max_connections: the limit to start with.
    """

    def __init__(self, store: Store, passwords: Passwords, max_connections: int) -> None:
        self.store = store
        self.status = Status()
        self.stopping = False
        self._passwords = passwords
        self._variables = global_variables(max_connections)
        self._wires: set[Wire] = set()
        self._empty = asyncio.Event()
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and return the address; OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Wire(self), host, port, backlog=BACKLOG)
        address: tuple[str, int] = self._listener.sockets[0].getsockname()[:2]
        return address

    async def stop(self, grace_s: float) -> None:
        """Accept nobody, let running statements finish within `grace_s`, and close all connections."""
        self.stopping = True
        if self._listener is not None:
            self._listener.close()
        for wire in [wire for wire in self._wires if not wire.running]:
            wire.hang_up()
        try:
            async with asyncio.timeout(grace_s):
                while self._wires:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            for wire in list(self._wires):
                if wire.transport is not None:
                    wire.transport.abort()

    def enter(self, wire: Wire) -> bool:
        """Count a client in, unless even the administrator's extra place is taken."""
        self.status.connections += 1
        if self.stopping or self.crowded():
            self.status.refused_for_limit += 1
            return False
        wire.extra = len(self._wires) == self._limit
        self._wires.add(wire)
        self._count()
        return True

    def crowded(self) -> bool:
        """Whether the administrator's extra place is taken."""
        return len(self._wires) > self._limit

    def leave(self, wire: Wire) -> None:
        """Count a client out."""
        self._wires.discard(wire)
        self._count()
        if not self._wires:
            self._empty.set()

    async def serve(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client until it leaves."""
        session = ClientSession(Variables(self._variables), self.status, self.store, self._processes)
        number = self.status.connections
        connection = ClientConnection(
            MysqlStream(reader, writer), session, self._passwords, self, wire, number
        )
        wire.connection = connection
        try:
            await connection.run()
        except ConnectionError:
            self.status.aborted_clients += 1
        finally:
            writer.close()

    def planned(self, insert: Insert) -> Write | None:
        """The insert as a write; None when its table or a column is not known: the parser's way says so."""
        columns = self.store.columns.get(insert.table)
        if columns is None or not columns.issuperset(insert.columns):
            return None
        self.status.com_insert += 1
        return Write(insertion(insert.table, insert.columns), insert.rows)

    async def insert(self, insert: Insert) -> int | None:
        """Store an insert and return its row count once durable; None when its table is not known."""
        write = self.planned(insert)
        return None if write is None else await self.store.write(write)

    async def kill(self, number: int, kind: KillKind = KillKind.CONNECTION) -> None:
        """End a connection, for the KILL statement."""
        for wire in self._wires:
            if kind is KillKind.CONNECTION and wire.connection and wire.connection.connection_id == number:
                wire.hang_up()
                return
        raise SqlFault(1094, f"Unknown thread id: {number}")

    @property
    def _limit(self) -> int:
        limit: int = self._variables.get_variable("max_connections")
        return limit

    def _count(self) -> None:
        status = self.status
        status.threads_connected = len(self._wires)
        status.max_used_connections = max(status.max_used_connections, status.threads_connected)

    def _processes(self) -> list[tuple[Any, ...]]:
        rows = [wire.process(time.monotonic()) for wire in self._wires]
        return sorted(row for row in rows if row is not None)
