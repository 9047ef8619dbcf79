"""The Universal Scalability Law: its fit to measured points, and the intervals of what it says.

    X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)),    sigma >= 0, kappa >= 0

N is the measured concurrency, sigma the share of work that queues for something shared (contention), kappa
the price of keeping one another up to date (coherency). Written as X = N / (a + b (N - 1) + c N (N - 1)) with
a = 1/lambda, b = sigma a, c = kappa a, the denominator is linear in its parameters, and stays so when sigma,
kappa or the place of the peak is held fixed. So one small solver serves for the fit and for its intervals,
which are profiles: all values at which the best fit is not significantly worse (F test, 95 %). They obey the
constraints and need not be symmetric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from stressdash.metrics.leastsquares import Fit, inverse, solve
from stressdash.metrics.student import t_quantile

__all__ = ["Estimate", "Point", "UslFit"]

PRECISION: Final = 1e-4
"""Relative error allowed for the ends of an interval."""
FAR: Final = 1e6
"""Beyond this multiple of the estimate an interval counts as open."""

Row = tuple[float, ...]
Law = Callable[[float], Row]
"""What the parameters are multiplied with, at a concurrency."""
Matrix = list[list[float]]


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement."""

    concurrency: float
    """Measured, not set; above 0."""
    throughput: float
    """Per second, 0 or more."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval; None where that is open."""

    value: float
    low: float | None
    high: float | None


def _law(n: float) -> Row:
    return (1.0, n - 1, n * (n - 1))


def _law_with_sigma(sigma: float) -> Law:
    return lambda n: (1 + sigma * (n - 1), n * (n - 1))


def _law_with_kappa(kappa: float) -> Law:
    return lambda n: (1 + kappa * n * (n - 1), n - 1)


def _law_with_peak(at: float) -> Law:
    """Free are a and b, while c = (a - b) / at^2 keeps the peak where it shall be."""
    return lambda n: (1 + n * (n - 1) / at**2, (n - 1) * (1 - n / at**2))


class UslFit:
    """The law fitted to points, at least four of them, and intervals for what it says.

    Intervals use the F test: everything is allowed with which the best fit is not significantly worse.
    Throughput often scatters more where it is higher; the test is therefore widened, for each quantity, by
    how much larger its standard error is with the residuals' own sizes (HC3) instead of one for all.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self._xs = [point.concurrency for point in points]
        self._ys = [point.throughput for point in points]
        best = self._best(_law)
        self._parameters = best.parameters
        self.squares = best.squares
        """Sum of squared residuals."""
        freedom = len(points) - 3
        # Points that the curve meets exactly leave rounding errors; an interval must survive those.
        self._noise = max(best.squares, 1e-18 * sum(y * y for y in self._ys)) / freedom
        self._quantile = t_quantile(0.975, freedom)
        self._plain, self._robust = _covariances(self._xs, self._ys, best)

    def rate_of_one(self) -> Estimate:
        """lambda: throughput at concurrency 1."""
        a = self._parameters[0]
        limit = self._limit((-1 / a**2, 0.0, 0.0))
        rows = [_law(x)[1:] for x in self._xs]

        def allowed(rate: float) -> bool:
            return solve(self._xs, self._ys, rows, offset=1 / rate).squares <= limit

        return _range(allowed, 1 / a, 1 / a / FAR)

    def sigma(self) -> Estimate:
        """Contention."""
        a, b, _ = self._parameters
        return self._interval(b / a, (-b / a**2, 1 / a, 0.0), _law_with_sigma, 0.0)

    def kappa(self) -> Estimate:
        """Coherency."""
        a, _, c = self._parameters
        return self._interval(c / a, (-c / a**2, 0.0, 1 / a), _law_with_kappa, 0.0)

    def peak(self) -> tuple[Estimate, Estimate] | None:
        """Concurrency and throughput at the top of the curve; None when it never falls."""
        a, b, c = self._parameters
        if c <= 0 or b >= a:
            return None
        at = math.sqrt((a - b) / c)
        moved = (at / 2 / (a - b), -at / 2 / (a - b), -at / 2 / c)
        place = self._interval(at, moved, _law_with_peak, min(self._xs) / 2)
        top = at / (a + b * (at - 1) + c * at * (at - 1))
        # Where the curve is level, moving the peak does not change its height to first order.
        slope = tuple(-(top**2) / at * value for value in _law(at))
        spread = self._quantile * math.sqrt(self._noise * _quadratic(self._plain, slope))
        spread *= self._widening(slope)
        return place, Estimate(top, max(0.0, top - spread), top + spread)

    def _best(self, law: Law) -> Fit:
        return solve(self._xs, self._ys, [law(x) for x in self._xs])

    def _interval(self, value: float, slope: Row, law: Callable[[float], Law], lowest: float) -> Estimate:
        """The allowed values of a quantity; `slope` is its derivative by a, b and c, `law` holds it."""
        limit = self._limit(slope)
        return _range(lambda held: self._best(law(held)).squares <= limit, value, lowest)

    def _limit(self, slope: Row) -> float:
        return self.squares + self._noise * (self._quantile * self._widening(slope)) ** 2

    def _widening(self, slope: Row) -> float:
        plain = self._noise * _quadratic(self._plain, slope)
        return max(1.0, math.sqrt(_quadratic(self._robust, slope) / plain)) if plain > 0 else 1.0


def _covariances(xs: Sequence[float], ys: Sequence[float], fit: Fit) -> tuple[Matrix, Matrix]:
    """Covariance of a, b and c for residuals of variance 1, and for those that are there (HC3)."""
    slopes, residuals = [], []
    for x, y in zip(xs, ys, strict=True):
        row = _law(x)
        below = sum(map(float.__mul__, fit.parameters, row))
        slopes.append(tuple(-x / below / below * value for value in row))
        residuals.append(y - x / below)
    plain = inverse([[sum(s[i] * s[j] for s in slopes) for j in range(3)] for i in range(3)])
    leverages = [min(0.99, _quadratic(plain, slope)) for slope in slopes]
    weights = [(r / (1 - h)) ** 2 for r, h in zip(residuals, leverages, strict=True)]
    # Each point moves the parameters by `plain` times its slope times its residual.
    moves = [tuple(sum(map(float.__mul__, line, slope)) for line in plain) for slope in slopes]
    robust = [
        [sum(w * m[i] * m[j] for w, m in zip(weights, moves, strict=True)) for j in range(3)]
        for i in range(3)
    ]
    return plain, robust


def _quadratic(matrix: Matrix, vector: Row) -> float:
    return sum(a * matrix[i][j] * b for i, a in enumerate(vector) for j, b in enumerate(vector))


def _range(allowed: Callable[[float], bool], value: float, lowest: float) -> Estimate:
    """The interval around an allowed value; open above where values are still allowed far out."""
    low = lowest if value <= lowest or allowed(lowest) else _edge(allowed, value, lowest)
    step = max(value / 4, 1e-6)
    while allowed(value + step):
        step *= 4
        if step > FAR * max(value, 1e-3):
            return Estimate(value, low, None)
    return Estimate(value, low, _edge(allowed, value, value + step))


def _edge(allowed: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where values stop being allowed, between one that is and one that is not."""
    while abs(outside - inside) > PRECISION * max(inside, outside):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if allowed(middle) else (inside, middle)
    return inside
