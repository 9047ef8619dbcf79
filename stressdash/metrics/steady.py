"""When a run has become steady: the warm-up's end, or that there was none.

The end of the warm-up is where MSER-5 (White, 1997) truncates: means of five values each, cut where the
standard error of what is left would be smallest. Such a rule always names a place, so its answer is checked,
and 'never reached' is one of the answers (Barrett and others, 2017, found it in half of their benchmarks):

- Of the first half at most is cut off: beyond it too little would be left for the rule to be trusted.
- What is left does not drift: no half of it, and no third against the rest, differs by more than `DRIFT` of
  the mean and by more than `SIGMAS` standard errors at once. The standard errors are those of batch means, so
  values that depend on their neighbours do not pass for many independent ones.

Pure: values in, an answer out; knows no time, only steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Final

__all__ = ["SHORTEST", "Steadiness", "steadiness"]

BATCH: Final = 5
BATCHES_LEAST: Final = 12
SHORTEST: Final = BATCH * BATCHES_LEAST
"""Values without which nothing is said."""
DRIFT: Final = 0.05
SIGMAS: Final = 3.0
NEARLY: Final = 0.2
PARTS_LEAST: Final = 2
"""Batches that a part must have for its mean to be held against another's."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What can be said of a series."""

    start: int | None
    """Index of the first steady value; None when that was never reached, or cannot be told."""
    reason: str = ""
    """Why there is no start."""


def steadiness(values: Sequence[float]) -> Steadiness:
    """From where on a series of evenly spaced values (any unit, none negative) is steady."""
    if len(values) < SHORTEST:
        return Steadiness(None, f"too short to tell: {len(values)} of {SHORTEST} values")
    batches = [fmean(values[at : at + BATCH]) for at in range(0, len(values) - BATCH + 1, BATCH)]
    cut = _truncation(batches)
    if (change := _drift(batches[cut:])) is not None:
        return Steadiness(None, f"drifted by {change:.0%}")
    return Steadiness(cut * BATCH)


def _truncation(batches: Sequence[float]) -> int:
    """Batches that MSER leaves out, at most half of them: beyond, too few are left for it to be trusted.

    Of cuts that are nearly as good the first is taken, as the minimum of a flat course lies anywhere.
    """
    count = len(batches)
    middle = fmean(batches)
    total = squares = 0.0
    errors: dict[int, float] = {}
    for cut in range(count - 1, -1, -1):
        value = batches[cut] - middle  # shifted, so that large values do not swallow their differences
        total += value
        squares += value * value
        left = count - cut
        if cut <= count // 2:
            errors[cut] = max(0.0, squares - total * total / left) / (left * left)
    enough = (1 + NEARLY) * min(errors.values())
    return min(cut for cut, error in errors.items() if error <= enough)


def _drift(batches: Sequence[float]) -> float | None:
    """Largest relative difference between parts of the series that is neither small nor chance."""
    count = len(batches)
    scale = fmean(batches)
    worst: float | None = None
    for at in {count // 3, count // 2, count - count // 3}:
        before, after = batches[:at], batches[at:]
        if min(len(before), len(after)) < PARTS_LEAST or scale <= 0:
            continue
        change = fmean(after) / scale - fmean(before) / scale
        noise = math.sqrt(_error(before) + _error(after)) / scale
        if abs(change) > max(DRIFT, SIGMAS * noise, abs(worst or 0.0)):
            worst = change
    return worst


def _error(batches: Sequence[float]) -> float:
    """Square of the standard error of the mean, from means of pairs where there are enough of them."""
    if len(batches) >= 2 * BATCH:
        batches = [fmean(batches[at : at + 2]) for at in range(0, len(batches) - 1, 2)]
    return variance(batches) / len(batches)
