from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.charts.units import clock, duration, grouped, percent, quantity, si, size


class TestUnknown:
    @pytest.mark.parametrize("write", [si, grouped, percent, duration, size])
    @pytest.mark.parametrize("value", [None, math.nan, math.inf])
    def test_what_is_not_known_is_a_dash(self, write: object, value: float | None) -> None:
        assert write(value) == "–"  # type: ignore[operator]


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "text"),
        [(0, "0"), (0.25, "0.25"), (7, "7"), (412, "412"), (999.6, "1k"), (2_300, "2.3k"), (1.2e6, "1.2M")],
    )
    def test_short_numbers(self, value: float, text: str) -> None:
        assert si(value) == text

    @pytest.mark.parametrize(("value", "text"), [(17_744, "17,744"), (2.5, "2.5"), (12_300_000, "12.3M")])
    def test_counts_in_full_until_too_long(self, value: float, text: str) -> None:
        assert grouped(value) == text

    @pytest.mark.parametrize(
        ("share", "text"), [(0, "0%"), (0.0004, "<0.1%"), (0.517, "51.7%"), (0.9999, ">99.9%"), (1, "100%")]
    )
    def test_shares_never_round_to_a_whole(self, share: float, text: str) -> None:
        assert percent(share) == text

    @pytest.mark.parametrize(
        ("us", "text"),
        [
            (85, "85us"),
            (4_720, "4.72ms"),
            (47_690, "47.7ms"),
            (164_000, "164ms"),
            (999_600, "1.00s"),
            (1_210_000, "1.21s"),
            (125e6, "2m05s"),
            (3_720e6, "1h02m"),
        ],
    )
    def test_durations(self, us: float, text: str) -> None:
        assert duration(us) == text

    @pytest.mark.parametrize(("count", "text"), [(512, "512B"), (1536, "1.50KiB"), (92_274_688, "88.0MiB")])
    def test_sizes(self, count: int, text: str) -> None:
        assert size(count) == text

    @pytest.mark.parametrize(("seconds", "text"), [(7, "00:07"), (3_723, "1:02:03"), (None, "∞")])
    def test_clocks(self, seconds: float | None, text: str) -> None:
        assert clock(seconds) == text

    @pytest.mark.parametrize(
        ("unit", "text"), [("us", "1.00ms"), ("share", "100000%"), ("bytes", "0.98KiB"), ("req/s", "1k")]
    )
    def test_the_unit_decides(self, unit: str, text: str) -> None:
        assert quantity(1000, unit) == text


class TestWidth:
    @given(st.floats(min_value=0, max_value=1e14))
    def test_short_numbers_stay_short(self, value: float) -> None:
        assert len(si(value)) <= 5

    @given(st.floats(min_value=0, max_value=3.6e9))
    def test_durations_stay_short(self, us: float) -> None:
        assert len(duration(us)) <= 6
