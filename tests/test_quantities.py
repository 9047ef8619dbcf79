from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.errors import UsageError
from stressdash.quantities import parse_count, parse_duration


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("15s", 15),
            ("1m30s", 90),
            ("500ms", 0.5),
            ("2h", 7200),
            ("8", 8),
            ("0.5s", 0.5),
            ("250us", 0.00025),
        ],
    )
    def test_are_written_as_people_write_them(self, text: str, seconds: float) -> None:
        assert parse_duration(text) == pytest.approx(seconds)

    @pytest.mark.parametrize("text", ["", "s", "3x", "-1s", "1s2", "1 s", "nan", "inf", "1e3s"])
    def test_that_are_none_are_named_with_an_example(self, text: str) -> None:
        with pytest.raises(UsageError, match="is not a duration; write for instance"):
            parse_duration(text)

    @given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
    def test_add_up_from_their_parts(self, hours: int, minutes: int, seconds: int) -> None:
        assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


class TestCounts:
    @pytest.mark.parametrize(
        ("text", "number"), [("400", 400), ("10k", 10_000), ("2M", 2_000_000), ("1,000", 1000)]
    )
    def test_may_carry_a_multiple(self, text: str, number: int) -> None:
        assert parse_count(text) == number

    @pytest.mark.parametrize("text", ["", "ten", "1.5", "-3", "3K", "0x10"])
    def test_that_are_none_are_named_with_an_example(self, text: str) -> None:
        with pytest.raises(UsageError, match="is not a whole number"):
            parse_count(text)
