"""A run of stored lines: plain while it grows, compressed once it is full.

Agents repeat themselves: a full block shrinks to about a tenth, so ten times the history fits in memory.
"""

from __future__ import annotations

import zlib
from array import array
from dataclasses import dataclass
from typing import Final

from stressdash.embedded.apm.context import Json

__all__ = ["BLOCK_BYTES", "Block", "Line"]

BLOCK_BYTES: Final = 256 * 1024
"""A block is full at about this size; opening one event decompresses as much."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event as it came, with what it needs to become a document."""

    text: bytes
    base: Json
    """Shared fields of its request (`document.base_document`)."""
    trace_id: str | None
    group: str = ""
    """Grouping key of an error; empty for other events."""


class Block:
    """Lines in order of arrival."""

    def __init__(self) -> None:
        self._growing = bytearray()
        self._compressed = b""
        self._ends = array("L")
        self._bases: list[Json] = []
        self._groups: list[str] = []
        self.traces: set[str] = set()

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def held_bytes(self) -> int:
        """Memory that the lines take now."""
        return len(self._growing) + len(self._compressed)

    @property
    def groups(self) -> set[str]:
        """Grouping keys of the errors in it."""
        return set(self._groups) - {""}

    def append(self, line: Line) -> None:
        """Add one line."""
        self._growing += line.text
        self._ends.append(len(self._growing))
        self._bases.append(line.base)
        self._groups.append(line.group)
        if line.trace_id is not None:
            self.traces.add(line.trace_id)

    def seal(self) -> None:
        """Compress; nothing is appended from here on."""
        self._compressed = zlib.compress(self._growing, 1)
        self._growing = bytearray()

    def plain(self) -> bytes | bytearray:
        """All its bytes, decompressed if need be."""
        return zlib.decompress(self._compressed) if self._compressed else self._growing

    def text(self, plain: bytes | bytearray, position: int) -> bytes:
        """The line at a position of what `plain` gave."""
        start = self._ends[position - 1] if position else 0
        return bytes(plain[start : self._ends[position]])

    def base(self, position: int) -> Json:
        """Shared fields of the line's request."""
        return self._bases[position]

    def group(self, position: int) -> str:
        """Grouping key of the line's error, or empty."""
        return self._groups[position]
