"""Whether repeats of one setting differ from repeats of another, by how much, and how sure that is.

The run is the unit: requests within a run depend on one another, so a run gives one value per metric, however
many requests it had. Rates and latencies are compared as ratios (by their logarithms), shares as differences.

Test and interval come from relabelling and assume no distribution. Were there no difference, each run could
as well have carried the other label: in pairs, each difference its other sign; in groups, any split of all
runs. The share of relabellings that separate the labels at least as well as the true one is the p-value.
Several metrics are tested at once, so each relabelling counts with the best separation over all metrics not
yet decided (Westfall and Young's step-down max-T), which holds the family-wise error and profits from metrics
that move together. The interval inverts the same test: each relabelling tells the shift at which it would tie
with the truth, and its ends are order statistics of those shifts (Hartigan's typical values).

With few repeats even the best separation is no evidence: five pairs, or three runs against three, cannot
reach 5 %. Then nothing is decided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from random import Random
from statistics import NormalDist, median
from typing import Final

from stressdash.metrics.relabel import Groups, Pairs

__all__ = ["Change", "Comparison", "Judgement", "Metric", "compare", "needed_repeats", "regressed"]

LEVEL: Final = 0.05
POWER: Final = 0.90


class Judgement(StrEnum):
    """What can be said of one metric."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference shown"
    TOO_FEW = "too few repeats"
    UNKNOWN = "not known in every run"
    DETAIL = "shown, not judged"


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that each run has one value of."""

    key: str
    label: str
    unit: str
    higher_is_better: bool
    ratio: bool = True
    """Compared as a ratio; else as a difference."""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric, before and after."""

    metric: Metric
    judgement: Judgement
    before: float | None
    """Median over the runs."""
    after: float | None
    change: float | None = None
    """Relative (0.1 = 10 % more) for a ratio, absolute for a difference."""
    low: float | None = None
    high: float | None = None
    """95 % interval of `change`, for this metric by itself."""
    p: float | None = None
    """Adjusted for all metrics tested at once."""
    detectable: float | None = None
    """The smallest true change that would be found nine times in ten; None when even a huge one might not."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All metrics of two settings."""

    changes: tuple[Change, ...]
    repeats: tuple[int, int]
    paired: bool
    level: float = LEVEL
    """Most that the chance of any false alarm may be."""

    @property
    def enough(self) -> bool:
        """Whether there were enough repeats to decide anything."""
        return not any(change.judgement is Judgement.TOO_FEW for change in self.changes)


def compare(
    before: Sequence[Mapping[str, float | None]],
    after: Sequence[Mapping[str, float | None]],
    metrics: Sequence[Metric],
    *,
    paired: bool,
    random: Random,
    level: float = LEVEL,
    judged: bool = True,
) -> Comparison:
    """Compare repeats of two settings.

    Args:
        before: One mapping of metric keys to values per run.
        after: The same; when `paired`, run i of it was interleaved with run i of `before`.
        metrics: Tested as one family.
        paired: Whether the runs were interleaved.
        random: Draws relabellings where there are too many to try all.
        level: Most that the chance of any false alarm may be; intervals hold with the rest of it.
        judged: Whether to test. Without it there are effects and intervals only, of metrics that explain
            others and should not take power from them.

    Raises:
        ValueError: There are no runs, or pairs of unequal number.
    """
    if not before or not after or (paired and len(before) != len(after)):
        raise ValueError("a comparison needs runs on both sides, and pairs need equally many")
    values = {metric.key: _values(metric, before, after) for metric in metrics}
    known = {key: pair for key, pair in values.items() if pair is not None}
    relabelled: Pairs | Groups
    if paired:
        relabelled = Pairs([[b - a for a, b in zip(*pair, strict=True)] for pair in known.values()], random)
    else:
        relabelled = Groups(list(known.values()), random)
    decided = dict(zip(known, _decide(relabelled, len(known), level), strict=True))
    changes = tuple(_change(metric, before, after, decided.get(metric.key), level) for metric in metrics)
    if not judged:
        changes = tuple(_unjudged(change) for change in changes)
    return Comparison(changes, (len(before), len(after)), paired, level)


def needed_repeats(level: float = LEVEL) -> tuple[int, int]:
    """Pairs, and runs on each of two sides, from which on a difference can be decided at all."""
    pairs = next(number for number in count(1) if 2.0 ** (1 - number) <= level)
    runs = next(number for number in count(1) if 2 / math.comb(2 * number, number) <= level)
    return pairs, runs


