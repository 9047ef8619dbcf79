"""Percentiles of several histograms at once."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from stressdash.embedded.apm.tally import Ranks, percentiles_us
from stressdash.hdr import bucket_index, bucket_mid_us

SECONDS = st.lists(st.lists(st.integers(0, 5_000_000), max_size=60), max_size=6)


class TestPercentiles:
    @given(SECONDS)
    def test_of_several_seconds_are_those_of_all_their_requests(self, seconds: list[list[int]]) -> None:
        ranks = []
        for durations in seconds:
            histogram: dict[int, float] = {}
            for duration_us in durations:
                index = bucket_index(duration_us)
                histogram[index] = histogram.get(index, 0.0) + 1
            ranks.append(Ranks.of(histogram))
        ordered = sorted(duration_us for durations in seconds for duration_us in durations)
        wanted = tuple(
            bucket_mid_us(bucket_index(ordered[math.ceil(share * len(ordered) - 1e-9) - 1]))
            if ordered
            else None
            for share in (0.50, 0.95, 0.99)
        )
        assert percentiles_us(ranks) == wanted

    def test_go_by_weight(self) -> None:
        assert percentiles_us([Ranks.of({100: 1.0}), Ranks.of({200: 30.0, 300: 0.5})]) == (200, 200, 300)
