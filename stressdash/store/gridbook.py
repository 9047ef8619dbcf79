"""Windows of all workers, merged by grid step and written as rows; each stretch of steps merged once more.

A step is finished once every worker has told of a later moment, or is a second behind the others. A window
that comes after its step was written is merged into the row.

A block holds what charts and counters need of `BLOCK` steps, as few windows: by blocks a long run is sought
in within a second. Figures that are exact come from the rows.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from stressdash.hdr import bucket_high_us, bucket_index
from stressdash.metrics.window import lengthen, merge, without_histograms
from stressdash.samples import Exemplar, Fault, Window
from stressdash.store.gridrow import deflate, pack_windows, unpack_windows

__all__ = ["BLOCK", "GRID_NS", "GridBook"]

GRID_NS: Final = 100_000_000
BLOCK: Final = 64
"""Steps of a block: 6.4 s, a length of cell that charts know."""
PATIENCE: Final = 10
"""Steps that a silent worker is waited for."""
KINDS: Final = 256
"""Distinct faults kept apart."""
EXEMPLAR_EVERY_NS: Final = 10_000_000_000
EXEMPLARS: Final = 64
"""Of one fault, at most."""
BLOCK_TRACES: Final = 1
"""Of each fault and step, in a block."""
SECRET_LINES: Final = re.compile(
    rb"(?im)^([\w-]*(?:cookie|auth|token|key|secret|session|password)[\w-]*[ \t]*:)[^\r\n]*"
)


class GridBook:
    """The tables `grid`, `block`, `fault` and `exemplar` of a file; used within the writer's transactions."""

    def __init__(self, database: sqlite3.Connection, origin_ns: int) -> None:
        self._database = database
        self._origin_ns = origin_ns
        self._pending: dict[int, list[Window]] = {}
        self._reach: dict[int, int] = {}
        """Step that each worker has come to."""
        self._written = -1
        self._stale: set[int] = set()
        """Blocks to be made, or made anew."""
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._exemplars: dict[int, tuple[int, int]] = {}
        """Number of a fault to (how many, time of the newest)."""
        self.steps = 0
        """Rows written."""

    def add(self, window: Window) -> None:
        """Take in one worker's window."""
        step = max(0, (window.start_ns - self._origin_ns) // GRID_NS)
        self._reach[window.worker] = max(
            self._reach.get(window.worker, 0),
            (window.start_ns + window.length_ns - self._origin_ns) // GRID_NS,
        )
        for fault in window.faults:
            self._keep_exemplars(fault)
        if step not in self._pending and step <= self._written:
            self._pending[step] = list(self._row(step))
        place_window(self._pending.setdefault(step, []), window)

    def write(self) -> None:
        """Write the steps that are finished, and the blocks that they complete."""
        newest = max(self._reach.values(), default=0)
        reached = min((step for step in self._reach.values() if step > newest - PATIENCE), default=0)
        self._write_steps([step for step in self._pending if step < reached])
        current = self._written // BLOCK
        for number in [number for number in self._stale if number < current]:
            self._write_block(number)

    def finish(self) -> None:
        """Write all that is left."""
        self._write_steps(list(self._pending))
        for number in list(self._stale):
            self._write_block(number)

    def _write_steps(self, steps: Iterable[int]) -> None:
        for step in sorted(steps):
            body = pack_windows(self._pending.pop(step), self._origin_ns, self._number_of)
            self._database.execute("INSERT OR REPLACE INTO grid VALUES (?, ?)", (step, body))
            self._stale.add(step // BLOCK)
            self.steps += step > self._written
            self._written = max(self._written, step)

    def _write_block(self, number: int) -> None:
        rows = self._database.execute(
            "SELECT body FROM grid WHERE step >= ? AND step < ? ORDER BY step",
            (number * BLOCK, (number + 1) * BLOCK),
        )
        windows = [_thinned(window) for (body,) in rows for window in self._unpacked(body)]
        body = pack_windows(in_rows(windows), self._origin_ns, self._number_of)
        self._database.execute("INSERT OR REPLACE INTO block VALUES (?, ?)", (number, body))
        self._stale.discard(number)

    def _row(self, step: int) -> tuple[Window, ...]:
        found = self._database.execute("SELECT body FROM grid WHERE step = ?", (step,)).fetchone()
        return self._unpacked(found[0]) if found is not None else ()

    def _unpacked(self, body: bytes) -> tuple[Window, ...]:
        return unpack_windows(body, self._origin_ns, {number: key for key, number in self._numbers.items()})

    def _number_of(self, fault: Fault) -> int | None:
        number = self._numbers.get(fault.key)
        if number is None and len(self._numbers) < KINDS:
            number = self._numbers[fault.key] = len(self._numbers) + 1
            self._database.execute("INSERT INTO fault VALUES (?, ?, ?, ?)", (number, *fault.key))
        return number

    def _keep_exemplars(self, fault: Fault) -> None:
        """The first of a kind, and then one every ten seconds."""
        if not fault.exemplars or (number := self._number_of(fault)) is None:
            return
        kept, newest_ns = self._exemplars.get(number, (0, -EXEMPLAR_EVERY_NS + self._origin_ns))
        exemplar = fault.exemplars[0]
        if kept >= EXEMPLARS or exemplar.at_ns < newest_ns + EXEMPLAR_EVERY_NS:
            return
        self._exemplars[number] = (kept + 1, exemplar.at_ns)
        self._database.execute(
            "INSERT INTO exemplar (fault, body) VALUES (?, ?)", (number, deflate(without_secrets(exemplar)))
        )


def place_window(windows: list[Window], window: Window) -> None:
    """Merge a window into the one of its phase and segment, or put it at the end."""
    for at, other in enumerate(windows):
        if (other.phase, other.segment) == (window.phase, window.segment):
            windows[at] = merge(other, window)
            return
    windows.append(window)


def in_rows(windows: Sequence[Window]) -> list[Window]:
    """Windows in the order of time, those that follow one another in one phase and segment made one."""
    rows: list[Window] = []
    for window in windows:
        if rows and (rows[-1].phase, rows[-1].segment) == (window.phase, window.segment):
            rows[-1] = lengthen(rows[-1], window)
        else:
            rows.append(window)
    return rows


def without_secrets(exemplar: Exemplar) -> Exemplar:
    """The answer's cookies and the like blotted out."""
    return replace(exemplar, head=SECRET_LINES.sub(rb"\1 (not kept)", exemplar.head))


def _thinned(window: Window) -> Window:
    """What charts and counters need of a window: blocks are read by hundreds."""
    latency: dict[int, int] = {}
    for index, number in window.latency.items():
        coarse = _coarse(index)
        latency[coarse] = latency.get(coarse, 0) + number
    return replace(
        without_histograms(window),
        latency=latency,
        exemplars=(),
        faults=tuple(replace(fault, trace_ids=fault.trace_ids[:BLOCK_TRACES]) for fault in window.faults),
    )


@cache
def _coarse(index: int) -> int:
    """Bucket of the highest value in the 1/128 wide bucket around one."""
    value_us = bucket_high_us(index)
    shift = max(0, value_us.bit_length() - 8)
    return bucket_index((((value_us >> shift) + 1) << shift) - 1)
