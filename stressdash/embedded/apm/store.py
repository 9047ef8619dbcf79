"""The events, bounded: kept as they came, compressed in blocks, found again by trace and by error group.

A reference is a block's number and a position in it, so references grow with arrival. When the bounds are
reached the oldest block goes with everything that points into it; the timeline keeps its figures.
"""

from __future__ import annotations

import zlib
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from stressdash.embedded.apm.context import Json
from stressdash.embedded.apm.document import document
from stressdash.wire import from_json

__all__ = ["Store", "StoredGroup"]

BLOCK_BYTES: Final = 256 * 1024
POSITION_BITS: Final = 20
POSITION_MASK: Final = (1 << POSITION_BITS) - 1


@dataclass(slots=True)
class StoredGroup:
    """The documents of one error group, by arrival."""

    key: str
    rows: deque[tuple[bool, int, int]] = field(default_factory=deque)
    """Whether its transaction was sampled, timestamp in ms, reference."""


class Block:
    """Lines that were received together; compressed once it is full."""

    __slots__ = ("bases", "data", "ends", "keys", "sealed", "traces")

    def __init__(self) -> None:
        self.data: bytearray | bytes = bytearray()
        self.ends = array("L")
        self.bases: list[Json] = []
        self.keys: list[str] = []
        """Grouping keys; empty text for what is no error."""
        self.traces: set[str] = set()
        self.sealed = False

    def append(self, line: bytes, base: Json, key: str) -> int:
        """Position of the line."""
        assert isinstance(self.data, bytearray)
        self.data += line
        self.ends.append(len(self.data))
        self.bases.append(base)
        self.keys.append(key)
        return len(self.ends) - 1

    def seal(self) -> None:
        """Compress; nothing is appended from here on."""
        self.data = zlib.compress(self.data, 1)
        self.sealed = True

    def line(self, plain: bytes | bytearray, position: int) -> bytes:
        """The line at a position of the decompressed data."""
        start = self.ends[position - 1] if position else 0
        return bytes(plain[start : self.ends[position]])


class Store:
    """Events by reference, trace and group.

    Args:
        max_events: how many events are kept.
        max_bytes: how much memory their compressed lines may take.
    """

    def __init__(self, max_events: int, max_bytes: int = 256 * 1024 * 1024) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._blocks: deque[Block] = deque([Block()])
        self._first_block = 0
        self._sealed_bytes = 0
        self._traces: dict[str, list[int]] = {}
        self._plain: tuple[int, bytes] = (-1, b"")
        self.groups: dict[str, StoredGroup] = {}
        self.count = 0
        self.forgotten = 0
        """Events that made room for newer ones."""

    def add(self, line: bytes, base: Json, trace_id: str | None, key: str = "") -> int:
        """Keep a line and return its reference."""
        block = self._blocks[-1]
        if len(block.data) >= BLOCK_BYTES or len(block.ends) > POSITION_MASK:
            block = self._start_block()
        reference = (self._first_block + len(self._blocks) - 1) << POSITION_BITS | len(block.ends)
        block.append(line, base, key)
        self.count += 1
        if trace_id is not None:
            block.traces.add(trace_id)
            self._traces.setdefault(trace_id, []).append(reference)
        return reference

    def add_to_group(self, key: str, reference: int, at_ms: int, *, sampled: bool) -> None:
        """Make an error findable by its group."""
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = StoredGroup(key)
        group.rows.append((sampled, at_ms, reference))

    def knows(self, trace_id: str) -> bool:
        """Whether anything of the trace is stored."""
        return trace_id in self._traces

    def trace(self, trace_id: str) -> Iterator[int]:
        """References of all that is stored of a trace."""
        return iter(self._traces.get(trace_id, ()))

    def group_key(self, reference: int) -> str:
        """Grouping key of an error; empty for other events."""
        return self._blocks[(reference >> POSITION_BITS) - self._first_block].keys[reference & POSITION_MASK]

    def group_rows(
        self, key: str, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[tuple[bool, int, int]]:
        """A group's rows in [start, end): those with a sampled transaction first, then the newest."""
        group = self.groups.get(key)
        low = float("-inf") if start_ms is None else start_ms
        high = float("inf") if end_ms is None else end_ms
        rows = group.rows if group is not None else ()
        return sorted((row for row in rows if low <= row[1] < high), reverse=True)

    def document(self, reference: int) -> Json:
        """The document behind a reference."""
        number, position = reference >> POSITION_BITS, reference & POSITION_MASK
        block = self._blocks[number - self._first_block]
        plain: bytes | bytearray = block.data
        if block.sealed:
            if self._plain[0] != number:
                self._plain = (number, zlib.decompress(block.data))
            plain = self._plain[1]
        event: dict[str, dict[str, Any]] = from_json(block.line(plain, position), dict)
        kind, value = next(iter(event.items()))
        return document(kind, value, block.bases[position], block.keys[position])

    def _start_block(self) -> Block:
        full = self._blocks[-1]
        full.seal()
        self._sealed_bytes += len(full.data)
        while self._blocks and (self.count > self._max_events or self._sealed_bytes > self._max_bytes):
            self._forget_oldest()
        block = Block()
        self._blocks.append(block)
        return block

    def _forget_oldest(self) -> None:
        block = self._blocks.popleft()
        self._first_block += 1
        self._sealed_bytes -= len(block.data)
        self.count -= len(block.ends)
        self.forgotten += len(block.ends)
        first = self._first_block << POSITION_BITS
        for trace_id in block.traces:
            kept = [reference for reference in self._traces[trace_id] if reference >= first]
            if kept:
                self._traces[trace_id] = kept
            else:
                del self._traces[trace_id]
        for key in set(block.keys) - {""}:
            rows = self.groups[key].rows
            while rows and rows[0][2] < first:
                rows.popleft()
            if not rows:
                del self.groups[key]
