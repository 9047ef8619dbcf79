from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stressdash.charts.scale import Scale, nice_step

VALUES = st.lists(st.floats(min_value=0, max_value=1e12), min_size=1, max_size=20)


class TestRange:
    @given(VALUES, st.booleans())
    def test_it_holds_every_value(self, values: list[float], log: bool) -> None:
        scale = Scale.over(values, log=log)
        held = [value for value in values if value >= 1e-9] if log else values
        assert all(scale.low <= value * 1.000001 and value <= scale.high * 1.000001 for value in held)

    def test_linear_begins_at_zero(self) -> None:
        assert Scale.over([900, 2_293], ticks=3) == Scale(0, 3_000)

    def test_logarithmic_ends_at_round_values(self) -> None:
        assert Scale.over([164_000, 1_210_000], log=True) == Scale(100_000, 2_000_000, log=True)

    def test_nothing_known_is_a_range_all_the_same(self) -> None:
        assert Scale.over([]) == Scale(0, 1)
        assert Scale.over([0.0], log=True) == Scale(1, 10, log=True)


class TestPlace:
    @given(VALUES, st.booleans(), st.floats(allow_nan=False))
    def test_it_is_never_out_of_bounds(self, values: list[float], log: bool, value: float) -> None:
        assert 0.0 <= Scale.over(values, log=log).place(value) <= 1.0

    @given(VALUES, st.booleans(), st.floats(0, 1e13), st.floats(0, 1e13))
    def test_it_never_falls_while_values_rise(
        self, values: list[float], log: bool, one: float, other: float
    ) -> None:
        scale = Scale.over(values, log=log)
        low, high = sorted((one, other))
        assert scale.place(low) <= scale.place(high)


class TestTicks:
    @given(VALUES, st.booleans(), st.integers(1, 8))
    def test_they_rise_within_the_range(self, values: list[float], log: bool, count: int) -> None:
        scale = Scale.over(values, log=log)
        ticks = scale.ticks(count)
        assert list(ticks) == sorted(set(ticks))
        assert all(scale.low * 0.99999 - 1e-9 <= tick <= scale.high * 1.00001 + 1e-9 for tick in ticks)
        assert len(ticks) <= 5 * count + 6

    def test_steps_are_round(self) -> None:
        assert [nice_step(rough) for rough in (0.9, 1.1, 2.1, 260, 0)] == [1, 2, 2.5, 500, 1]
