"""Changes to runs on disk: tags, notes, deleting, files to hand on, and what is not kept for ever."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from stressdash.errors import BadInput, StressdashError, UsageError
from stressdash.store.claim import Claim, is_claimed
from stressdash.store.runfile import Condition, StoredRun
from stressdash.store.runs import RunEntry, RunFolder, entry_of
from stressdash.store.schema import headline_of, open_read, open_write, telling

__all__ = ["change_tags", "delete_run", "export_run", "import_run", "mend_run", "sweep", "write_note"]

LONGEST_TAG: Final = 40
LONGEST_NOTE: Final = 4_000
COMPANIONS: Final = ("-wal", "-shm", "-journal", "-lock", "")


def change_tags(entry: RunEntry, add: Iterable[str] = (), remove: Iterable[str] = ()) -> RunEntry:
    """Add and remove tags. A tagged run is never swept away.

    Raises:
        UsageError: a word cannot be a tag.
        StoreError: the run cannot be written.
    """
    added = [_tag(word) for word in add]
    with _changing(entry) as database:
        database.executemany("DELETE FROM tag WHERE name = ?", [(word,) for word in remove])
        database.executemany("INSERT OR IGNORE INTO tag VALUES (?)", [(word,) for word in added])
    return entry_of(entry.path)


def write_note(entry: RunEntry, text: str) -> RunEntry:
    """Put words beside a run, instead of those that were there.

    Raises:
        UsageError: they are too many.
        StoreError: the run cannot be written.
    """
    if len(text) > LONGEST_NOTE:
        raise UsageError(f"a note has at most {LONGEST_NOTE:,} characters, not {len(text):,}")
    with _changing(entry) as database:
        database.execute("UPDATE run SET note = ?", (text,))
    return entry_of(entry.path)


def delete_run(entry: RunEntry) -> None:
    """Remove a run's file for good.

    Raises:
        UsageError: it is being recorded.
        StoreError: it cannot be removed.
    """
    if is_claimed(entry.path):
        raise UsageError(f"run {entry.name} is being recorded; stop it first")
    with telling(entry.path):
        for companion in COMPANIONS:
            entry.path.with_name(entry.path.name + companion).unlink(missing_ok=True)


def export_run(entry: RunEntry, to: Path) -> None:
    """Write a run as one file that another machine can import.

    Raises:
        UsageError: there is such a file already.
        BadInput: the run is damaged.
        StoreError: it cannot be written.
    """
    if to.exists():
        raise UsageError(f"{str(to)!r} exists already; choose another name")
    with contextlib.closing(open_read(entry.path)) as database:
        _copy(database, to)


def import_run(folder: RunFolder, file: Path) -> RunEntry:
    """Take in a file that `export_run` wrote, under a number of this folder.

    Raises:
        UsageError: the run is there already.
        BadInput: the file is no run, is damaged, or comes from a newer stressdash.
        StoreError: it cannot be read, or the folder cannot be written to.
    """
    if not file.is_file():
        raise BadInput(f"there is no file {str(file)!r}")
    with StoredRun(file) as run:
        run_id = run.head.run_id
    if known := [entry for entry in folder.entries() if entry.run_id == run_id]:
        raise UsageError(f"this run is here already, as run {known[0].name}")
    with contextlib.closing(open_read(file)) as database:
        with telling(file):
            told = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if told != "ok":
            raise BadInput(f"the run file {str(file)!r} is damaged ({told})")
        claim = Claim.take(folder.path)
        try:
            _copy(database, claim.path)
        finally:
            claim.give_up()
    return entry_of(claim.path)


def mend_run(entry: RunEntry, report: str) -> None:
    """Make a run whose writer was killed one plain file that says so, with the report of what was measured.

    Raises:
        StoreError: it cannot be written.
    """
    with contextlib.closing(open_write(entry.path)) as database, telling(entry.path):
        database.execute(
            "UPDATE run SET state = 'interrupted', reason = ?, report = ?, headline = ?",
            (entry.detail, report, headline_of(report)),
        )
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")
    entry.path.with_name(f"{entry.path.name}-lock").unlink(missing_ok=True)


def sweep(folder: RunFolder, *, most_bytes: int, oldest_ms: int) -> tuple[RunEntry, ...]:
    """Delete what is too old or too much, the oldest first.

    Tagged runs, damaged ones and those being recorded stay. Whatever cannot be changed stays as well.

    Args:
        folder: Where to look.
        most_bytes: What all runs may take together.
        oldest_ms: Runs that started before, in milliseconds since 1970, are too old.

    Returns:
        The deleted ones.
    """
    entries = folder.entries()
    total = sum(entry.size_bytes for entry in entries)
    swept = []
    for entry in reversed(entries):
        if entry.tags or entry.condition in (Condition.DAMAGED, Condition.RECORDING):
            continue
        if entry.started_ms >= oldest_ms and total <= most_bytes:
            continue
        with contextlib.suppress(StressdashError):
            delete_run(entry)
            total -= entry.size_bytes
            swept.append(entry)
    return tuple(swept)


@contextlib.contextmanager
def _changing(entry: RunEntry) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(open_write(entry.path)) as database, telling(entry.path):
        database.execute("BEGIN IMMEDIATE")
        yield database
        database.execute("COMMIT")


def _copy(database: sqlite3.Connection, to: Path) -> None:
    """The whole database as one plain file, there at once or not at all."""
    beside = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        with telling(to):
            beside.touch(mode=0o600)
            database.execute("VACUUM INTO ?", (str(beside),))
            beside.replace(to)
    except StressdashError:
        beside.unlink(missing_ok=True)
        raise


def _tag(word: str) -> str:
    if (
        not word.isprintable()
        or not word.strip()
        or len(word) > LONGEST_TAG
        or "," in word
        or word.isdecimal()
        or word == "last"
    ):
        raise UsageError(
            f"{word!r} cannot be a tag: 1 to {LONGEST_TAG} letters that show, no comma, no number, not 'last'"
        )
    return word
