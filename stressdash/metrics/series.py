"""What charts draw: windows and gauges on a time line whose memory does not grow with the length of a run.

The newest two minutes lie in cells of 100 ms. What falls off the end moves into cells four times as long,
and so on, so that each moment is in exactly one cell, older is coarser, and an added hour costs little. All
that a cell holds are sums (counts, latency buckets, gauges as integrals over time), so cells merge by
addition in any order, and percentiles always come from merged counts. Latency buckets are 1/128 wide here:
charts have no finer lines.

Rates are made of `RUN` windows only: where load is paused or drains there is a gap, not a zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeVar

from stressdash.hdr import bucket_high_us
from stressdash.metrics.histogram import BEYOND
from stressdash.samples import Phase, Window
from stressdash.snapshot import Series

__all__ = ["Timeline"]

K = TypeVar("K")
N = TypeVar("N", int, float)

GRID_S: Final = 0.1
CELLS: Final = 1200
"""Cells per level."""
FACTOR: Final = 4
"""How many cells become one of the next level."""
SETTLED_S: Final = 5.0
"""Percentiles of steps that ended this long ago are remembered until a straggler comes in."""

LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "client.rate": ("client", "req/s"),
    "client.goodput": ("ok", "req/s"),
    "client.failed": ("failed", "/s"),
    "client.failures": ("failed", "count"),
    "client.mean": ("mean", "us"),
    "client.p50": ("p50", "us"),
    "client.p99": ("p99", "us"),
    "client.corrected_p99": ("due p99", "us"),
    "client.target": ("target", "count"),
    "client.open": ("open", "count"),
    "client.busy": ("busy", "count"),
    "client.in_flight": ("in flight", "count"),
}
"""Label and unit of the built-in keys."""

PERCENTILES: Final = {
    "client.p50": ("latency", 0.50),
    "client.p99": ("latency", 0.99),
    "client.corrected_p99": ("intended", 0.99),
}
"""Histogram of a cell, and quantile."""


@dataclass(slots=True)
class _Cell:
    """Sums over one stretch of time."""

    sums: dict[str, float] = field(default_factory=dict)
    """Counts by key, gauges times the time they held, `run_ns` and `all_ns` over all workers."""
    workers: int = 0
    """One bit per worker: divides the times, which add up over workers."""
    latency: dict[int, int] = field(default_factory=dict)
    """Count by highest value of a 1/128 wide bucket, in microseconds."""
    intended: dict[int, int] = field(default_factory=dict)
    """The same from the intended start; empty in the closed loop."""

    def merge(self, other: _Cell) -> None:
        _add(self.sums, other.sums)
        self.workers |= other.workers
        _add(self.latency, other.latency)
        _add(self.intended, other.intended)


class Timeline:
    """Windows and gauges of a session, as evenly spaced series."""

    def __init__(self) -> None:
        self._levels: list[dict[int, _Cell]] = [{}]
        self._floors = [0]
        """Index of the first cell that each level may hold; older times are the next level's."""
        self._newest_s = 0.0
        self._settled: dict[tuple[str, float, float], float | None] = {}
        self._steps_of: tuple[float, int, float] | None = None
        self._steps: dict[int, list[_Cell]] = {}
        """Cells by step as last asked for: the series of one chart all ask for the same."""

    def add_window(self, window: Window, origin_ns: int) -> None:
        """Fold in one worker's window; `origin_ns` is the monotonic time of second 0 of the axis.

        A window longer than the grid's 100 ms goes into the cell, as long as that or longer, that holds its
        start: it should not cross a cell's end.
        """
        cell = self._cell((window.start_ns - origin_ns) / 1e9, window.length_ns / 1e9)
        cell.workers |= 1 << max(0, window.worker)
        _add(cell.sums, _sums(window))
        for into, counts in ((cell.latency, window.latency), (cell.intended, window.latency_intended)):
            for index, number in counts.items():
                value_us = _coarse_us(index)
                into[value_us] = into.get(value_us, 0) + number

    def add_gauge(self, name: str, at_s: float, value: float) -> None:
        """Add a sample of what is measured now and then; a step shows the mean of its samples."""
        _add(self._cell(at_s).sums, {name: value, _samples(name): 1})

    def categories(self, start_s: float, end_s: float) -> tuple[str, ...]:
        """Categories that failed in the range, in alphabetical order."""
        keys = {key for _, _, cell in self._within(start_s, end_s) for key in cell.sums}
        return tuple(sorted(key.removeprefix(FAILED) for key in keys if key.startswith(FAILED)))

    def series(
        self,
        key: str,
        start_s: float,
        end_s: float,
        step_s: float,
        *,
        label: str = "",
        unit: str = "",
        origin_s: float = 0.0,
    ) -> Series:
        """Values per `step_s` over [`start_s`, `end_s`), the start rounded down to a whole step.

        Where the stored cells are longer than the step, they count in every step they touch.

        Args:
            key: `client.` and one of rate, goodput, failed, failed.CATEGORY (per second), failures (number),
                mean, p50, p99, corrected_p99, target, open, busy, in_flight; or the name of a gauge.
            start_s: Seconds on the axis.
            end_s: Seconds on the axis.
            step_s: Length of a step, at least the grid's 100 ms.
            label: Instead of the built-in one.
            unit: Instead of the built-in one.
            origin_s: From where steps are counted.
        """
        first = math.floor((start_s - origin_s) / step_s + 1e-9)
        steps = max(0, math.ceil((end_s - origin_s) / step_s - 1e-9) - first)
        start_s = origin_s + first * step_s
        by_step = self._by_step(start_s, steps, step_s)
        values = [
            self._value(key, by_step[step], start_s + step * step_s, step_s) if step in by_step else None
            for step in range(steps)
        ]
        known = LABELS.get(key, (key.removeprefix(FAILED), "/s" if key.startswith(FAILED) else "count"))
        return Series(key, label or known[0], unit or known[1], start_s, step_s, tuple(values))

    def _value(self, key: str, cells: list[_Cell], start_s: float, step_s: float) -> float | None:
        if key == "client.mean":
            return _mean(cells)
        if key not in PERCENTILES:
            return _ratio(key, cells)
        if start_s + step_s > self._newest_s - SETTLED_S:
            return _percentile(*PERCENTILES[key], cells)
        place = (key, start_s, step_s)
        if place not in self._settled:
            if len(self._settled) > 4 * CELLS:
                self._settled.clear()
            self._settled[place] = _percentile(*PERCENTILES[key], cells)
        return self._settled[place]

    def _by_step(self, start_s: float, steps: int, step_s: float) -> dict[int, list[_Cell]]:
        """Cells by the step in which they begin, or by each that they touch when they are longer."""
        if self._steps_of == (start_s, steps, step_s):
            return self._steps
        found: dict[int, list[_Cell]] = {}
        for at_s, length_s, cell in self._within(start_s, start_s + steps * step_s):
            first = last = math.floor((at_s - start_s) / step_s + 1e-6)
            if length_s > step_s + 1e-6:
                last = math.ceil((at_s + length_s - start_s) / step_s - 1e-6) - 1
            for step in range(first, last + 1):
                found.setdefault(step, []).append(cell)
        self._steps_of, self._steps = (start_s, steps, step_s), found
        return found

    def _within(self, start_s: float, end_s: float) -> Iterator[tuple[float, float, _Cell]]:
        """(start, length, cell) of the cells that reach into the range, in seconds."""
        for level, cells in enumerate(self._levels):
            length_s = GRID_S * FACTOR**level
            low, high = math.floor(start_s / length_s + 1e-6), math.ceil(end_s / length_s - 1e-6)
            for index in range(low, high) if high - low < len(cells) else list(cells):
                if low <= index < high and index in cells:
                    yield index * length_s, length_s, cells[index]

    def _cell(self, at_s: float, length_s: float = GRID_S) -> _Cell:
        """The cell that holds a moment, made if need be; the newest moment pushes the oldest cells up."""
        self._steps_of = None
        self._newest_s = max(self._newest_s, at_s)
        if at_s < self._newest_s - SETTLED_S:
            self._settled.clear()
        index = max(0, math.floor(at_s / GRID_S + 1e-6))
        if index - self._floors[0] >= CELLS:
            self._push_up(0, index)
        level = 0
        while length_s > GRID_S * FACTOR**level + 1e-6:
            level += 1
            if level == len(self._levels):
                self._levels.append({})
                self._floors.append(0)
        return self._place(level, index // FACTOR**level)

    def _place(self, level: int, index: int) -> _Cell:
        """The cell for an index of `level`, on that level or, where that let go of it, on a higher one."""
        while index < self._floors[level]:
            level, index = level + 1, index // FACTOR
        return self._levels[level].setdefault(index, _Cell())

    def _push_up(self, level: int, newest: int) -> None:
        """Move what is too old for this level into the next, in whole groups so that none is split."""
        floor = (newest - CELLS) // FACTOR * FACTOR + FACTOR
        if level + 1 == len(self._levels):
            self._levels.append({})
            self._floors.append(0)
        if floor // FACTOR - self._floors[level + 1] >= CELLS:
            self._push_up(level + 1, floor // FACTOR)
        self._floors[level] = floor
        cells = self._levels[level]
        for index in [index for index in cells if index < floor]:
            self._place(level + 1, index // FACTOR).merge(cells.pop(index))


FAILED: Final = "client.failed."


def _samples(name: str) -> str:
    return f"{name}#"


def _sums(window: Window) -> dict[str, float]:
    length_ns = window.length_ns
    sums: dict[str, float] = {
        "all_ns": length_ns,
        "client.target": window.target_connections * length_ns,
        "client.open": window.open_connections * length_ns,
        "client.busy": window.busy_connections * length_ns,
        "client.in_flight": window.in_flight * length_ns,
    }
    if window.phase is Phase.RUN:
        sums |= {"run_ns": length_ns, "client.rate": window.responses}
        sums |= {"client.goodput": window.completed, "client.failed": window.failed}
        sums["client.failures"] = window.failed
        for fault in window.faults:
            key = FAILED + fault.category
            sums[key] = sums.get(key, 0) + fault.count
    return sums


def _ratio(key: str, cells: list[_Cell]) -> float | None:
    """A count, a rate, a connection gauge or another gauge of a step; None where nothing was measured."""
    if key == "client.failures":
        found = [cell.sums[key] for cell in cells if key in cell.sums]
        return sum(found) if found else None
    over = _samples(key)
    scale = 1.0
    if key in LABELS or key.startswith(FAILED):
        rate = LABELS.get(key, ("", "/s"))[1] != "count"
        over = "run_ns" if rate else "all_ns"
        scale = (1e9 if rate else 1.0) * _workers(cells)
    measured = sum(cell.sums.get(over, 0) for cell in cells)
    return scale * sum(cell.sums.get(key, 0) for cell in cells) / measured if measured else None


def _mean(cells: list[_Cell]) -> float | None:
    """Of the latencies, each taken as the middle of its bucket; None where there is none."""
    total = sum(number for cell in cells for number in cell.latency.values())
    if not total:
        return None
    highest = sum(value_us * number for cell in cells for value_us, number in cell.latency.items())
    return highest * (1 - 1 / 256) / total


def _workers(cells: list[_Cell]) -> int:
    bits = 0
    for cell in cells:
        bits |= cell.workers
    return bits.bit_count()


def _percentile(of: str, q: float, cells: list[_Cell]) -> float | None:
    latency: dict[int, int] = {}
    for cell in cells:
        _add(latency, getattr(cell, of))
    total = sum(latency.values())
    if total * (1 - q) < BEYOND - 1e-6:
        return None
    rank = math.ceil(math.nextafter(q * total, 0))
    for value_us in sorted(latency):
        rank -= latency[value_us]
        if rank <= 0:
            return float(value_us)
    raise AssertionError("a rank lies within the total")


def _add(into: dict[K, N], numbers: Mapping[K, N]) -> None:
    for key, number in numbers.items():
        into[key] = into.get(key, 0) + number


@cache
def _coarse_us(index: int) -> int:
    """Highest value of the 1/128 wide bucket around a fine bucket; as many entries as there are buckets."""
    value_us = bucket_high_us(index)
    shift = max(0, value_us.bit_length() - 8)
    return (((value_us >> shift) + 1) << shift) - 1
