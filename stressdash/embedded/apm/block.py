"""A run of stored lines: in memory while it grows, compressed on disk once it is full.

Agents repeat themselves: a full block shrinks to about a tenth.
"""

from __future__ import annotations

import json
import zlib
from array import array
from dataclasses import dataclass
from typing import Final

from stressdash.embedded.apm.context import Json
from stressdash.wire import from_packed, to_packed

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


@dataclass(frozen=True, slots=True)
class Parts:
    """What a block is packed from."""

    text: bytes
    ends: bytes
    base_numbers: bytes
    bases: str
    """JSON, whose numbers have no limit."""
    groups: dict[int, str]


class Block:
    """Lines in order of arrival."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("L")
        self._base_numbers = array("L")
        self._bases: list[Json] = []
        self._groups: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def held_bytes(self) -> int:
        """Memory that the lines take."""
        return len(self._text)

    def append(self, line: Line) -> None:
        """Add one line."""
        if line.group:
            self._groups[len(self)] = line.group
        self._text += line.text
        self._ends.append(len(self._text))
        if not self._bases or self._bases[-1] is not line.base:
            self._bases.append(line.base)
        self._base_numbers.append(len(self._bases) - 1)

    def line(self, position: int) -> Line:
        """The line at a position; without its trace's id, which is part of its text."""
        start = self._ends[position - 1] if position else 0
        text = bytes(self._text[start : self._ends[position]])
        return Line(text, self._bases[self._base_numbers[position]], None, self._groups.get(position, ""))

    def packed(self) -> bytes:
        """The whole block, compressed."""
        ends, numbers = self._ends.tobytes(), self._base_numbers.tobytes()
        parts = Parts(bytes(self._text), ends, numbers, json.dumps(self._bases), self._groups)
        return zlib.compress(to_packed(parts), 1)

    @classmethod
    def unpacked(cls, data: bytes) -> Block:
        """A block that `packed` gave."""
        parts = from_packed(zlib.decompress(data), Parts)
        block = cls()
        block._text += parts.text
        block._ends.frombytes(parts.ends)
        block._base_numbers.frombytes(parts.base_numbers)
        block._bases, block._groups = json.loads(parts.bases), parts.groups
        return block
