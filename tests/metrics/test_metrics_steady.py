"""Steady state: found where it begins, and denied where there is none."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stressdash.metrics.steady import SHORTEST, steadiness


def correlated(count: int, phi: float, noise: float, seed: int) -> list[float]:
    """An autocorrelated series around 1000, of first order, with innovations of `noise` of that."""
    draw = Random(seed)
    values, state = [], 0.0
    for _ in range(count):
        state = phi * state + draw.gauss(0, 1)
        values.append(max(0.0, 1000 * (1 + noise * state)))
    return values


def share_denied(series: list[list[float]]) -> float:
    return sum(steadiness(values).start is None for values in series) / len(series)


class TestSteadySeries:
    @pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
    @pytest.mark.parametrize("count", [60, 200, 600])
    def test_are_called_steady_although_values_depend_on_their_neighbours(
        self, phi: float, count: int
    ) -> None:
        series = [correlated(count, phi, 0.02, seed) for seed in range(60)]
        assert share_denied(series) <= 0.1

    def test_a_constant_is_steady_from_the_start(self) -> None:
        assert steadiness([7.0] * SHORTEST).start == 0

    @pytest.mark.parametrize("phi", [0.0, 0.5])
    def test_a_warm_up_is_cut_off_and_not_much_more(self, phi: float) -> None:
        starts = []
        for seed in range(40):
            warm = [1 - 0.6 * math.exp(-at / 20) for at in range(300)]
            values = [
                value * part for value, part in zip(correlated(300, phi, 0.02, seed), warm, strict=True)
            ]
            starts.append(steadiness(values).start)
        found = sorted(start for start in starts if start is not None)
        assert len(found) >= 36
        assert 30 <= found[len(found) // 2] <= 100

    def test_a_step_at_the_beginning_is_cut_off_whole(self) -> None:
        values = [400.0] * 40 + correlated(160, 0.5, 0.02, 1)
        start = steadiness(values).start
        assert start is not None
        assert 40 <= start <= 60


class TestUnsteadySeries:
    @pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
    def test_a_trend_over_the_whole_run_is_never_steady(self, phi: float) -> None:
        series = [
            [value * (0.5 + at / 200) for at, value in enumerate(correlated(200, phi, 0.02, seed))]
            for seed in range(40)
        ]
        assert share_denied(series) == 1.0

    def test_a_late_change_of_level_is_never_steady(self) -> None:
        values = correlated(200, 0.5, 0.02, 3)
        answer = steadiness([value * (1.0 if at < 150 else 0.7) for at, value in enumerate(values)])
        assert answer.start is None
        assert "drifted" in answer.reason

    def test_a_short_series_says_nothing(self) -> None:
        answer = steadiness([1.0] * (SHORTEST - 1))
        assert answer.start is None
        assert "too short" in answer.reason


class TestAnySeries:
    @settings(max_examples=60)
    @given(st.lists(st.floats(0, 1e9), max_size=200))
    def test_has_an_answer_within_its_first_half_or_a_reason(self, values: list[float]) -> None:
        answer = steadiness(values)
        assert (answer.start is None) == bool(answer.reason)
        assert answer.start is None or 0 <= answer.start <= len(values) // 2

    @settings(max_examples=40)
    @given(
        st.lists(st.integers(1, 1000), min_size=SHORTEST, max_size=200), st.sampled_from([0.25, 4.0, 1024.0])
    )
    def test_has_the_same_answer_in_another_unit(self, values: list[int], factor: float) -> None:
        plain = [float(value) for value in values]
        assert steadiness(plain).start == steadiness([factor * value for value in plain]).start
