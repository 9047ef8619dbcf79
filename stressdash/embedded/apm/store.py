"""The events, bounded: kept as they came, found again by trace and by error group.

A reference is a block's number and a position in it, so references grow with arrival. When a bound is
reached the oldest block goes with everything that points into it; the timeline keeps its figures.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from stressdash.embedded.apm.block import BLOCK_BYTES, Block, Line
from stressdash.embedded.apm.context import Json
from stressdash.embedded.apm.document import document
from stressdash.wire import from_json

__all__ = ["GroupRow", "Store"]

POSITION_BITS: Final = 20
BLOCKS_AT_LEAST: Final = 16
"""However few events may be kept, they lie in several blocks, so that not all go at once."""


class GroupRow(NamedTuple):
    """One error of a group; the greatest is the first to be shown."""

    sampled: bool
    """Whether its transaction was sampled, so that there is a trace to open."""
    at_ms: int
    reference: int


class Store:
    """Events by reference, trace and group.

    Args:
        max_events: how many events are kept.
        max_bytes: how much memory their lines may take.
    """

    def __init__(self, max_events: int, max_bytes: int = 256 * 1024 * 1024) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._block_events = min(max(1, max_events // BLOCKS_AT_LEAST), 1 << POSITION_BITS)
        self._blocks: deque[Block] = deque([Block()])
        self._first = 0
        """Number of the oldest block."""
        self._sealed_bytes = 0
        self._traces: dict[str, list[int]] = {}
        self._groups: dict[str, deque[GroupRow]] = {}
        self._opened: tuple[int, bytes | bytearray] = (-1, b"")
        self.count = 0
        self.forgotten = 0
        """Events that made room for newer ones."""

    def add(self, line: Line) -> int:
        """Keep a line and return its reference."""
        block = self._blocks[-1]
        if block.held_bytes >= BLOCK_BYTES or len(block) >= self._block_events:
            block = self._next_block()
        reference = (self._first + len(self._blocks) - 1) << POSITION_BITS | len(block)
        block.append(line)
        self.count += 1
        if line.trace_id is not None:
            self._traces.setdefault(line.trace_id, []).append(reference)
        return reference

    def add_error(self, line: Line, at_ms: int, *, sampled: bool) -> None:
        """Keep an error so that it is also found by its group."""
        row = GroupRow(sampled, at_ms, self.add(line))
        self._groups.setdefault(line.group, deque()).append(row)

    def trace(self, trace_id: str) -> Sequence[int]:
        """References of all that is stored of a trace."""
        return self._traces.get(trace_id, ())

    def group_of(self, reference: int) -> str:
        """Grouping key of an error; empty for other events."""
        number, position = divmod(reference, 1 << POSITION_BITS)
        return self._blocks[number - self._first].group(position)

    def group_rows(self, key: str, start_ms: int | None = None, end_ms: int | None = None) -> list[GroupRow]:
        """A group's errors in [start, end): those with a sampled transaction first, then the newest."""
        low = float("-inf") if start_ms is None else start_ms
        high = float("inf") if end_ms is None else end_ms
        return sorted((row for row in self._groups.get(key, ()) if low <= row.at_ms < high), reverse=True)

    def document(self, reference: int) -> Json:
        """The document behind a reference."""
        number, position = divmod(reference, 1 << POSITION_BITS)
        block = self._blocks[number - self._first]
        if number == self._first + len(self._blocks) - 1:
            text = block.text(block.plain(), position)
        else:
            if self._opened[0] != number:
                self._opened = (number, block.plain())
            text = block.text(self._opened[1], position)
        event: dict[str, dict[str, Any]] = from_json(text, dict)
        kind, value = next(iter(event.items()))
        return document(kind, value, block.base(position), block.group(position))

    def _next_block(self) -> Block:
        full = self._blocks[-1]
        full.seal()
        self._sealed_bytes += full.held_bytes
        block = Block()
        self._blocks.append(block)
        while self.count + self._block_events > self._max_events or self._sealed_bytes > self._max_bytes:
            if self._blocks[0] is block:
                break
            self._forget_oldest()
        return block

    def _forget_oldest(self) -> None:
        block = self._blocks.popleft()
        self._first += 1
        self._sealed_bytes -= block.held_bytes
        self.count -= len(block)
        self.forgotten += len(block)
        oldest = self._first << POSITION_BITS
        for trace_id in block.traces:
            kept = [reference for reference in self._traces[trace_id] if reference >= oldest]
            if kept:
                self._traces[trace_id] = kept
            else:
                del self._traces[trace_id]
        for key in block.groups:
            rows = self._groups[key]
            while rows and rows[0].reference < oldest:
                rows.popleft()
            if not rows:
                del self._groups[key]
