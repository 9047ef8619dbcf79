"""Untrusted text is made visible, and figures keep their promises at every size."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.samples import ClockOffset
from stressdash.text import (
    DASH,
    byte_size,
    clock,
    clock_words,
    count,
    duration_us,
    escape,
    percent,
    plain_url,
    rate,
    short,
)


class TestEscape:
    @pytest.mark.parametrize(
        ("raw", "shown"),
        [
            ("plain text", "plain text"),
            ("two\nlines\ttab\rreturn", "two\\nlines\\ttab\\rreturn"),
            ("\x1b[31mred", "\\x1b[31mred"),
            ("c1 \x9b31m", "c1 \\x9b31m"),
            ("nul\x00del\x7f", "nul\\x00del\\x7f"),
            ("\u202egnp.exe", "\\u202egnp.exe"),
            ("zero\u200bwidth", "zero\\u200bwidth"),
            ("filler\u3164", "filler\\u3164"),
            ("tag\U000e0041", "tag\\U000e0041"),
            ("half \ud800", "half \\ud800"),
            ("日本 é", "日本 é"),
            ("e\u0301 is a letter", "e\u0301 is a letter"),
            ("z\u0301\u0301\u0301\u0301", "z\\u0301\\u0301\\u0301\\u0301"),
            ("C:\\new", "C:\\new"),
        ],
    )
    def test_makes_what_hides_or_acts_visible(self, raw: str, shown: str) -> None:
        assert escape(raw) == shown

    def test_reads_bytes_as_utf8_and_shows_the_invalid_ones(self) -> None:
        assert escape("é".encode() + b"\xff") == "é\\xff"

    @given(st.text())
    def test_leaves_nothing_that_a_terminal_could_obey(self, raw: str) -> None:
        assert not [
            char for char in escape(raw) if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        ]

    @given(st.text() | st.binary(), st.integers(0, 12))
    def test_never_exceeds_its_limit(self, raw: str | bytes, limit: int) -> None:
        shown = escape(raw, limit)
        assert len(shown) <= limit
        whole = escape(raw)
        assert shown == whole if len(whole) <= limit else shown.endswith("\u2026") or limit == 0

    @given(st.text(), st.integers(1, 12))
    def test_cuts_between_characters_and_not_within_an_escape(self, raw: str, limit: int) -> None:
        shown = escape(raw, limit)
        starts = {escape(raw[:end]) for end in range(len(raw) + 1)}
        assert shown in starts or shown[:-1] in starts


class TestFigures:
    @pytest.mark.parametrize("write", [count, rate, duration_us, clock, byte_size, percent, short])
    def test_what_is_unknown_is_a_dash(self, write: Callable[[float | None], str]) -> None:
        assert write(None) == DASH

    @pytest.mark.parametrize(
        ("microseconds", "shown"),
        [
            (0, "0us"),
            (812, "812us"),
            (999.6, "1.00ms"),
            (47_690, "47.7ms"),
            (164_000, "164ms"),
            (999_600, "1.00s"),
            (1_210_000, "1.21s"),
            (59_960_000, "1m00s"),
            (3_605_000_000, "1h00m"),
        ],
    )
    def test_durations_keep_three_digits_and_a_unit(self, microseconds: float, shown: str) -> None:
        assert duration_us(microseconds) == shown

    @pytest.mark.parametrize(
        ("seconds", "shown"), [(0.5, "0.50s"), (15, "15s"), (59.7, "1m00s"), (125, "2m05s"), (3600, "1h00m")]
    )
    def test_clocks_count_in_the_units_people_use(self, seconds: float, shown: str) -> None:
        assert clock(seconds) == shown

    @pytest.mark.parametrize(
        ("offset", "shown"),
        [
            (None, "the service's clock is not known"),
            (ClockOffset(-300, 700), "the service's clock agrees with ours within 1.00ms"),
            (
                ClockOffset(7_300_000, 4_000, 7_300_000),
                "the service's clock is 7.30s ahead of ours, within 4.00ms: corrected",
            ),
            (
                ClockOffset(-90_000, 400, -90_000),
                "the service's clock is 90.0ms behind ours, within 400us: corrected",
            ),
        ],
    )
    def test_clocks_of_two_machines_are_compared(self, offset: ClockOffset | None, shown: str) -> None:
        assert clock_words(offset) == shown

    @pytest.mark.parametrize(
        ("share", "shown"),
        [(0, "0%"), (0.00001, "<0.1%"), (0.517, "51.7%"), (0.99999, ">99.9%"), (1, "100%")],
    )
    def test_shares_never_round_to_none_or_all(self, share: float, shown: str) -> None:
        assert percent(share) == shown

    @pytest.mark.parametrize(
        ("number", "shown"),
        [
            (0, "0"),
            (0.5, "0.5"),
            (398, "398"),
            (999.7, "1.0k"),
            (2293, "2.3k"),
            (9960, "10k"),
            (1.2e6, "1.2M"),
            (2e12, "2,000G"),
            (-1500, "-1.5k"),
        ],
    )
    def test_short_numbers_fit_an_axis(self, number: float, shown: str) -> None:
        assert short(number) == shown

    @pytest.mark.parametrize(("number", "shown"), [(312, "312B"), (1_234_567, "1.18MiB"), (5e15, "4,547TiB")])
    def test_sizes_count_in_powers_of_two(self, number: float, shown: str) -> None:
        assert byte_size(number) == shown

    def test_rates_keep_decimals_only_where_they_matter(self) -> None:
        assert [rate(value) for value in (0, 0.52, 47.26, 2293.4)] == ["0", "0.52", "47.3", "2,293"]
        assert count(17744) == "17,744"


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("http://me:secret@host:80/a?b=c", "http://host:80/a?b=c"),
            ("http://host/?api_key=1&page=2&token=abc#x", "http://host/?api_key=***&page=2&token=***#x"),
            ("http://host/token?tokens", "http://host/token?tokens"),
        ],
    )
    def test_are_shown_without_secrets(self, url: str, shown: str) -> None:
        assert plain_url(url) == shown
