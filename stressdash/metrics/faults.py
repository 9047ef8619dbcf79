"""Client faults of a run, folded out of windows: counts, exemplars, and a fair sample of failed trace ids.

A window carries at most a few trace ids per fault, whatever the number of failures, so an id out of a
crowded window stands for many failures and one out of a quiet window for few. The table therefore keeps a
weighted reservoir (Efraimidis and Spirakis: keep the largest u^(1/weight)), in which each failed request of
the run had the same chance. Memory is bounded by the number of kinds, which is capped; what is beyond it
counts as other.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from stressdash.samples import Exemplar, Fault, Window

__all__ = ["FaultKey", "FaultTable", "merge_faults"]

FaultKey = tuple[str, str, str]
"""(category, code, folded message)."""

KINDS: Final = 256
"""Distinct faults kept apart in one run."""

RESERVOIR: Final = 512
"""Trace ids kept per fault."""

SECONDS: Final = 600
"""Seconds of per-second counts kept per fault."""


class FaultTable:
    """All faults of one run. `random` draws the reservoirs; `kinds` caps the distinct faults."""

    def __init__(self, random: Random, kinds: int = KINDS) -> None:
        self._random = random
        self._kinds = kinds
        self._entries: dict[FaultKey, _Entry] = {}
        self._other = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def other(self) -> int:
        """Failed requests whose kind is beyond the cap, here or already in the engine."""
        return self._other

    @property
    def total(self) -> int:
        """All failed requests, `other` included."""
        return self._other + sum(entry.fault.count for entry in self._entries.values())

    def add(self, window: Window) -> None:
        """Fold in one worker's window."""
        self._other += window.faults_other
        for fault in window.faults:
            entry = self._entries.get(fault.key)
            if entry is None:
                if len(self._entries) >= self._kinds:
                    self._other += fault.count
                    continue
                entry = self._entries[fault.key] = _Entry(replace(fault, count=0, exemplars=(), trace_ids=()))
            entry.add(fault, window.start_ns // 1_000_000_000, self._random)

    def top(self, number: int | None = None) -> tuple[Fault, ...]:
        """The most frequent faults, most frequent first, with their reservoirs of trace ids."""
        entries = sorted(self._entries.values(), key=lambda entry: (-entry.fault.count, entry.fault.key))
        return tuple(entry.result() for entry in entries[:number])

    def per_second(self, key: FaultKey, until_ns: int, seconds: int) -> tuple[int, ...]:
        """Failures in each of the last whole `seconds` before `until_ns`, oldest first."""
        entry = self._entries.get(key)
        end = until_ns // 1_000_000_000
        return tuple(entry.seconds.get(second, 0) if entry else 0 for second in range(end - seconds, end))

    def by_category(self) -> dict[str, int]:
        """Failures by category; what is beyond the cap appears as `other`."""
        counts: dict[str, int] = {}
        for entry in self._entries.values():
            category = entry.fault.category
            counts[category] = counts.get(category, 0) + entry.fault.count
        if self._other:
            counts["other"] = self._other
        return counts


def merge_faults(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Faults of several windows by kind, in order of their keys.

    Trace ids are joined, so those of a crowded window weigh too little: estimate shares from a `FaultTable`.
    """
    merged: dict[FaultKey, Fault] = {}
    for fault in faults:
        seen = merged.get(fault.key)
        merged[fault.key] = fault if seen is None else _merge(seen, fault)
    return tuple(merged[key] for key in sorted(merged))


def _merge(a: Fault, b: Fault) -> Fault:
    return replace(
        a,
        count=a.count + b.count,
        first_ns=min(a.first_ns, b.first_ns),
        last_ns=max(a.last_ns, b.last_ns),
        exemplars=_first_and_latest(a.exemplars + b.exemplars),
        trace_ids=tuple(sorted({*a.trace_ids, *b.trace_ids})),
    )


def _first_and_latest(exemplars: tuple[Exemplar, ...]) -> tuple[Exemplar, ...]:
    if not exemplars:
        return ()
    first = min(exemplars, key=_order)
    latest = max(exemplars, key=_order)
    if _order(first) == _order(latest):
        return (replace(first, kind="first"),)
    return (replace(first, kind="first"), replace(latest, kind="latest"))


def _order(exemplar: Exemplar) -> tuple[int, int, int]:
    return (exemplar.at_ns, exemplar.number, exemplar.connection)


@dataclass(slots=True)
class _Entry:
    """One kind of failure while it is being counted."""

    fault: Fault
    """Without trace ids: those are in the reservoir."""
    reservoir: list[tuple[float, str]] = field(default_factory=list)
    """Heap of (log(u) / weight, trace id), the one to go next at its top."""
    seconds: dict[int, int] = field(default_factory=dict)
    """Failures by monotonic second."""

    def add(self, fault: Fault, second: int, random: Random) -> None:
        self.fault = replace(_merge(self.fault, fault), trace_ids=())
        self.seconds[second] = self.seconds.get(second, 0) + fault.count
        if len(self.seconds) > 2 * SECONDS:
            self.seconds = {kept: self.seconds[kept] for kept in sorted(self.seconds)[-SECONDS:]}
        for trace_id in fault.trace_ids:
            weight = fault.count / len(fault.trace_ids)
            draw = (math.log(1 - random.random()) / weight, trace_id)
            if len(self.reservoir) < RESERVOIR:
                heapq.heappush(self.reservoir, draw)
            else:
                heapq.heappushpop(self.reservoir, draw)

    def result(self) -> Fault:
        return replace(self.fault, trace_ids=tuple(sorted(trace_id for _, trace_id in self.reservoir)))
