"""Relabellings of runs: what a comparison would have shown, had labels been dealt otherwise.

Two designs with one interface. A separation is the share of all variation that the labels explain, 0 to 1, a
monotone function of Student's t; the true labels are one of the relabellings. All of them are tried where
they are few, else `DRAWN` are drawn, the true one always among them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from random import Random
from statistics import fmean, stdev, variance
from typing import Final

__all__ = ["Groups", "Pairs"]

DRAWN: Final = 2_048
"""Relabellings tried at most."""


class Pairs:
    """Differences within pairs, one list of them per metric; a relabelling flips signs."""

    def __init__(self, metrics: Sequence[Sequence[float]], random: Random) -> None:
        self._metrics = metrics
        self._number = len(metrics[0]) if metrics else 0
        self._squares = [sum(value * value for value in values) for values in metrics]
        self._signs = self._deal(random)

    def _deal(self, random: Random) -> list[tuple[float, ...]]:
        # The first sign stays: turning all signs round separates equally well.
        free = max(0, self._number - 1)
        if 2**free <= DRAWN:
            return [(1.0, *signs) for signs in product((1.0, -1.0), repeat=free)]
        drawn = [(1.0, *(random.choice((1.0, -1.0)) for _ in range(free))) for _ in range(DRAWN - 1)]
        return [(1.0,) * self._number, *drawn]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the standard error."""
        return self._number - 1

    @property
    def lowest_p(self) -> float:
        """The p-value of the clearest possible difference."""
        return 1 / len(self._signs)

    def observed(self) -> list[float]:
        """Separation by the true labels, per metric."""
        return self._separations(self._signs[0])

    def separations(self) -> Iterator[list[float]]:
        """Separation per metric, for each relabelling."""
        for signs in self._signs:
            yield self._separations(signs)

    def _separations(self, signs: tuple[float, ...]) -> list[float]:
        return [
            sum(map(float.__mul__, values, signs)) ** 2 / (self._number * squares) if squares else 0.0
            for values, squares in zip(self._metrics, self._squares, strict=True)
        ]

    def effect(self, index: int) -> float:
        """Mean difference."""
        return fmean(self._metrics[index])

    def standard_error(self, index: int) -> float:
        """Of the mean difference."""
        return stdev(self._metrics[index]) / math.sqrt(self._number) if self._number > 1 else math.inf

    def ties(self, index: int) -> list[float]:
        """Shifts at which a relabelling would tie with the truth: the means of the flipped differences."""
        values = self._metrics[index]
        total = sum(values)
        found = []
        for signs in self._signs:
            flipped = [value for value, sign in zip(values, signs, strict=True) if sign < 0]
            if flipped:
                found.append(fmean(flipped))
            found.append((total - sum(flipped)) / (self._number - len(flipped)))
        return found


class Groups:
    """Two groups of runs, (before, after) per metric; a relabelling deals all runs anew."""

    def __init__(self, metrics: Sequence[tuple[Sequence[float], Sequence[float]]], random: Random) -> None:
        self._before = len(metrics[0][0]) if metrics else 0
        self._after = len(metrics[0][1]) if metrics else 0
        self._metrics = metrics
        self._pooled = [[*before, *after] for before, after in metrics]
        self._totals = [sum(pooled) for pooled in self._pooled]
        self._squares = [_variation(pooled) for pooled in self._pooled]
        self._dealt = self._deal(random)

    def _deal(self, random: Random) -> list[tuple[int, ...]]:
        """Which runs are called `after`; the true ones first."""
        number = self._before + self._after
        truth = tuple(range(self._before, number))
        if math.comb(number, self._after) <= DRAWN:
            return [truth, *(dealt for dealt in combinations(range(number), self._after) if dealt != truth)]
        return [truth, *(tuple(random.sample(range(number), self._after)) for _ in range(DRAWN - 1))]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the standard error."""
        return self._before + self._after - 2

    @property
    def lowest_p(self) -> float:
        """The p-value of the clearest possible difference; with equal groups its mirror image ties."""
        return (2 if self._before == self._after else 1) / len(self._dealt)

    def observed(self) -> list[float]:
        """Separation by the true labels, per metric."""
        return self._separations(self._dealt[0])

    def separations(self) -> Iterator[list[float]]:
        """Separation per metric, for each relabelling."""
        for dealt in self._dealt:
            yield self._separations(dealt)

    def _separations(self, dealt: tuple[int, ...]) -> list[float]:
        number = self._before + self._after
        found = []
        for pooled, total, squares in zip(self._pooled, self._totals, self._squares, strict=True):
            excess = sum(map(pooled.__getitem__, dealt)) - self._after * total / number
            explained = excess * excess * number / (self._before * self._after)
            found.append(explained / squares if squares else 0.0)
        return found

    def effect(self, index: int) -> float:
        """Difference of the means."""
        before, after = self._metrics[index]
        return fmean(after) - fmean(before)

    def standard_error(self, index: int) -> float:
        """Of the difference of the means, with a common variance."""
        if self.freedom < 1:
            return math.inf
        within = sum(variance(side) * (len(side) - 1) for side in self._metrics[index] if len(side) > 1)
        return math.sqrt(within / self.freedom * (1 / self._before + 1 / self._after))

    def ties(self, index: int) -> list[float]:
        """Shifts of `after` at which a relabelling would tie with the truth."""
        pooled = self._pooled[index]
        total, effect = sum(pooled), self.effect(index)
        found = []
        for dealt in self._dealt[1:]:
            strangers = sum(run < self._before for run in dealt)
            if strangers:
                called = sum(map(pooled.__getitem__, dealt))
                difference = called / self._after - (total - called) / self._before
                found.append((effect - difference) / (strangers / self._after + strangers / self._before))
        return found


def _variation(values: Sequence[float]) -> float:
    """Sum of squares around the mean; what rounding leaves of equal values is none."""
    middle = fmean(values)
    squares = sum((value - middle) ** 2 for value in values)
    return squares if squares > 1e-24 * middle * middle else 0.0
