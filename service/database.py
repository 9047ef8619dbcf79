"""The way to MySQL: one connection, how it is opened, and the statements. The only importer of asyncmy.

Server errors leave here as the classes of `service.errors`, raised in this module, so that APM's culprit is
the service's own code. A statement that did not end with an answer of the server, cancelled ones included,
leaves the protocol in an unknown state, and some answers are the server's last: the connection is broken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib import resources
from typing import Any

from asyncmy.connection import Connection as MySQLConnection
from asyncmy.errors import Error as MySQLError

from service.errors import DatabaseError, DatabaseGone, database_error
from service.settings import Dsn
from service.trail import CONNECT, QUERY, Trail

__all__ = ["INSERT", "PROBE", "Connection", "Connector"]

INSERT = (
    "INSERT INTO incoming (id, property, property_section, property_id, remote_ip, stamp) "
    "VALUES (%s, %s, %s, %s, %s, %s)"
)
"""Of constant shape, alone in its transaction (autocommit): databases may recognise it without parsing."""

PROBE = "SELECT id FROM incoming LIMIT 1"

CONNECT_TIMEOUT_S = 10
CLIENT_ERRNOS = range(2000, 3000)
"""Numbers of the client library; all others the server sends."""
AUTH_PLUGIN_ERRNO = 2059
"""Of a way to log in that the client cannot go."""


class Connection:
    """One open connection; satisfies `service.pool.Pooled`."""

    __slots__ = ("_background", "_broken", "_driver", "opened_at")

    def __init__(self, driver: Any, background: set[asyncio.Task[None]]) -> None:
        self._driver = driver
        self._background = background
        self._broken = False
        self.opened_at = 0.0

    @property
    def broken(self) -> bool:
        """Whether a statement was cut short or the server hung up (asyncmy notices while idle)."""
        return self._broken or bool(self._driver._stream_broken)  # noqa: SLF001 - asyncmy's own pool asks so

    async def insert(self, row: Sequence[object], trail: Trail) -> None:
        """Store one row: id, property, section, id of the property, remote address, stamp.

        Raises:
            DatabaseError: the server refused it or went away.
        """
        with trail.step(QUERY):
            await self._run(INSERT, row)

    async def execute(self, sql: str) -> None:
        """Run a statement without parameters and drop what it answers.

        Raises:
            DatabaseError: the server refused it or went away.
        """
        await self._run(sql, None)

    def close(self) -> None:
        """Say goodbye in the background, or just hang up when the connection is broken."""
        if self.broken:
            self._driver.close()
            return
        task = asyncio.get_running_loop().create_task(self._driver.ensure_closed())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _run(self, sql: str, row: Sequence[object] | None) -> None:
        try:
            await self._driver.cursor().execute(sql, row)
        except MySQLError as error:
            translated = _translate(error)
            self._broken = translated.errno in CLIENT_ERRNOS or isinstance(translated, DatabaseGone)
            raise translated from error
        except BaseException:
            self._broken = True
            raise


class Connector:
    """Opens connections to one database."""

    def __init__(self, dsn: Dsn) -> None:
        self._dsn = dsn
        self._background: set[asyncio.Task[None]] = set()

    async def connect(self, trail: Trail) -> Connection:
        """Open a connection with autocommit on.

        Raises:
            DatabaseError: it could not be opened, for instance `TooManyConnections`.
        """
        dsn = self._dsn
        driver = MySQLConnection(  # type: ignore[no-untyped-call]  # asyncmy's stub leaves it untyped
            host=dsn.host,
            port=dsn.port,
            unix_socket=dsn.unix_socket,
            user=dsn.user,
            password=dsn.password,
            database=dsn.database,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
        )
        with trail.step(CONNECT):
            try:
                await driver.connect()
            except MySQLError as error:
                raise _translate(error) from error
            except RuntimeError as error:  # asyncmy lacks a package that the server's way to log in needs
                raise database_error(AUTH_PLUGIN_ERRNO, str(error)) from error
        return Connection(driver, self._background)

    async def create_tables(self) -> None:
        """Create the tables that are missing, on a connection of its own.

        Raises:
            DatabaseError: the database is not there yet, or refused.
        """
        script = resources.files("service").joinpath("schema.sql").read_text("utf-8")
        connection = await self.connect(Trail())
        try:
            for statement in filter(str.strip, script.split(";")):
                await connection.execute(statement)
        finally:
            connection.close()

    async def settle(self) -> None:
        """Wait for the connections that are being closed."""
        await asyncio.gather(*self._background, return_exceptions=True)


def _translate(error: MySQLError) -> DatabaseError:
    errno, *rest = error.args or (0,)
    if not isinstance(errno, int):
        return database_error(0, str(error))
    return database_error(errno, " ".join(map(str, rest)) or "the connection ended")
