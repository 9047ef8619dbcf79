"""Files that grow while a run goes on: interval log, CSV and JSON lines, each line written out at once.

What cannot be written, for instance on a full disk, ends that file with a sentence in `problems`; the load
and the other files go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stressdash.errors import BadInput
from stressdash.samples import Window
from stressdash.store.hlogwriter import IntervalLog
from stressdash.store.rows import CsvRows, JsonRows
from stressdash.store.steps import Steps

__all__ = ["FilePaths", "RunFiles"]


class Lines(Protocol):
    """Makes the lines of a file out of merged windows, in the order of time."""

    def head(self) -> Iterable[str]:
        """Lines before the first window."""

    def add(self, window: Window) -> Iterable[str]:
        """Lines that can be written once this window has come."""

    def rest(self) -> Iterable[str]:
        """Lines that were kept back, when the run has ended."""


@dataclass(frozen=True, slots=True)
class FilePaths:
    """Where to; None writes no such file."""

    hlog: Path | None = None
    csv: Path | None = None
    jsonl: Path | None = None

    def __iter__(self) -> Iterator[Path]:
        return (path for path in (self.hlog, self.csv, self.jsonl) if path is not None)


class RunFiles:
    """The files of one run."""

    def __init__(self, paths: FilePaths, *, origin_ns: int, origin_wall_ms: int, workers: int) -> None:
        """Begin them.

        Args:
            paths: Where to; what is there is replaced.
            origin_ns: Monotonic start of the run's grid.
            origin_wall_ms: The same moment, milliseconds since 1970.
            workers: How many tell of each step.
        """
        self._steps = Steps(origin_ns, workers)
        kinds: tuple[tuple[Path | None, Lines], ...] = (
            (paths.hlog, IntervalLog(origin_ns, origin_wall_ms)),
            (paths.csv, CsvRows(origin_ns)),
            (paths.jsonl, JsonRows(origin_ns)),
        )
        self._files = [_GrowingFile(path, lines) for path, lines in kinds if path is not None]

    @property
    def problems(self) -> list[str]:
        """Why files are not whole."""
        return [file.problem for file in self._files if file.problem]

    def check(self) -> None:
        """Raise what has gone wrong.

        Raises:
            BadInput: a file is not whole.
        """
        if problems := self.problems:
            raise BadInput("; ".join(problems))

    def add(self, window: Window) -> None:
        """Take in one worker's window, and write what is finished."""
        self._steps.add(window)
        self._write(self._steps.finished())

    def finish(self) -> None:
        """Write what is left, and close."""
        self._write(self._steps.rest())
        for file in self._files:
            file.close()

    def _write(self, windows: Iterable[Window]) -> None:
        for window in windows:
            for file in self._files:
                file.add(window)


class _GrowingFile:
    """One file, until it fails."""

    def __init__(self, path: Path, lines: Lines) -> None:
        self.problem = ""
        self._path = path
        self._lines = lines
        try:
            self._file = path.open("w", encoding="utf-8", newline="\n")
        except OSError as error:
            self._give_up(error)
        else:
            self._write(lines.head())

    def add(self, window: Window) -> None:
        self._write(self._lines.add(window))

    def close(self) -> None:
        self._write(self._lines.rest())
        if not self.problem:
            self._file.close()

    def _write(self, lines: Iterable[str]) -> None:
        if self.problem:
            return
        try:
            self._file.writelines(f"{line}\n" for line in lines)
            self._file.flush()
        except OSError as error:
            self._give_up(error)
            self._abandon()

    def _give_up(self, error: OSError) -> None:
        self.problem = f"cannot write {str(self._path)!r} to its end: {error.strerror}"

    def _abandon(self) -> None:
        """Close without what could not be written."""
        try:
            self._file.close()
        except OSError:
            return  # its buffer cannot be written either, and the file is closed all the same
