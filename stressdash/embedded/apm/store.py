"""The events, bounded: kept as they came, found again by trace and by error group.

A reference is a block's number and a position in it, so references grow with arrival. The newest block and
its traces lie in memory, all others in the spill. When a bound is reached the oldest block goes with
everything that points into it; the timeline keeps its figures.
"""

from __future__ import annotations

import contextlib
from array import array
from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

import xxhash

from stressdash.embedded.apm.block import BLOCK_BYTES, Block, Line
from stressdash.embedded.apm.context import Json
from stressdash.embedded.apm.document import document
from stressdash.embedded.apm.spill import Spill, SpillLost
from stressdash.wire import from_json, to_json

__all__ = ["NO_TRACE", "Page", "Store"]

POSITION_BITS: Final = 20
BLOCKS_AT_LEAST: Final = 16
"""However few events may be kept, they lie in several blocks, so that not all go at once."""
NO_TRACE: Final = 0
GIB: Final = 1024**3
LEAST_BYTES: Final = 4 * 1024**2
"""Of lines; they and what leads to them find room in the spill's memory, whatever the disk."""


class Page(NamedTuple):
    """One error of a group: its reference, if there is one at that place, and how many there are."""

    reference: int | None
    total: int


class Store:
    """Events by reference, trace and group.

    Args:
        spill: where full blocks go.
        max_events: how many events are kept.
        max_bytes: how much of the disk their lines may take.
    """

    def __init__(self, spill: Spill, max_events: int, max_bytes: int = 4 * GIB) -> None:
        self._spill = spill
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._block_events = min(max(1, max_events // BLOCKS_AT_LEAST), 1 << POSITION_BITS)
        self._growing = Block()
        self._traces: dict[int, list[int]] = {}
        """References into the growing block, by hash of the trace's id."""
        self._hashes = array("q")
        self._first = 0
        """Number of the oldest block."""
        self._full: deque[tuple[int, int]] = deque()
        """Events and bytes of every block in the spill."""
        self._full_bytes = 0
        self._opened: tuple[int, Block] = (-1, self._growing)
        self.count = 0
        self.forgotten = 0
        """Events that made room for newer ones, or went when the spill was lost."""
        spill.on_loss(self._forget_all)

    def add(self, line: Line) -> int:
        """Keep a line and return its reference."""
        block = self._growing
        if block.held_bytes >= BLOCK_BYTES or len(block) >= self._block_events:
            with contextlib.suppress(SpillLost):  # then the new block is the first
                self._shelve()
            block = self._growing
        reference = (self._first + len(self._full)) << POSITION_BITS | len(block)
        block.append(line)
        self.count += 1
        hashed = trace_hash(line.trace_id) if line.trace_id is not None else NO_TRACE
        self._hashes.append(hashed)
        if hashed:
            self._traces.setdefault(hashed, []).append(reference)
        return reference

    def add_error(self, line: Line, group: int, name: int, at_ms: int, *, sampled: bool) -> None:
        """Keep an error so that it is also found by the number of its group."""
        insert = "INSERT INTO error VALUES (?, ?, ?, ?, ?)"
        try:
            self._spill.run(insert, group, int(sampled), at_ms, self.add(line), name)
        except SpillLost:  # and the line with it, which is not forgotten for that
            self.forgotten -= 1
            self._spill.run(insert, group, int(sampled), at_ms, self.add(line), name)

    def trace(self, trace_id: str) -> Sequence[int]:
        """References of all that is stored of a trace, in order of arrival."""
        hashed = trace_hash(trace_id)
        found = self._spill.rows("SELECT reference FROM trace WHERE hash = ? ORDER BY reference", hashed)
        return [*(reference for (reference,) in found), *self._traces.get(hashed, ())]

    def group_of(self, reference: int) -> int | None:
        """Number of an error's group; None for other events."""
        group: int | None = self._spill.value("SELECT grouped FROM error WHERE reference = ?", reference)
        return group

    def groups_of(self, trace_ids: Sequence[str]) -> dict[str, list[int]]:
        """Numbers of the groups of each trace's errors, in order; traces that are not stored are left out."""
        hashes = {trace_hash(trace_id): trace_id for trace_id in trace_ids}
        found = [(hashed, reference) for hashed in hashes for reference in self._traces.get(hashed, ())]
        found += self._spill.rows(
            "SELECT hash, reference FROM trace WHERE hash IN (SELECT value FROM json_each(?))",
            to_json(list(hashes)).decode(),
        )
        groups = dict(
            self._spill.rows(
                "SELECT reference, grouped FROM error WHERE reference IN (SELECT value FROM json_each(?))",
                to_json([reference for _, reference in found]).decode(),
            )
        )
        named: dict[str, list[int]] = {}
        for hashed, reference in sorted(found, key=itemgetter(1)):
            own = named.setdefault(hashes[hashed], [])
            group = groups.get(reference)
            if group is not None and group not in own:
                own.append(group)
        return named

    def page(
        self, group: int, position: int, start_ms: int | None, end_ms: int | None, name: int | None
    ) -> Page:
        """A group's error at a position: those with a sampled transaction first, then the newest."""
        bounds = {"at_ms >= ?": start_ms, "at_ms < ?": end_ms, "name = ?": name}
        given = {condition: value for condition, value in bounds.items() if value is not None}
        where = " AND ".join(("grouped = ?", *given))
        values = (group, *given.values())
        total = self._spill.value(f"SELECT count(*) FROM error WHERE {where}", *values)  # noqa: S608  our own words
        if not 0 <= position < total:
            return Page(None, total)
        order = "ORDER BY sampled DESC, at_ms DESC, reference DESC LIMIT 1 OFFSET ?"
        return Page(
            self._spill.value(f"SELECT reference FROM error WHERE {where} {order}", *values, position),  # noqa: S608  our own words
            total,
        )

    def position(self, reference: int) -> tuple[int, int]:
        """Where an error stands among those of its group, and how many those are."""
        (row,) = self._spill.rows(
            "SELECT grouped, sampled, at_ms, reference FROM error WHERE reference = ?", reference
        )
        before = "SELECT count(*) FROM error WHERE grouped = ? AND (sampled, at_ms, reference) > (?, ?, ?)"
        total = self._spill.value("SELECT count(*) FROM error WHERE grouped = ?", row[0])
        return self._spill.value(before, *row), total

    def document(self, reference: int) -> Json | None:
        """The document behind a reference; None when it has been forgotten."""
        number, position = divmod(reference, 1 << POSITION_BITS)
        if number < self._first:
            return None
        line = self._block(number).line(position)
        event: dict[str, dict[str, Any]] = from_json(line.text, dict)
        kind, value = next(iter(event.items()))
        return document(kind, value, line.base, line.group)

    def _block(self, number: int) -> Block:
        if number == self._first + len(self._full):
            return self._growing
        if self._opened[0] != number:
            lines = self._spill.value("SELECT lines FROM block WHERE number = ?", number)
            self._opened = (number, Block.unpacked(lines))
        return self._opened[1]

    def _shelve(self) -> None:
        """Put the growing block into the spill and begin a new one."""
        number, packed = self._first + len(self._full), self._growing.packed()
        self._spill.run("INSERT INTO block VALUES (?, ?, ?)", number, packed, self._hashes.tobytes())
        self._spill.run_all(
            "INSERT INTO trace VALUES (?, ?)",
            ((hashed, reference) for hashed, found in self._traces.items() for reference in found),
        )
        self._full.append((len(self._growing), len(packed)))
        self._full_bytes += len(packed)
        self._growing, self._traces, self._hashes = Block(), {}, array("q")
        while self._full and (
            self.count + self._block_events > self._max_events or self._full_bytes > self._max_bytes
        ):
            self._forget_oldest()

    def _forget_all(self) -> None:
        """The spill was lost. From now on only half as much lies there, so that it does not happen again."""
        self._max_bytes = max(LEAST_BYTES, self._full_bytes // 2)
        self._first += len(self._full) + 1
        self._full.clear()
        self._growing, self._traces, self._hashes = Block(), {}, array("q")
        self._opened = (-1, self._growing)
        self._full_bytes = 0
        self.forgotten += self.count
        self.count = 0

    def _forget_oldest(self) -> None:
        number = self._first
        hashes = array("q", self._spill.value("SELECT traces FROM block WHERE number = ?", number))
        start = number << POSITION_BITS
        self._spill.run_all(
            "DELETE FROM trace WHERE hash = ? AND reference = ?",
            ((hashed, start | position) for position, hashed in enumerate(hashes) if hashed),
        )
        self._spill.run("DELETE FROM error WHERE reference < ?", (number + 1) << POSITION_BITS)
        self._spill.run("DELETE FROM block WHERE number = ?", number)
        events, packed_bytes = self._full.popleft()
        self._first += 1
        self._full_bytes -= packed_bytes
        self.count -= events
        self.forgotten += events


def trace_hash(trace_id: str) -> int:
    """A trace's id as a signed number of 64 bits, never `NO_TRACE`."""
    hashed = xxhash.xxh64_intdigest(trace_id.encode("utf-8", "surrogatepass"))
    return (hashed - (1 << 64) if hashed >> 63 else hashed) or 1
