"""The database file: one writer with group commit, readers beside it, and a lock against a second server.

SQLite in WAL mode with `synchronous=FULL`: a commit returns after its log is synced to the disk. Syncs are
what inserts cost, so all writes that wait become one transaction, and each is answered only after the commit
that holds it. No timer decides how long to wait: while one commit syncs, the next batch gathers by itself.

The writer's connection belongs to one thread. Each read opens its own connection, so it sees all that was
committed before it began and blocks nobody.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from stressdash.embedded.mysql.faults import SqlFault, from_sqlite
from stressdash.errors import StackError

__all__ = ["Outcome", "Reading", "Store", "Write"]

FILE = "stats.sqlite3"
LOCK = "lock"
CHUNK_ROWS = 5_000
BUSY_S = 10
BATCH = 64
"""Writes in one commit at most: enough to share its sync, few enough that a crowd is served in turn."""

Columns = dict[str, frozenset[str]]
"""Tables and the names of their columns, in lower case."""
Outcome = int | SqlFault
"""Rows that a write changed, or why it changed none."""


@dataclass(frozen=True, slots=True)
class Write:
    """One statement, executed once for each row of parameters, entirely or not at all."""

    sql: str
    rows: Sequence[Sequence[Any]] = ((),)
    changes_schema: bool = False


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A write on its way into a commit."""

    write: Write
    done: Callable[[Outcome], None]
    withdrawn: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Reading:
    """A running SELECT: its columns, and its rows in chunks of `CHUNK_ROWS`."""

    columns: tuple[str, ...]
    chunks: AsyncIterator[list[tuple[Any, ...]]]


class Store:
    """The open database file.

    Args:
        folder: created if it does not exist; holds the file and its lock.

    Raises:
        StackError: the folder cannot be used, is in use by another server, or the file is damaged.
    """

    columns: Columns
    """The tables that there are."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = _locked(folder)
        self._thread = ThreadPoolExecutor(1, "commit")
        self._readers = ThreadPoolExecutor(2, "read")
        try:
            self._writer, self.columns = self._thread.submit(_opened, self._path).result()
        except sqlite3.Error as error:
            self._release()
            raise StackError(
                f"the database file {self._path} cannot be used ({error}); move it away to start afresh"
            ) from error
        self._waiting: list[_Waiting] = []
        self._commit: asyncio.Task[None] | None = None
        self.commits = 0
        """Transactions so far, each synced once."""
        self.writes = 0
        """Statements that they made durable."""

    def submit(
        self, write: Write, done: Callable[[Outcome], None], withdrawn: Callable[[], bool] = bool
    ) -> None:
        """Put a write into the next commit; `done` is called on the loop once it is durable or has failed.

        A write that is `withdrawn` by the time its commit begins is left out, and fails with 1317.
        """
        self._waiting.append(_Waiting(write, done, withdrawn))
        if self._commit is None:
            self._commit = asyncio.get_running_loop().create_task(self._commit_waiting())

    async def write(self, write: Write) -> int:
        """Do a write and return the number of rows it changed once they are durable.

        A caller that is cancelled leaves the write in its commit.

        Raises:
            SqlFault: nothing of it was stored.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.submit(write, lambda outcome: None if future.done() else future.set_result(outcome))
        outcome = await future
        if isinstance(outcome, SqlFault):
            raise outcome
        return outcome

    async def read(self, sql: str) -> Reading:
        """Start a SELECT.

        Raises:
            SqlFault: it cannot be run.
        """
        run = asyncio.get_running_loop().run_in_executor
        try:
            cursor = await run(self._readers, _selected, self._path, sql)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise from_sqlite(error) from error
        columns = tuple(column[0] for column in cursor.description or ())

        async def chunks() -> AsyncIterator[list[tuple[Any, ...]]]:
            try:
                while rows := await run(self._readers, cursor.fetchmany, CHUNK_ROWS):
                    yield rows
            except sqlite3.Error as error:
                raise from_sqlite(error) from error
            finally:
                cursor.connection.close()

        return Reading(columns, chunks())

    async def close(self) -> None:
        """Finish what waits, then close the file and give up the lock."""
        while self._commit is not None:
            await self._commit
        self._thread.submit(self._writer.close).result()
        self._release()

    async def _commit_waiting(self) -> None:
        run = asyncio.get_running_loop().run_in_executor
        while self._waiting:
            waiting, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            batch = []
            for waiter in waiting:
                if waiter.withdrawn():
                    waiter.done(SqlFault(1317, "Query execution was interrupted"))
                else:
                    batch.append(waiter)
            outcomes, schema = await run(
                self._thread, _committed, self._writer, [waiter.write for waiter in batch]
            )
            self.commits += 1
            self.writes += sum(not isinstance(outcome, SqlFault) for outcome in outcomes)
            if schema is not None:
                self.columns = schema
            for waiter, outcome in zip(batch, outcomes, strict=True):
                waiter.done(outcome)
        self._commit = None

    def _release(self) -> None:
        self._thread.shutdown()
        self._readers.shutdown()
        os.close(self._lock)


def _locked(folder: Path) -> int:
    """Descriptor that holds the folder's lock until it is closed, at the latest by the process's end."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StackError(f"the data folder {folder} cannot be used ({error.strerror})") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise StackError(f"the data folder {folder} is in use by another server; stop it first") from error
    except OSError as error:
        os.close(lock)
        raise StackError(f"the data folder {folder} cannot be locked ({error.strerror})") from error
    return lock


def _opened(path: Path) -> tuple[sqlite3.Connection, Columns]:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        connection.close()
        raise sqlite3.DatabaseError(f"damaged: {damage}")
    return connection, _schema(connection)


def _schema(connection: sqlite3.Connection) -> Columns:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table: frozenset(
            row[0].lower() for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        )
        for table in tables
    }


def _committed(connection: sqlite3.Connection, batch: list[Write]) -> tuple[list[Outcome], Columns | None]:
    """Execute a batch in one transaction: each write's outcome, and the schema if one may have changed it."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_executed(connection, write) for write in batch]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # a disk that fails the commit may fail this too
                connection.execute("ROLLBACK")
        fault = from_sqlite(error)
        return [fault] * len(batch), None
    changed = any(write.changes_schema for write in batch)
    return outcomes, _schema(connection) if changed else None


def _executed(connection: sqlite3.Connection, write: Write) -> Outcome:
    """Execute one write; what fails here leaves the rest of the transaction alone."""
    single = len(write.rows) == 1
    try:
        if single:
            return max(0, connection.execute(write.sql, write.rows[0]).rowcount)
        connection.execute("SAVEPOINT write")
        changed = connection.executemany(write.sql, write.rows).rowcount
        connection.execute("RELEASE write")
    except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError) as error:
        if not connection.in_transaction:
            raise
        if not single:
            connection.execute("ROLLBACK TO write")
            connection.execute("RELEASE write")
        return from_sqlite(error)
    else:
        return changed


def _selected(path: Path, sql: str) -> sqlite3.Cursor:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        check_same_thread=False,
        timeout=BUSY_S,
        detect_types=sqlite3.PARSE_DECLTYPES,
    )
    try:
        return connection.execute(sql)
    except (sqlite3.Error, sqlite3.Warning):
        connection.close()
        raise


def _datetime(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode())  # columns of this type hold nothing else: see schema


sqlite3.register_converter("DATETIME", _datetime)