def regressed(change: Change, limit: float) -> bool:
    """Whether a metric got worse by more than `limit`, with its whole interval."""
    if change.low is None or change.high is None:
        return False
    return change.high < -limit if change.metric.higher_is_better else change.low > limit


@dataclass(frozen=True, slots=True)
class _Decision:
    """One metric on the scale on which it is compared."""

    effect: float
    low: float | None
    high: float | None
    p: float
    detectable: float | None
    enough: bool


def _values(
    metric: Metric, before: Sequence[Mapping[str, float | None]], after: Sequence[Mapping[str, float | None]]
) -> tuple[list[float], list[float]] | None:
    """Values on the scale of comparison; None when a run lacks one or has none that can be a ratio."""
    sides = []
    for runs in (before, after):
        found = [value for run in runs if (value := run.get(metric.key)) is not None]
        if len(found) < len(runs) or (metric.ratio and min(found) <= 0):
            return None
        sides.append([math.log(value) for value in found] if metric.ratio else found)
    return sides[0], sides[1]


def _decide(relabelled: Pairs | Groups, number: int, level: float) -> list[_Decision]:
    if not number:
        return []
    observed = relabelled.observed()
    p_values, best = _max_t(relabelled, observed)
    enough = relabelled.lowest_p <= level
    critical = sorted(best)[math.ceil((1 - level) * len(best)) - 1]
    decisions = []
    for index in range(number):
        low, high = _ends(relabelled.ties(index), level)
        factor = _detectable(critical, relabelled.freedom) if enough else None
        error = relabelled.standard_error(index)
        decisions.append(
            _Decision(
                effect=relabelled.effect(index),
                low=low,
                high=high,
                p=p_values[index],
                detectable=None if factor is None else factor * error,
                enough=enough,
            )
        )
    return decisions


def _max_t(relabelled: Pairs | Groups, observed: list[float]) -> tuple[list[float], list[float]]:
    """Step-down adjusted p-value of each metric, and each relabelling's best separation over all of them."""
    order = sorted(range(len(observed)), key=lambda index: observed[index])
    counts = [0] * len(observed)
    best = []
    for separations in relabelled.separations():
        highest = 0.0
        for index in order:
            highest = max(highest, separations[index])
            counts[index] += highest >= observed[index] - 1e-12
        best.append(highest)
    p_values = [0.0] * len(observed)
    previous = 0.0
    for index in reversed(order):
        previous = p_values[index] = max(previous, counts[index] / len(best))
    return p_values, best


def _ends(ties: list[float], level: float) -> tuple[float | None, float | None]:
    rank = math.floor(level / 2 * (len(ties) + 1))
    if rank < 1:
        return None, None
    ordered = sorted(ties)
    return ordered[rank - 1], ordered[-rank]


def _detectable(critical: float, freedom: int) -> float | None:
    """Standard errors that a true change must have to be found with the wanted power.

    `critical` is the separation needed, as a share of all variation; it is turned into Student's t, whose
    distribution under a true change is approximated as Johnson and Welch do.
    """
    if critical >= 1 - 1e-9:
        return None
    t = math.sqrt(freedom * critical / (1 - critical))
    return t + NormalDist().inv_cdf(POWER) * math.sqrt(1 + t * t / (2 * freedom))


def _change(
    metric: Metric,
    before: Sequence[Mapping[str, float | None]],
    after: Sequence[Mapping[str, float | None]],
    decision: _Decision | None,
    level: float,
) -> Change:
    medians = [_median(metric.key, runs) for runs in (before, after)]
    if decision is None:
        return Change(metric, Judgement.UNKNOWN, *medians)

    def shown(value: float | None) -> float | None:
        return math.expm1(value) if metric.ratio and value is not None else value

    return Change(
        metric=metric,
        judgement=_judgement(metric, decision, level),
        before=medians[0],
        after=medians[1],
        change=shown(decision.effect),
        low=shown(decision.low),
        high=shown(decision.high),
        p=decision.p if decision.enough else None,
        detectable=shown(decision.detectable),
    )


def _unjudged(change: Change) -> Change:
    if change.judgement is Judgement.UNKNOWN:
        return change
    return replace(change, judgement=Judgement.DETAIL, p=None, detectable=None)


def _judgement(metric: Metric, decision: _Decision, level: float) -> Judgement:
    if not decision.enough:
        return Judgement.TOO_FEW
    if decision.p > level:
        return Judgement.NO_DIFFERENCE
    return Judgement.BETTER if (decision.effect > 0) is metric.higher_is_better else Judgement.WORSE


def _median(key: str, runs: Sequence[Mapping[str, float | None]]) -> float | None:
    found = [value for run in runs if (value := run.get(key)) is not None]
    return median(found) if found else None
