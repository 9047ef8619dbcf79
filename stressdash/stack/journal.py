"""The log of one component: its last lines in memory, more of them in two files of bounded size.

Takes the bytes as they come. Lines are untrusted: they are decoded with replacement and cut, never escaped
here, because that is the business of whoever draws them. A full disk costs the files, never the component.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from stressdash.samples import LogLine

__all__ = ["KEPT_LINES", "Journal"]

KEPT_LINES = 2_000
LINE_LIMIT = 1_000
"""Longest line, in bytes; what is longer is cut."""
FILE_LIMIT_BYTES = 4 * 1024 * 1024


class Journal:
    """Keeps the newest lines of a component over all its lives.

    Args:
        component: its name; also that of the file.
        folder: where the files lie.
        wall_ms: the wall clock, milliseconds since 1970.
    """

    def __init__(self, component: str, folder: Path, wall_ms: Callable[[], int]) -> None:
        self._component = component
        self._path = folder / f"{component}.log"
        self._wall_ms = wall_ms
        self._lines: deque[tuple[int, bytes]] = deque(maxlen=KEPT_LINES)
        self.written = 0
        """Lines since the beginning: the sequence of the newest one."""
        self._rest = b""
        self._file: BinaryIO | None = None
        self._file_bytes = 0

    def feed(self, data: bytes) -> list[str]:
        """Take output as it comes and return the lines that it completed."""
        self._save(data)
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:LINE_LIMIT]
        return [self._add(line) for line in lines]

    def flush(self) -> list[str]:
        """The process has ended: its unfinished last line counts as one."""
        rest, self._rest = self._rest, b""
        return [self._add(rest)] if rest else []

    def note(self, text: str) -> None:
        """A line of our own among the component's."""
        self._save(f"{text}\n".encode())
        self._add(text.encode())

    def after(self, sequence: int) -> tuple[LogLine, ...]:
        """Kept lines with a higher sequence, oldest first."""
        first = self.written - len(self._lines) + 1
        kept = enumerate(self._lines, first)
        return tuple(
            LogLine(self._component, number, at_ms, line.decode(errors="replace"))
            for number, (at_ms, line) in itertools.islice(kept, max(0, sequence + 1 - first), None)
        )

    def last_words(self, after: int) -> str:
        """The last line above a sequence that is not empty: where programs say why they end."""
        lines = (line.text.strip() for line in reversed(self.after(after)))
        return next(filter(None, lines), "")

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _add(self, line: bytes) -> str:
        line = line[:LINE_LIMIT].rstrip(b"\r")
        self._lines.append((self._wall_ms(), line))
        self.written += 1
        return line.decode(errors="replace")

    def _save(self, data: bytes) -> None:
        try:
            if self._file is None or self._file_bytes >= FILE_LIMIT_BYTES:
                self._rotate()
            assert self._file is not None
            self._file.write(data)
            self._file_bytes += len(data)
        except OSError:
            self.close()

    def _rotate(self) -> None:
        """Begin a new file; the one before is kept, older ones are not."""
        self.close()
        with suppress(FileNotFoundError):
            self._path.replace(self._path.with_suffix(".log.1"))
        self._file = open(self._path, "wb", buffering=0, opener=_private)  # noqa: SIM115  lives with the journal
        self._file_bytes = 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
