"""Room on disk for what need not lie in memory: a private SQLite database without a name.

SQLite makes its file in the folder for temporary files (SQLITE_TMPDIR, TMPDIR, /var/tmp) only once its cache
is full, and unlinks it at once: nothing is left behind, however this process ends. Nothing needs to survive a
crash: one transaction is open all the time, without a journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["Spill"]

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


class Spill:
    """Tables of the store (`block`, `trace`, `error`) and of the timeline (`second`)."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.executescript(TABLES)

    def run(self, statement: str, *values: Any) -> None:
        """Change one thing."""
        self._database.execute(statement, values)

    def run_all(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Change many."""
        self._database.executemany(statement, rows)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self._database.execute(query, values).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        """First column of the first row; None when there is none."""
        row = self._database.execute(query, values).fetchone()
        return None if row is None else row[0]
