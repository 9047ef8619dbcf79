"""Sums over request transactions: what a bucket of the series is made of.

A tally adds up, so buckets and whole ranges come from the same seconds. Latencies are a sparse histogram in
the layout of `stressdash.hdr`, weighted; percentiles are read from it and never averaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from stressdash.hdr import bucket_mid_us

__all__ = ["Tallies", "Tally", "percentile_us"]

Percentiles = tuple[float | None, float | None, float | None]


@dataclass(slots=True)
class Tally:
    """Transactions sampled by coin; every figure but `recorded` is weighted."""

    recorded: int = 0
    weight: float = 0.0
    failed: float = 0.0
    succeeded: float = 0.0
    duration_us: float = 0.0
    """Sum of weighted durations."""
    latencies: dict[int, float] = field(default_factory=dict)
    failed_latencies: dict[int, float] = field(default_factory=dict)
    results: dict[int, float] = field(default_factory=dict)
    """By number of the result's name."""

    def count(self, duration_us: int, weight: float, outcome: int, index: int, result: int) -> None:
        """Take in one transaction or span.

        Args:
            duration_us: how long it took.
            weight: how many it stands for.
            outcome: 0 success, 1 failure, 2 unknown.
            index: bucket of the duration.
            result: number of the result's name.
        """
        self.recorded += 1
        self.weight += weight
        self.duration_us += weight * duration_us
        self.latencies[index] = self.latencies.get(index, 0.0) + weight
        self.results[result] = self.results.get(result, 0.0) + weight
        if outcome == 0:
            self.succeeded += weight
        elif outcome == 1:
            self.failed += weight
            self.failed_latencies[index] = self.failed_latencies.get(index, 0.0) + weight

    def add(self, other: Tally) -> None:
        """Take in another tally."""
        self.recorded += other.recorded
        self.weight += other.weight
        self.failed += other.failed
        self.succeeded += other.succeeded
        self.duration_us += other.duration_us
        merge(self.latencies, other.latencies)
        merge(self.failed_latencies, other.failed_latencies)
        merge(self.results, other.results)

    @property
    def unknown(self) -> float:
        """Weight of transactions whose outcome is unknown."""
        return self.weight - self.failed - self.succeeded

    @property
    def mean_us(self) -> float | None:
        """None when empty."""
        return self.duration_us / self.weight if self.weight else None

    def percentiles_us(self) -> Percentiles:
        """p50, p95 and p99 in microseconds; None when empty."""
        ordered = sorted(self.latencies.items())
        p50, p95, p99 = (percentile_us(ordered, share, self.weight) for share in (0.50, 0.95, 0.99))
        return p50, p95, p99


class Tallies(dict[int, Tally]):
    """Tallies by number of a name; they do not change once something was asked of all of them together."""

    @classmethod
    def together(cls, parts: Iterable[Mapping[int, Tally]]) -> Self:
        """The tallies of several seconds as one."""
        sums = cls()
        for part in parts:
            for number, tally in part.items():
                sums.setdefault(number, Tally()).add(tally)
        return sums

    @cached_property
    def whole(self) -> Tally:
        """All in one."""
        whole = Tally()
        for tally in self.values():
            whole.add(tally)
        return whole

    @cached_property
    def percentiles_us(self) -> Percentiles:
        """Of all in one, see `Tally.percentiles_us`."""
        return self.whole.percentiles_us()


def merge(into: dict[int, float], other: Mapping[int, float]) -> None:
    """Add one sparse histogram to another."""
    get = into.get
    for key, value in other.items():
        into[key] = get(key, 0.0) + value


def percentile_us(ordered: list[tuple[int, float]], share: float, total: float) -> float | None:
    """Nearest rank: the bucket in which the given share of the total weight is reached, its middle in us."""
    reached = 0.0
    for index, weight in ordered:
        reached += weight
        if reached >= share * total * (1 - 1e-12):
            return bucket_mid_us(index)
    return None
