"""The database as the dashboard sees it: status, knobs, and what is stored. The only importer of asyncmy.

One reserved connection, taken before the load can use up `max_connections`, serves everything, one statement
at a time. When it breaks it is opened again; after a failed attempt the next one waits 0.25 s, doubling to
2 s, and until then every question gets the answer of the last attempt. Speaks to MySQL, Percona, MariaDB and
the embedded server alike.
"""

from __future__ import annotations

import asyncio
import re
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncmy
from asyncmy import errors as mysql

from stressdash.errors import BadInput, DatabaseFull, DatabaseUnavailable, KnobRejected, StackError
from stressdash.samples import DatabaseProcess, DatabaseStatus

__all__ = ["Database", "Dsn"]

PORT = 3306
ANSWER_S = 5.0
"""Longest wait for a connection or an answer."""
RETRY_S = (0.25, 2.0)
"""First and longest pause between attempts to connect."""
PAGE_ROWS = 10_000
TOO_MANY_CONNECTIONS = 1040
NO_SUCH_TABLE = 1146
CONNECTION_LOST = (2006, 2013)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
STATUS = {
    "threads_connected": "Threads_connected",
    "threads_running": "Threads_running",
    "max_used_connections": "Max_used_connections",
    "questions": "Questions",
    "commits": "Handler_commit",
    "row_lock_waits": "Innodb_row_lock_waits",
    "slow_queries": "Slow_queries",
}
STATUS_QUERY = "SHOW GLOBAL STATUS WHERE Variable_name IN ({})".format(
    ", ".join(f"'{name}'" for name in STATUS.values())
)
STORED_QUERY = (
    "SELECT id, property_id FROM incoming WHERE property_section = %s AND id > %s ORDER BY id LIMIT %s"
)

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Dsn:
    """Where the database is and who we are there."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    unix_socket: str | None = None

    @property
    def address(self) -> str:
        """For messages: without user and password."""
        return self.unix_socket or f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Dsn:
        """Read `mysql://user:password@host:port/database[?unix_socket=PATH]`; parts may be %-encoded.

        Raises:
            BadInput: one sentence; the text itself is not repeated, for it may hold a password.
        """
        try:
            url = urlsplit(text)
            port = url.port or PORT
        except ValueError as error:
            raise BadInput(
                "the DSN's host or port cannot be read; write special characters of the password as %XX"
            ) from error
        if url.scheme not in ("mysql", "mariadb"):
            raise BadInput("the DSN must begin with mysql://")
        if not url.username or not url.hostname:
            raise BadInput("the DSN needs a user and a host: mysql://user:password@host:port/database")
        database = unquote(url.path.removeprefix("/"))
        if not database or "/" in database or url.fragment:
            raise BadInput(
                "the DSN needs the name of one database after the host: mysql://user@host/database"
            )
        options = dict(parse_qsl(url.query, keep_blank_values=True))
        unix_socket = options.pop("unix_socket", None)
        if options:
            raise BadInput("the DSN knows no option but unix_socket")
        user, password = unquote(url.username), unquote(url.password or "")
        return cls(url.hostname, port, user, password, database, unix_socket)


class Database:
    """The reserved connection and what is asked through it.

    Every method raises `DatabaseFull` or another `DatabaseUnavailable` when the database cannot be asked, and
    `StackError` with its own words when it refuses the question.

    Args:
        dsn: see `Dsn.parse`.
        clock: seconds, monotonic; for the pauses between attempts.
    """

    def __init__(self, dsn: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._dsn = Dsn.parse(dsn)
        self._clock = clock
        self._lock = asyncio.Lock()
        self._connection: asyncmy.Connection | None = None
        self._pause_s, _ = RETRY_S
        self._retry_at_s = 0.0
        self._failure: Callable[[], DatabaseUnavailable] | None = None
        """Makes the exception of the last failed attempt, while it is to be repeated."""

    async def connect(self) -> None:
        """Reserve the connection now, before others take it."""
        await self._ask("SELECT 1")

    async def close(self) -> None:
        """Give the connection back."""
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.ensure_closed()

    async def status(self) -> DatabaseStatus:
        """The status variables; None for those that this database lacks."""
        values: dict[str, str] = dict(await self._ask(STATUS_QUERY))
        known = {name: int(values[key]) for name, key in STATUS.items() if key in values}
        return DatabaseStatus(max_connections=await self.max_connections(), **known)

    async def max_connections(self) -> int:
        """The limit in force."""
        ((limit,),) = await self._ask("SELECT @@GLOBAL.max_connections")
        return int(limit)

    async def set_max_connections(self, limit: int) -> int:
        """Change the limit and return it as read back; open connections stay.

        Raises:
            KnobRejected: with the database's words; it may have taken the nearest value that it allows.
        """
        await self.set_variable("max_connections", limit)
        return await self.max_connections()

    async def variable(self, name: str) -> str | None:
        """Value of a global variable, None when there is none of that name."""
        rows = await self._ask("SHOW GLOBAL VARIABLES LIKE %s", (_checked(name).replace("_", r"\_"),))
        return str(rows[0][1]) if rows else None

    async def set_variable(self, name: str, value: int | str) -> str | None:
        """Set a global variable and return its value as read back.

        Raises:
            KnobRejected: with the database's words.
        """
        try:
            await self._ask(f"SET GLOBAL {_checked(name)} = %s", (value,))
            warnings = await self._ask("SHOW WARNINGS")
        except DatabaseUnavailable:
            raise
        except StackError as error:
            raise KnobRejected(str(error)) from error
        actual = await self.variable(name)
        # MariaDB keeps the warnings of earlier statements: only one that names our value is about it
        words = [text for _, _, text in warnings if f"'{value}'" in text]
        if words:
            raise KnobRejected(f"{words[-1]} (it is now {actual})")
        return actual

    async def processlist(self) -> list[DatabaseProcess]:
        """Who is connected and what runs."""
        return [DatabaseProcess(*row[:8]) for row in await self._ask("SHOW PROCESSLIST")]

    async def stored(self, section: int) -> array[int]:
        """`property_id` of every stored row of a section, in the order of row ids; duplicates are kept.

        Read in pages, so neither side holds more than a page beside the result (8 bytes a row).
        """
        found = array("Q")
        last = -1
        while page := await self._ask_table(STORED_QUERY, (section, last, PAGE_ROWS)):
            found.extend(row[1] for row in page)
            last = page[-1][0]
        return found

    async def count(self, section: int) -> int:
        """Number of stored rows of a section."""
        rows = await self._ask_table("SELECT COUNT(*) FROM incoming WHERE property_section = %s", (section,))
        return int(rows[0][0]) if rows else 0

    async def clear(self) -> None:
        """Remove all stored rows."""
        await self._ask_table("TRUNCATE TABLE incoming")

    async def _ask_table(self, query: str, arguments: tuple[Any, ...] = ()) -> Rows:
        """Ask about `incoming`; where the service has not made it yet, nothing is stored."""
        try:
            return await self._ask(query, arguments)
        except StackError as error:
            if isinstance(error.__cause__, mysql.MySQLError) and error.__cause__.args[0] == NO_SUCH_TABLE:
                return []
            raise

    async def _ask(self, query: str, arguments: tuple[Any, ...] = ()) -> Rows:
        """Rows of one statement, after reconnecting once if the connection turns out to be dead."""
        async with self._lock:
            was_open = self._connection is not None
            try:
                return await self._run(query, arguments)
            except DatabaseUnavailable:
                if not was_open:
                    raise
                return await self._run(query, arguments)

    async def _run(self, query: str, arguments: tuple[Any, ...]) -> Rows:
        connection = await self._connected()
        sound = False
        try:
            async with asyncio.timeout(ANSWER_S), connection.cursor() as cursor:
                await cursor.execute(query, arguments or None)
                rows = list(await cursor.fetchall())
            sound = True
        except TimeoutError as error:
            raise self._failed(error) from error
        except mysql.MySQLError as error:
            if error.args[0] in CONNECTION_LOST or not connection.connected:
                raise DatabaseUnavailable(
                    f"the database at {self._dsn.address} closed our connection"
                ) from error
            sound = True
            raise StackError(str(error.args[-1])) from error
        finally:
            if not sound:
                self._connection = None
                connection.close()
        return rows

    async def _connected(self) -> asyncmy.Connection:
        if self._connection is not None:
            return self._connection
        if self._failure is not None and self._clock() < self._retry_at_s:
            raise self._failure()
        dsn = self._dsn
        try:
            async with asyncio.timeout(ANSWER_S):
                self._connection = await asyncmy.connect(
                    host=dsn.host,
                    port=dsn.port,
                    user=dsn.user,
                    password=dsn.password,
                    db=dsn.database,
                    unix_socket=dsn.unix_socket,
                    autocommit=True,
                )
        except (mysql.MySQLError, OSError, RuntimeError, TimeoutError) as error:
            raise self._failed(error) from error
        self._pause_s, _ = RETRY_S
        self._failure = None
        return self._connection

    def _failed(self, error: Exception) -> DatabaseUnavailable:
        """What to tell now, and until the next attempt is due."""
        self._retry_at_s = self._clock() + self._pause_s
        self._pause_s = min(self._pause_s * 2, RETRY_S[1])
        kind, database = DatabaseUnavailable, f"the database at {self._dsn.address}"
        if isinstance(error, TimeoutError):
            sentence = f"{database} did not answer within {ANSWER_S:g} s"
        elif isinstance(
            error, RuntimeError
        ):  # asyncmy lacks a package that the account's way to log in needs
            sentence = f"{database} cannot be used: {error}"
        else:
            code, words = (*error.args, "")[:2]
            full = code == TOO_MANY_CONNECTIONS
            kind = DatabaseFull if full else DatabaseUnavailable
            problem = "has no connection left for us" if full else "cannot be used"
            sentence = f"{database} {problem}: Error {code}: {words}"
        self._failure = partial(kind, sentence)
        return self._failure()


def _checked(name: str) -> str:
    if NAME.fullmatch(name) is None:
        raise BadInput("a variable's name consists of letters, digits and underscores")
    return name
