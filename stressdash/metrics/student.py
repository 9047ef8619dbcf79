"""Student's t distribution: the few functions of it that intervals need, to double precision.

The distribution function is the regularised incomplete beta function, evaluated by Lentz's continued
fraction; the quantile is found by bisection, which needs no luck.
"""

from __future__ import annotations

import math

__all__ = ["f_sf", "t_cdf", "t_quantile"]


def t_cdf(t: float, freedom: float) -> float:
    """Probability that a t variable with `freedom` degrees of freedom is at most `t`."""
    tail = 0.5 * _beta(freedom / 2, 0.5, freedom / (freedom + t * t))
    return 1 - tail if t > 0 else tail


def t_quantile(p: float, freedom: float) -> float:
    """The value that a t variable exceeds with probability 1 - p; p strictly between 0 and 1."""
    if p < 0.5:
        return -t_quantile(1 - p, freedom)
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < p:
        low, high = high, 2 * high
    while high - low > 1e-12 * max(1.0, high):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_cdf(middle, freedom) < p else (low, middle)
    return (low + high) / 2


def f_sf(f: float, above: float, below: float) -> float:
    """Probability that an F variable with `above` and `below` degrees of freedom exceeds `f`."""
    return _beta(below / 2, above / 2, below / (below + above * f))


def _beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return min(1.0, max(0.0, x))
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1), tiny)
    value = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = 1 / _nonzero(1 + term * d, tiny)
            c = _nonzero(1 + term / c, tiny)
            change = c * d
            value *= change
        if abs(change - 1) < 1e-15:
            break
    return value


def _nonzero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny
