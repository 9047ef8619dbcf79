"""Where throughput peaks, and what keeps it from growing further.

The knee is the peak of the Universal Scalability Law (`stressdash.metrics.usl`), which lies at
N = sqrt((1 - sigma) / kappa). Three findings are possible: a peak within what was measured, none there, or
that the law does not fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from statistics import fmean, pvariance
from typing import Final

from stressdash.errors import BadInput
from stressdash.metrics.student import f_sf
from stressdash.metrics.usl import Estimate, Point, UslFit

__all__ = ["DEFINITION", "Estimate", "Finding", "Knee", "Peak", "Point", "find_knee", "parse_points"]

DEFINITION: Final = "the knee is the peak of the Universal Scalability Law, N = sqrt((1 - sigma) / kappa)"

LEVELS: Final = 4
"""Distinct levels of concurrency that three parameters need at least."""
MISFIT: Final = 0.15
"""Typical miss, relative to the mean throughput, from which on the model does not fit."""
MISFIT_SHOWN: Final = 0.05
"""The same where repeats show that noise does not explain it."""
SIGNIFICANCE: Final = 0.01
NEGLIGIBLE: Final = 0.01
"""Loss of throughput at the highest concurrency that is none."""


class Finding(StrEnum):
    """What the points say."""

    PEAK = "peak"
    NO_PEAK = "no peak in range"
    NO_FIT = "the model does not fit"


@dataclass(frozen=True, slots=True)
class Peak:
    """Highest point of the fitted curve."""

    concurrency: Estimate
    throughput: Estimate


@dataclass(frozen=True, slots=True)
class Knee:
    """A fit of the law and what it says."""

    finding: Finding
    rate_of_one: Estimate
    """lambda: throughput at concurrency 1."""
    sigma: Estimate
    kappa: Estimate
    peak: Peak | None
    """None when the curve has none, or only beyond the measured range."""
    limit: str
    """What costs more at the highest measured concurrency: `contention`, `coherency` or `none`."""
    misfit: float
    """Typical miss of the curve, relative to the mean throughput."""
    points: tuple[Point, ...]

    def throughput(self, concurrency: float) -> float:
        """The curve."""
        crowd = concurrency - 1
        loss = 1 + self.sigma.value * crowd + self.kappa.value * concurrency * crowd
        return self.rate_of_one.value * concurrency / loss


def parse_points(text: str, name: str) -> tuple[Point, ...]:
    """Points of a CSV text with `concurrency,throughput` lines; a header and # comments may be there.

    Raises:
        BadInput: with `name`, line and what would be right.
    """
    points = []
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    for place, (number, line) in enumerate((n, entry) for n, entry in lines if entry and entry[0] != "#"):
        cells = [cell.strip() for cell in line.split(",")]
        try:
            concurrency, throughput = map(float, cells)
        except ValueError:
            if place == 0 and len(cells) == 2 and not any(map(_is_number, cells)):
                continue
            raise BadInput(f"{name}:{number}: expected 'concurrency,throughput', two numbers") from None
        if not (0 < concurrency < math.inf and 0 <= throughput < math.inf):
            raise BadInput(f"{name}:{number}: concurrency must be above 0 and throughput 0 or more")
        points.append(Point(concurrency, throughput))
    return tuple(points)


def find_knee(points: Iterable[Point]) -> Knee:
    """Fit the law; leave void measurements out before.

    Raises:
        BadInput: There are fewer than four levels of concurrency, or nothing was ever completed.
    """
    points = tuple(sorted(points, key=lambda point: (point.concurrency, point.throughput)))
    levels = len({point.concurrency for point in points})
    if levels < LEVELS:
        raise BadInput(f"a knee needs at least {LEVELS} levels of concurrency, there are {levels}")
    if not any(point.throughput for point in points):
        raise BadInput("throughput is 0 at every level, so there is nothing to fit")
    fit = UslFit(points)
    sigma, kappa, top = fit.sigma(), fit.kappa(), fit.peak()
    peak = Peak(*top) if top and top[0].value <= points[-1].concurrency else None
    finding = Finding.PEAK if peak else Finding.NO_PEAK
    misfit = math.sqrt(fit.squares / len(points)) / fmean(point.throughput for point in points)
    return Knee(
        finding=Finding.NO_FIT if _misses(points, fit.squares, misfit) else finding,
        rate_of_one=fit.rate_of_one(),
        sigma=sigma,
        kappa=kappa,
        peak=peak,
        limit=_limit(sigma.value, kappa.value, points[-1].concurrency),
        misfit=misfit,
        points=points,
    )


def _limit(sigma: float, kappa: float, concurrency: float) -> str:
    """The dearer of the two losses; `none` when both together cost under a hundredth."""
    if (sigma + kappa * concurrency) * (concurrency - 1) < NEGLIGIBLE:
        return "none"
    return "contention" if sigma >= kappa * concurrency else "coherency"


def _misses(points: Sequence[Point], squares: float, misfit: float) -> bool:
    """Whether the curve misses the points by too much.

    Where levels were repeated, noise is known, and a smaller miss will do if noise does not explain it
    (F test of lack of fit).
    """
    if misfit > MISFIT:
        return True
    levels = [
        [point.throughput for point in group] for _, group in groupby(points, key=lambda p: p.concurrency)
    ]
    noise = sum(pvariance(level) * len(level) for level in levels)
    spare, repeats = len(levels) - 3, len(points) - len(levels)
    if repeats <= 0 or spare <= 0 or noise <= 0:
        return False
    lack = max(0.0, squares - noise)
    missed = math.sqrt(lack / len(points)) / fmean(point.throughput for point in points)
    return missed > MISFIT_SHOWN and f_sf(lack / spare / (noise / repeats), spare, repeats) < SIGNIFICANCE


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
