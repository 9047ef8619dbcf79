"""The t and F distributions agree with published tables."""

from __future__ import annotations

import pytest

from stressdash.metrics.student import f_sf, t_cdf, t_quantile


@pytest.mark.parametrize(
    ("p", "freedom", "quantile"),
    [
        (0.975, 1, 12.706205),
        (0.975, 2, 4.302653),
        (0.975, 9, 2.262157),
        (0.995, 30, 2.749996),
        (0.9, 5, 1.475884),
        (0.975, 1e6, 1.959966),
    ],
)
def test_quantiles_are_those_of_the_tables(p: float, freedom: float, quantile: float) -> None:
    assert t_quantile(p, freedom) == pytest.approx(quantile, abs=2e-6)
    assert t_quantile(1 - p, freedom) == pytest.approx(-quantile, abs=2e-6)
    assert t_cdf(quantile, freedom) == pytest.approx(p, abs=1e-6)


@pytest.mark.parametrize(
    ("f", "above", "below", "p"), [(4.9646, 1, 10, 0.05), (3.3258, 5, 10, 0.05), (10.967, 2, 5, 0.0149)]
)
def test_tails_of_f_are_those_of_the_tables(f: float, above: float, below: float, p: float) -> None:
    assert f_sf(f, above, below) == pytest.approx(p, abs=1e-4)


def test_extremes_are_certain() -> None:
    assert (f_sf(0, 2, 5), t_cdf(0, 3)) == (1.0, 0.5)
