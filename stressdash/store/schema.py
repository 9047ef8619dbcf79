"""The file that holds one run: SQLite with a schema of numbered versions, and how such a file is opened.

`user_version` tells the version; each step of `STEPS` takes a file from one version to the next, in one
transaction, and a new file takes all of them. So what reads the newest version reads any older one.

A file is written in WAL mode while its run goes on, so that it can be read meanwhile and is whole after the
writer was killed at any moment. When the run has ended it becomes a plain file without companions, which can
be copied and lie in a read-only folder.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from stressdash.errors import BadInput, StoreError

__all__ = ["APPLICATION_ID", "STEPS", "VERSION", "migrate", "open_new", "open_read", "open_write", "telling"]

APPLICATION_ID: Final = 0x53_54_52_44
"""`STRD`, in the header of every file of ours."""
PAGE_BYTES: Final = 8_192
"""Rows take about a kilobyte: pages this large leave little of each unused."""
BUSY_S: Final = 5.0


def _first(database: sqlite3.Connection) -> None:
    """The run, its grid steps, and what came beside them. Bodies are packed by `stressdash.store.gridrow`."""
    for statement in (
        """CREATE TABLE run (
            id TEXT NOT NULL, scenario TEXT NOT NULL, target TEXT NOT NULL, backend TEXT NOT NULL,
            started_ms INTEGER NOT NULL, origin_ns INTEGER NOT NULL,
            state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
            head TEXT NOT NULL, report TEXT, note TEXT NOT NULL DEFAULT ''
        )""",
        "CREATE TABLE tag (name TEXT PRIMARY KEY) WITHOUT ROWID",
        "CREATE TABLE grid (step INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        """CREATE TABLE fault (
            id INTEGER PRIMARY KEY, category TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL
        )""",
        "CREATE TABLE exemplar (id INTEGER PRIMARY KEY, fault INTEGER NOT NULL, body BLOB NOT NULL)",
        "CREATE TABLE status (at_ms INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        "CREATE TABLE knobs (at_ms INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        """CREATE TABLE mark (
            id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, label TEXT NOT NULL, kind TEXT NOT NULL
        )""",
        "CREATE TABLE apm_bucket (start_ms INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        "CREATE TABLE error_group (key TEXT PRIMARY KEY, body BLOB NOT NULL)",
        """CREATE TABLE error_sample (
            key TEXT NOT NULL, number INTEGER NOT NULL, trace TEXT, body BLOB NOT NULL,
            PRIMARY KEY (key, number)
        )""",
        "CREATE TABLE trace (id TEXT PRIMARY KEY, body BLOB NOT NULL)",
        "CREATE TABLE trace_groups (trace TEXT PRIMARY KEY, keys TEXT NOT NULL) WITHOUT ROWID",
    ):
        database.execute(statement)


def _second(database: sqlite3.Connection) -> None:
    """Blocks of grid steps, by which a long run is sought in, and the figures that a list of runs shows."""
    database.execute("CREATE TABLE block (number INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    database.execute("ALTER TABLE run ADD COLUMN headline TEXT")
    _third(database)


def _third(database: sqlite3.Connection) -> None:
    """How many thresholds a run had, among the figures of the list."""
    for (report,) in database.execute("SELECT report FROM run WHERE report IS NOT NULL").fetchall():
        database.execute("UPDATE run SET headline = ?", (headline_of(report),))


STEPS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (_first, _second, _third)
"""Step n takes a file from version n to version n + 1."""
VERSION: Final = len(STEPS)


def headline_of(report: str) -> str:
    """The figures of a JSON report that a list of runs shows, as JSON."""
    told = json.loads(report)
    latency = told["latency_us"]
    return json.dumps(
        {
            "verdict": told["verdict"]["status"],
            "thresholds": len(told.get("thresholds", ())),
            "duration_s": told["duration_s"],
            "connections": told["connections"],
            "requests": told["requests"]["scheduled"],
            "requests_per_s": told["requests_per_second"],
            "goodput_per_s": told["goodput_per_second"],
            "failed_share": told["failed_share"],
            "p50_us": latency["p50"],
            "p99_us": latency["p99"],
        }
    )


def migrate(database: sqlite3.Connection) -> None:
    """Bring an open file up to `VERSION`, each step whole or not at all."""
    while (version := _version(database)) < VERSION:
        database.execute("BEGIN IMMEDIATE")
        try:
            if _version(database) == version:  # else somebody else was faster
                STEPS[version](database)
                database.execute(f"PRAGMA user_version = {version + 1}")
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise


def open_new(path: Path) -> sqlite3.Connection:
    """A new file for a run that begins, in WAL mode, for its owner's eyes only.

    Raises:
        StoreError: it exists, or cannot be created.
    """
    with telling(path):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        database = _connect(path, "rw")
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        migrate(database)
        return database


def open_write(path: Path) -> sqlite3.Connection:
    """A file of any version up to ours, brought up to it, for small changes.

    Raises:
        BadInput: it is no run, is damaged, or comes from a newer stressdash.
        StoreError: it cannot be written.
    """
    with telling(path):
        database = _connect(path, "rw")
        _check(path, database)
        migrate(database)
        return database


def open_read(path: Path) -> sqlite3.Connection:
    """A file for reading; one of an older version is read from a copy in memory that is brought up to ours.

    Raises:
        BadInput: it is no run, is damaged, or comes from a newer stressdash.
        StoreError: it cannot be read.
    """
    with telling(path):
        database = _connect(path, "ro")
        if _check(path, database) == VERSION:
            return database
        copy = sqlite3.connect(":memory:", isolation_level=None)
        database.backup(copy)
        database.close()
        migrate(copy)
        return copy


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say of a file into one sentence.

    Raises:
        BadInput: the file is no SQLite file, or is damaged.
        StoreError: it cannot be read or written.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(f"cannot use the run file {str(path)!r}: {_reason(path, error)}") from error
    except sqlite3.DatabaseError as error:
        raise BadInput(
            f"the run file {str(path)!r} is damaged ({error}); delete it, or import a copy"
        ) from error
    except OSError as error:
        raise StoreError(f"cannot use the run file {str(path)!r}: {error.strerror}") from error


def _reason(path: Path, error: sqlite3.OperationalError) -> str:
    if not path.exists():
        return "there is no such file"
    if error.sqlite_errorname == "SQLITE_FULL":
        return "the disk is full"
    if error.sqlite_errorname.startswith("SQLITE_READONLY"):
        return "it is read-only"
    return str(error)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    database = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
    database.execute("PRAGMA trusted_schema = OFF")  # a file from elsewhere calls no functions
    return database


def _check(path: Path, database: sqlite3.Connection) -> int:
    """Version of a run's file."""
    version = _version(database)
    if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID or version < 1:
        raise BadInput(f"{str(path)!r} does not hold a run of stressdash")
    if version > VERSION:
        raise BadInput(
            f"{str(path)!r} was written by a newer stressdash: it has schema {version}, and this one reads"
            f" up to {VERSION}; use that one"
        )
    return version


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])
