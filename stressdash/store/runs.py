"""The folder of runs: which there are, and how they are named.

A run is called by its number, by the start of its id, by a tag that no other run has, or `last`. A file that
cannot be read is listed as damaged, with a sentence, and disturbs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stressdash.errors import StressdashError, UsageError
from stressdash.store.claim import SUFFIX, is_claimed, run_number
from stressdash.store.head import RunHead
from stressdash.store.runfile import Condition, StoredRun

__all__ = ["RunEntry", "RunFolder"]

SHORTEST_ID: Final = 4
COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
CHANGES: Final = slice(24, 28)
"""Where SQLite counts in a file how often it was changed."""

_State = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A line of the list. Figures are None until the run has ended, and of one that never did."""

    number: int
    path: Path
    condition: Condition
    detail: str = ""
    """Why it is interrupted or damaged."""
    run_id: str = ""
    scenario: str = ""
    target: str = ""
    backend: str = ""
    started_ms: int = 0
    size_bytes: int = 0
    tags: tuple[str, ...] = ()
    note: str = ""
    verdict: str | None = None
    thresholds: int | None = None
    """How many it had to hold; what people read is `verdict_word`."""
    duration_s: float | None = None
    connections: int | None = None
    requests: int | None = None
    requests_per_s: float | None = None
    goodput_per_s: float | None = None
    failed_share: float | None = None
    p50_us: float | None = None
    p99_us: float | None = None
    setting: Mapping[str, str] = field(default_factory=dict)
    """Knobs, then what else was planned, by name, as they stood at the start."""

    @property
    def name(self) -> str:
        """How a list calls it: its number."""
        return str(self.number)


class RunFolder:
    """The runs of one state folder, which need not exist."""

    def __init__(self, state: Path) -> None:
        self.path = state / "runs"
        self._known: dict[Path, tuple[_State, RunEntry]] = {}
        """What was read of runs that have ended, and how their files were then: screens ask all the time."""

    def entries(self) -> tuple[RunEntry, ...]:
        """All runs, the newest first."""
        paths = [path for path in self.path.glob(f"*{SUFFIX}") if run_number(path)]
        found = [self._entry(path) for path in paths]
        known = self._known
        self._known = {path: known[path] for path in paths if path in known}
        return tuple(sorted(found, key=lambda entry: entry.number, reverse=True))

    def _entry(self, path: Path) -> RunEntry:
        state = _state(path)
        known = self._known.get(path)
        if known is not None and known[0] == state:
            return known[1]
        entry = entry_of(path)
        if state is not None and entry.condition in (Condition.FINISHED, Condition.INTERRUPTED):
            self._known[path] = (state, entry)
        return entry

    def find(self, name: str) -> RunEntry:
        """The run of that name.

        Raises:
            UsageError: there is none, or several could be meant.
        """
        entries = self.entries()
        if not entries:
            raise UsageError(f"there are no runs in {str(self.path)!r}; 'stressdash run act1' records one")
        if name == "last":
            return entries[0]
        if name.isascii() and name.isdecimal() and (named := [e for e in entries if e.number == int(name)]):
            return named[0]
        prefix = name.casefold()
        meant = [e for e in entries if len(name) >= SHORTEST_ID and e.run_id.startswith(prefix)]
        meant = meant or [e for e in entries if name in e.tags]
        if not meant:
            raise UsageError(f"there is no run {name!r}; 'stressdash runs list' shows them")
        if len(meant) > 1:
            numbers = ", ".join(entry.name for entry in meant[:5])
            raise UsageError(f"{name!r} could be any of the runs {numbers}; name one by its number")
        return meant[0]

    def open(self, name: str) -> StoredRun:
        """The run of that name, for reading.

        Raises:
            UsageError: there is none, or several could be meant.
            BadInput: it is damaged, or comes from a newer stressdash.
            StoreError: it cannot be read.
        """
        return StoredRun(self.find(name).path)


def entry_of(path: Path) -> RunEntry:
    """What a list tells of a run's file."""
    size_bytes = sum(_size(path.with_name(path.name + companion)) for companion in COMPANIONS)
    number = run_number(path)
    try:
        with StoredRun(path) as run:
            head, headline = run.head, run.headline
            figures: dict[str, Any] = {"duration_s": None, "connections": head.connections, **headline}
            return RunEntry(
                number=number,
                path=path,
                condition=run.condition,
                detail=run.reason,
                run_id=head.run_id,
                scenario=head.scenario,
                target=head.target,
                backend=head.backend,
                started_ms=head.started_ms,
                size_bytes=size_bytes,
                tags=run.tags,
                note=run.note,
                setting=_setting(head),
                **figures,
            )
    except StressdashError as error:
        if is_claimed(path):  # it is just being made
            return RunEntry(number, path, Condition.RECORDING, size_bytes=size_bytes)
        return RunEntry(number, path, Condition.DAMAGED, str(error), size_bytes=size_bytes)


def _setting(head: RunHead) -> Mapping[str, str]:
    return {name: str(value) for name, value in {**head.knobs, **head.plan}.items() if value is not None}


def _state(path: Path) -> _State | None:
    """What changes with every change of a run that is one plain file; None when it is not one, or is gone."""
    if any(path.with_name(path.name + companion).exists() for companion in COMPANIONS[1:]):
        return None
    try:
        with path.open("rb") as file:
            told, header = os.fstat(file.fileno()), file.read(CHANGES.stop)
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns, header[CHANGES]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
