"""Sums over request transactions: what a bucket of the series is made of.

A tally adds up, so buckets and whole ranges come from the same seconds. Latencies are a sparse histogram in
the layout of `stressdash.hdr`, weighted; percentiles are read from it and never averaged.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Self

from stressdash.hdr import bucket_mid_us

__all__ = ["Ranks", "Tallies", "Tally", "percentiles_us"]

Percentiles = tuple[float | None, float | None, float | None]
"""p50, p95 and p99."""


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
        self.add_sums(other)
        merge(self.latencies, other.latencies)
        merge(self.failed_latencies, other.failed_latencies)
        merge(self.results, other.results)

    def add_sums(self, other: Tally) -> None:
        """Take in another tally's figures, but none of its histograms."""
        self.recorded += other.recorded
        self.weight += other.weight
        self.failed += other.failed
        self.succeeded += other.succeeded
        self.duration_us += other.duration_us

    @property
    def unknown(self) -> float:
        """Weight of transactions whose outcome is unknown."""
        return self.weight - self.failed - self.succeeded

    @property
    def mean_us(self) -> float | None:
        """None when empty."""
        return self.duration_us / self.weight if self.weight else None

    def percentiles_us(self) -> Percentiles:
        """In microseconds; None when empty."""
        return percentiles_us([Ranks.of(self.latencies)])


@dataclass(frozen=True, slots=True)
class Ranks:
    """A histogram by rank: its buckets in order, and the weight that is reached with each."""

    indices: list[int]
    reached: list[float]

    @classmethod
    def of(cls, histogram: Mapping[int, float]) -> Self:
        """Those of a sparse histogram."""
        indices = sorted(histogram)
        return cls(indices, list(accumulate(histogram[index] for index in indices)))

    def up_to(self, index: int) -> float:
        """Weight in this bucket and all below it."""
        place = bisect_right(self.indices, index)
        return self.reached[place - 1] if place else 0.0


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
    def ranks(self) -> Ranks:
        """Of the latencies of all in one."""
        return Ranks.of(self.whole.latencies)

    @cached_property
    def percentiles_us(self) -> Percentiles:
        """Of all in one, in microseconds; None when empty."""
        return percentiles_us([self.ranks])


def merge(into: dict[int, float], other: Mapping[int, float]) -> None:
    """Add one sparse histogram to another."""
    get = into.get
    for key, value in other.items():
        into[key] = get(key, 0.0) + value


def percentiles_us(histograms: Sequence[Ranks]) -> Percentiles:
    """Of several histograms together, in microseconds; None when all are empty.

    Nearest rank: the middle of the bucket in which the share of the total weight is reached. It is found by
    bisection over the buckets, so the histograms need not be added up.
    """
    filled = [histogram for histogram in histograms if histogram.indices]
    if not filled:
        return None, None, None
    total = sum(histogram.reached[-1] for histogram in filled)
    p50, p95, p99 = (_value_us(filled, share * total * (1 - 1e-12)) for share in (0.50, 0.95, 0.99))
    return p50, p95, p99


def _value_us(histograms: Sequence[Ranks], weight: float) -> float:
    low = min(histogram.indices[0] for histogram in histograms)
    high = max(histogram.indices[-1] for histogram in histograms)
    while low < high:
        middle = (low + high) // 2
        if sum(histogram.up_to(middle) for histogram in histograms) >= weight:
            high = middle
        else:
            low = middle + 1
    return bucket_mid_us(low)
