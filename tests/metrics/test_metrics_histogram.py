"""Histograms answer like the sorted samples would, and admit what they cannot know."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from window_factory import counts

from stressdash.hdr import HIGHEST_US
from stressdash.metrics.histogram import Histogram

samples = st.lists(st.integers(0, HIGHEST_US), min_size=1, max_size=300)
BUCKET_ERROR = 1 / 1024


class TestPercentile:
    @given(samples, st.floats(0, 1))
    def test_is_the_ranked_sample_rounded_up_within_one_bucket(self, values: list[int], q: float) -> None:
        rank = max(1, math.ceil(math.nextafter(q * len(values), 0)))
        exact = sorted(values)[rank - 1]
        found = Histogram(counts(values)).percentile_unchecked(q)
        assert found is not None
        assert exact <= found <= max(exact + 1, exact * (1 + BUCKET_ERROR))

    @pytest.mark.parametrize(
        ("q", "enough"), [(0.5, 20), (0.75, 40), (0.9, 100), (0.99, 1_000), (0.999, 10_000)]
    )
    def test_is_unknown_with_fewer_than_ten_samples_beyond_it(self, q: float, enough: int) -> None:
        assert Histogram({7: enough - 1}).percentile(q) is None
        assert Histogram({7: enough}).percentile(q) == 7

    def test_is_that_of_what_has_been_added_since(self) -> None:
        histogram = Histogram({5: 1})
        assert histogram.percentile_unchecked(0.5) == 5
        histogram.add({9: 3})
        assert histogram.percentile_unchecked(0.5) == 9

    def test_of_nothing_is_unknown(self) -> None:
        assert Histogram().percentile_unchecked(0.5) is None

    def test_takes_the_lower_of_two_halves_at_the_median(self) -> None:
        assert Histogram({1: 50, 9: 50}).percentile(0.5) == 1

    def test_of_everything_is_the_maximum_and_never_known(self) -> None:
        histogram = Histogram({1: 50, 9: 50})
        assert (histogram.percentile_unchecked(1), histogram.percentile(1)) == (9, None)


class TestBounds:
    def test_percentiles_at_or_above_the_lowest_bound_are_lower_bounds(self) -> None:
        histogram, bounds = Histogram({100: 95, 2000: 5}), Histogram({2000: 1})
        assert not histogram.reaches_bound(0.95, bounds)
        assert histogram.reaches_bound(0.96, bounds)

    def test_what_stands_for_something_endless_shifts_percentiles_by_its_share_at_most(self) -> None:
        histogram, bounds = Histogram({100: 90, 200: 8, 2000: 2}), Histogram({100: 3})
        assert histogram.percentile_at_most(0.87, bounds) == histogram.percentile_unchecked(0.87)
        assert histogram.percentile_at_most(0.88, bounds) == histogram.percentile_unchecked(0.91)
        assert histogram.percentile_at_most(0.98, bounds) is None

    def test_without_bounds_nothing_is_one(self) -> None:
        assert not Histogram({100: 5}).reaches_bound(1, Histogram())


class TestMoments:
    @given(samples)
    def test_mean_and_deviation_are_those_of_the_samples_within_a_bucket(self, values: list[int]) -> None:
        histogram = Histogram(counts(values))
        mean, stdev = histogram.mean, histogram.stdev
        assert mean == pytest.approx(statistics.fmean(values), rel=BUCKET_ERROR, abs=1)
        assert stdev == pytest.approx(statistics.pstdev(values), rel=0.01, abs=max(values) * BUCKET_ERROR + 1)

    def test_of_nothing_are_unknown(self) -> None:
        empty = Histogram()
        assert (empty.mean, empty.stdev, empty.minimum, empty.maximum) == (None, None, None, None)

    @given(samples)
    def test_extremes_enclose_all_samples(self, values: list[int]) -> None:
        histogram = Histogram(counts(values))
        assert histogram.minimum is not None
        assert histogram.maximum is not None
        assert histogram.minimum <= min(values) <= max(values) <= histogram.maximum


class TestCounts:
    @given(samples, samples)
    def test_merging_is_the_same_as_recording_together(self, a: list[int], b: list[int]) -> None:
        merged = Histogram(counts(a))
        merged.merge(Histogram(counts(b)))
        assert merged == Histogram(counts(a + b))
        assert merged.total == len(a) + len(b)

    def test_what_it_is_made_of_goes_its_own_way(self) -> None:
        given_counts = {5: 1}
        histogram = Histogram(given_counts)
        histogram.add({5: 1})
        assert (given_counts, histogram.counts) == ({5: 1}, {5: 2})

    def test_more_than_an_hour_counts_as_an_hour(self) -> None:
        histogram = Histogram(counts([HIGHEST_US * 3]))
        assert histogram.total == 1
        assert histogram.maximum is not None
        assert histogram.maximum >= HIGHEST_US

    def test_empty_buckets_leave_no_trace(self) -> None:
        assert Histogram({5: 0}) == Histogram()
