"""The listening server: who may connect, what becomes of an insert, and an orderly stop.

`max_connections` works as in MySQL: one connection more than allowed may shake hands, and stays if its user
is the administrator; all others are turned away with error 1040 before the handshake.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from mysql_mimic.constants import KillKind
from mysql_mimic.stream import MysqlStream

from stressdash.embedded.mysql.connection import ClientConnection, Passwords
from stressdash.embedded.mysql.faults import SqlFault
from stressdash.embedded.mysql.inserts import Insert
from stressdash.embedded.mysql.session import ADMIN, ClientSession
from stressdash.embedded.mysql.status import Status, Variables, global_variables
from stressdash.embedded.mysql.store import Store, Write
from stressdash.embedded.mysql.wire import Wire

__all__ = ["Server"]

BACKLOG = 4096


@lru_cache(maxsize=256)
def insertion(table: str, columns: tuple[str, ...]) -> str:
    """SQLite's statement for an insert; names are known ones."""
    names = ", ".join(f'"{column}"' for column in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608


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
        for wire in self._wires:
            if not wire.busy:
                wire.hang_up()
        try:
            async with asyncio.timeout(grace_s):
                while self._wires:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            for wire in self._wires:
                wire.abort()

    def enter(self, wire: Wire) -> bool:
        """Count a client in, unless even the administrator's extra place is taken."""
        self.status.connections += 1
        if self.stopping or self._crowded():
            self.status.refused_for_limit += 1
            return False
        wire.number = self.status.connections
        wire.extra = len(self._wires) == self._limit
        self._wires.add(wire)
        self._count()
        return True

    def may_stay(self, wire: Wire, username: str) -> bool:
        """Whether an authenticated user fits: whoever came to the extra place must be the administrator."""
        if username == ADMIN or not (wire.extra and self._crowded()):
            return True
        self.status.refused_for_limit += 1
        return False

    def leave(self, wire: Wire) -> None:
        """Count a client out."""
        self._wires.discard(wire)
        self._count()
        if not self._wires:
            self._empty.set()

    async def serve(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client until it leaves."""
        session = ClientSession(Variables(self._variables), self.status, self.store, self._processes)
        wire.connection = ClientConnection(MysqlStream(reader, writer), session, self._passwords, self, wire)
        try:
            await wire.connection.run()
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
            if kind is KillKind.CONNECTION and wire.number == number:
                wire.hang_up()
                return
        raise SqlFault(1094, f"Unknown thread id: {number}")

    @property
    def _limit(self) -> int:
        limit: int = self._variables.get_variable("max_connections")
        return limit

    def _crowded(self) -> bool:
        return len(self._wires) > self._limit

    def _count(self) -> None:
        status = self.status
        status.threads_connected = len(self._wires)
        status.max_used_connections = max(status.max_used_connections, status.threads_connected)

    def _processes(self) -> list[tuple[Any, ...]]:
        rows = [wire.process() for wire in self._wires]
        return sorted(row for row in rows if row is not None)
