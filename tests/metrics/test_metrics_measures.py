"""Measures give figures, and say when a figure is a bound or is not known."""

from __future__ import annotations

import pytest

from stressdash.metrics.histogram import Histogram
from stressdash.metrics.measures import Counter, Known, Rate, Trend


class TestMeasures:
    trend = Trend(Histogram({100: 990, 2_000: 10}), Histogram({2_000: 10}))

    @pytest.mark.parametrize(
        ("aggregation", "q", "value", "at_least"),
        [
            ("p", 0.99, 100, False),
            ("p", 1.0, 2_000, True),
            ("med", None, 100, False),
            ("min", None, 100, False),
            ("max", None, 2_000, True),
            ("count", None, 1_000, False),
            ("avg", None, 119, True),
        ],
    )
    def test_of_durations(self, aggregation: str, q: float | None, value: float, at_least: bool) -> None:
        found = self.trend.read(aggregation, q)
        assert (found.value, found.at_least) == (pytest.approx(value), at_least)

    def test_a_percentile_says_how_many_samples_it_takes(self) -> None:
        found = self.trend.read("p", 0.999)
        assert (found.value, found.why) == (None, "it takes 10,000 samples, there were 1,000")

    def test_of_nothing_are_unknown(self) -> None:
        empty = Trend(Histogram(), Histogram())
        assert empty.read("avg", None).value is None
        assert empty.read("count", None).value == 0
        assert Rate(0, 0).read("rate", None).value is None
        assert Counter(0, 0).read("rate", None).value is None

    def test_of_another_system_are_what_it_told(self) -> None:
        known = Known(150.0, {0.5: 140.0, 0.99: None})
        assert known.read("med", None).value == 140
        assert known.read("p", 0.9).why == "APM tells only avg, p(50), p(99), if anything"
