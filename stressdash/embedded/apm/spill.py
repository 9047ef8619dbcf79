"""Room on disk for what need not lie in memory: a private SQLite database without a name.

SQLite makes its file in the folder for temporary files (SQLITE_TMPDIR, TMPDIR, /var/tmp) only once its cache
is full, and unlinks it at once: nothing is left behind, however this process ends. Nothing needs to survive a
crash: one transaction is open all the time, without a journal. So a write that fails, as when the disk is
full, may leave anything behind: all that lay here is given up then, and the room with it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final, NoReturn

__all__ = ["Spill", "SpillLost"]

CACHE_KIB: Final = 16 * 1024
TABLES: Final = """
CREATE TABLE block (number INTEGER PRIMARY KEY, lines BLOB, traces BLOB);
CREATE TABLE trace (hash INTEGER, reference INTEGER, PRIMARY KEY (hash, reference)) WITHOUT ROWID;
CREATE TABLE error (
  grouped INTEGER, sampled INTEGER, at_ms INTEGER, reference INTEGER, name INTEGER,
  PRIMARY KEY (grouped, sampled, at_ms, reference)
) WITHOUT ROWID;
CREATE INDEX error_reference ON error (reference);
CREATE TABLE second (kind TEXT, second INTEGER, rows BLOB, PRIMARY KEY (kind, second)) WITHOUT ROWID;
BEGIN;
"""


BROKEN: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN}
)
"""What SQLite says when the disk, and not the statement, is to blame."""


class SpillLost(Exception):
    """What lay in the spill is gone; it is empty now, and can be used again."""

    def __init__(self) -> None:
        super().__init__("older events were just lost, there was no room on disk; ask again")


class Spill:
    """Tables of the store (`block`, `trace`, `error`) and of the timeline (`second`).

    Every method may raise `SpillLost`, also reading: it may have to make room first. By then those who keep
    something here have been told.
    """

    def __init__(self) -> None:
        self._database = opened()
        self._owners: list[Callable[[], None]] = []
        self.trouble = ""
        """Why something was lost, last; empty while nothing was."""

    def on_loss(self, forget: Callable[[], None]) -> None:
        """Call this whenever everything is lost."""
        self._owners.append(forget)

    def run(self, statement: str, *values: Any) -> None:
        """Change one thing."""
        try:
            self._database.execute(statement, values)
        except sqlite3.Error as error:
            self._give_up(error)

    def run_all(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Change many."""
        try:
            self._database.executemany(statement, rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query finds."""
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)

    def value(self, query: str, *values: Any) -> Any:
        """First column of the first row; None when there is none."""
        row = next(iter(self.rows(query, *values)), None)
        return None if row is None else row[0]

    def _give_up(self, error: sqlite3.Error) -> NoReturn:
        if error.sqlite_errorcode & 0xFF not in BROKEN:
            raise error
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        self._database = opened()
        self.trouble = str(error)
        for forget in self._owners:
            forget()
        raise SpillLost from error


def opened() -> sqlite3.Connection:
    """A new database; it touches no disk before its cache is full."""
    database = sqlite3.connect("", isolation_level=None)
    database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    database.execute("PRAGMA journal_mode = OFF")
    database.executescript(TABLES)
    return database
