"""Counts of durations in the HdrHistogram layout: the mutable owner that windows are folded into.

A percentile answers with the highest value of its bucket, so it never flatters and is at most 1/1024 too
high. It is unknown while fewer than ten samples lie beyond it: the p99 of 200 requests is the luck of two.
Knows nothing of time, transport or what the durations are of.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from functools import cache
from itertools import accumulate
from types import MappingProxyType
from typing import Final

from stressdash.hdr import bucket_high_us, bucket_low_us, bucket_mid_us
from stressdash.samples import Counts

__all__ = ["BEYOND", "Histogram", "add", "sum_us"]

NONE: Final[Counts] = MappingProxyType({})
BEYOND: Final = 10
"""Samples that must lie beyond a percentile for it to be known: total >= BEYOND / (1 - q)."""


middle_us = cache(bucket_mid_us)


def sum_us(counts: Counts) -> float:
    """Sum of all durations, each taken as the middle of its bucket, in microseconds."""
    return sum(middle_us(index) * number for index, number in counts.items())


def add(a: Counts, b: Counts) -> Counts:
    """All counts of both."""
    if not a or not b:
        return a or b
    merged = dict(a)
    for key, number in b.items():
        merged[key] = merged.get(key, 0) + number
    return merged


class Histogram:
    """Durations in microseconds, as sparse bucket counts; merges by addition."""

    __slots__ = ("_counts", "_ranks", "_total")

    def __init__(self, counts: Counts | None = None) -> None:
        self._counts: dict[int, int] = {}
        self._total = 0
        self._ranks: tuple[list[int], list[int]] | None = None
        """What percentiles are found by; None after a change, as several are asked for between two."""
        if counts:
            self.add(counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Histogram({self._counts!r})"

    def add(self, counts: Counts) -> None:
        """Add bucket counts as a window carries them."""
        self._ranks = None
        mine = self._counts
        for index, number in counts.items():
            if number:
                mine[index] = mine.get(index, 0) + number
                self._total += number

    def merge(self, other: Histogram) -> None:
        """Add everything that another histogram holds."""
        self.add(other._counts)

    def without(self, part: Histogram) -> Histogram:
        """What is left when a part of this histogram is taken out."""
        rest = {index: number - part._counts.get(index, 0) for index, number in self._counts.items()}
        return Histogram({index: number for index, number in rest.items() if number > 0})

    @property
    def counts(self) -> Mapping[int, int]:
        """Read-only view of the counts by bucket index."""
        return MappingProxyType(self._counts)

    @property
    def total(self) -> int:
        """Number of durations."""
        return self._total

    @property
    def sum_us(self) -> float:
        """Sum of all durations, each taken as the middle of its bucket."""
        return sum_us(self._counts)

    @property
    def mean(self) -> float | None:
        """Arithmetic mean in microseconds; None when empty."""
        return self.sum_us / self._total if self._total else None

    @property
    def stdev(self) -> float | None:
        """Standard deviation of the durations themselves, in microseconds; None when empty."""
        mean = self.mean
        if mean is None:
            return None
        squares = sum((middle_us(index) - mean) ** 2 * number for index, number in self._counts.items())
        return math.sqrt(squares / self._total)

    @property
    def maximum(self) -> int | None:
        """Highest value of the highest bucket, in microseconds; None when empty."""
        return bucket_high_us(max(self._counts)) if self._counts else None

    @property
    def minimum(self) -> int | None:
        """Lowest value of the lowest bucket, in microseconds; None when empty."""
        return bucket_low_us(min(self._counts)) if self._counts else None

    def above(self, limit_us: float) -> int:
        """How many samples lie above a limit for certain: in buckets that lie there whole."""
        return sum(number for index, number in self._counts.items() if bucket_low_us(index) > limit_us)

    def knows(self, q: float) -> bool:
        """Whether enough samples lie beyond quantile `q` (0 to 1) for it to be told."""
        return self._total * (1 - q) >= BEYOND - 1e-6

    def percentile(self, q: float) -> int | None:
        """Quantile `q` (0 to 1) in microseconds; None while it is not known."""
        return self.percentile_unchecked(q) if self.knows(q) else None

    def percentile_unchecked(self, q: float) -> int | None:
        """Quantile `q` in microseconds however few samples there are; None only when empty."""
        index = self._bucket_of(q)
        return None if index is None else bucket_high_us(index)

    def reaches_bound(self, q: float, bounds: Histogram) -> bool:
        """Whether quantile `q` lies in or above a bucket that holds lower bounds: then it reads as >=.

        `bounds` is the part of this histogram whose true durations are longer than what was recorded, such as
        the abort times of timeouts.
        """
        index = self._bucket_of(q)
        return index is not None and bool(bounds._counts) and index >= min(bounds._counts)

    def percentile_at_most(self, q: float, bounds: Histogram) -> int | None:
        """What quantile `q` is at most, had all of `bounds` taken for ever; None when so would it."""
        index = self._bucket_of(q, bounds.counts)
        return None if index is None else bucket_high_us(index)

    def _bucket_of(self, q: float, endless: Counts = NONE) -> int | None:
        """Bucket that quantile `q` lies in, when those in `endless` stand behind all others."""
        # Stepping down one float keeps 0.9 * 10 from becoming rank 10 by rounding.
        rank = max(1, math.ceil(math.nextafter(q * self._total, 0)))
        if endless:
            running = _running({index: n - endless.get(index, 0) for index, n in self._counts.items()})
        elif self._ranks is None:
            running = self._ranks = _running(self._counts)
        else:
            running = self._ranks
        indices, upto = running
        place = bisect_left(upto, rank)
        return indices[place] if place < len(indices) else None


def _running(counts: Counts) -> tuple[list[int], list[int]]:
    """Buckets in rising order, and for each how many samples lie in it and below."""
    indices = sorted(counts)
    return indices, list(accumulate(counts[index] for index in indices))
