"""The time line shows what happened, wherever its cells lie, and does not grow with the run."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from window_factory import GRID_NS, counts, fault, window, windows

from stressdash.metrics.histogram import Histogram
from stressdash.metrics.series import CELLS, FACTOR, Timeline
from stressdash.samples import Phase, Window


def timeline_of(*parts: Window) -> Timeline:
    timeline = Timeline()
    for part in parts:
        timeline.add_window(part, 0)
    return timeline


def steady(seconds: float, *, workers: int = 1, responses: int = 10) -> Timeline:
    """A load that never changes: `responses` per worker and cell."""
    return timeline_of(
        *(
            window(
                start_ns=n * GRID_NS, worker=w, responses=responses, completed=responses, open_connections=5
            )
            for n in range(round(seconds * 10))
            for w in range(workers)
        )
    )


class TestRates:
    def test_are_per_second_whatever_the_step(self) -> None:
        timeline = steady(4)
        for step_s in (0.1, 0.5, 1.0):
            values = timeline.series("client.rate", 0, 4, step_s).values
            assert values == pytest.approx([100] * round(4 / step_s))

    def test_add_up_over_workers(self) -> None:
        assert steady(1, workers=3).series("client.rate", 0, 1, 0.5).values == pytest.approx((300, 300))

    def test_have_a_gap_where_load_was_paused(self) -> None:
        timeline = timeline_of(
            window(responses=10),
            window(start_ns=GRID_NS, phase=Phase.PAUSED, responses=10),
            window(start_ns=2 * GRID_NS, phase=Phase.DRAIN, responses=10),
        )
        assert timeline.series("client.rate", 0, 0.4, 0.1).values == (pytest.approx(100), None, None, None)

    def test_of_half_a_window_are_not_halved(self) -> None:
        timeline = timeline_of(window(length_ns=GRID_NS // 2, responses=10))
        assert timeline.series("client.rate", 0, 0.1, 0.1).values == (pytest.approx(200),)

    def test_by_category_are_zero_where_others_failed(self) -> None:
        timeline = timeline_of(
            window(failed=3, faults=(fault(3, category="timeout"),)),
            window(start_ns=GRID_NS, failed=2, faults=(fault(1), fault(1, code="other"))),
        )
        assert timeline.categories(0, 1) == ("rpc", "timeout")
        assert timeline.series("client.failed.timeout", 0, 0.2, 0.1).values == pytest.approx((30, 0))
        assert timeline.series("client.failed.rpc", 0, 0.2, 0.1).values == pytest.approx((0, 20))
        assert timeline.series("client.failures", 0, 0.2, 0.2).values == (5,)


class TestGauges:
    def test_connections_add_up_over_workers_and_average_over_time(self) -> None:
        timeline = timeline_of(
            window(worker=0, open_connections=10, busy_connections=4),
            window(worker=1, open_connections=20, busy_connections=5),
            window(worker=0, start_ns=GRID_NS, open_connections=20),
            window(worker=1, start_ns=GRID_NS, open_connections=30),
        )
        assert timeline.series("client.open", 0, 0.2, 0.1).values == pytest.approx((30, 50))
        assert timeline.series("client.open", 0, 0.2, 0.2).values == pytest.approx((40,))
        assert timeline.series("client.busy", 0, 0.1, 0.1).values == pytest.approx((9,))

    def test_other_gauges_show_the_mean_of_their_samples_and_gaps_between(self) -> None:
        timeline = Timeline()
        for at_s, value in ((0.1, 3), (0.4, 5), (2.2, 7)):
            timeline.add_gauge("pool.in_use", at_s, value)
        series = timeline.series("pool.in_use", 0, 3, 1, label="pool", unit="count")
        assert (series.label, series.values) == ("pool", (4, None, 7))


class TestPercentiles:
    @given(st.lists(st.integers(1, 5_000_000), min_size=20, max_size=200))
    def test_come_from_merged_samples_within_a_128th(self, values: list[int]) -> None:
        half = len(values) // 2
        timeline = timeline_of(window(latency=values[:half]), window(start_ns=GRID_NS, latency=values[half:]))
        (shown,) = timeline.series("client.p50", 0, 0.2, 0.2).values
        exact = Histogram(counts(values)).percentile(0.5)
        assert exact is not None
        assert shown is not None
        assert exact <= shown <= exact * (1 + 1 / 64) + 1

    def test_are_gaps_where_too_little_was_measured(self) -> None:
        timeline = timeline_of(window(latency=[500] * 19), window(start_ns=GRID_NS, latency=[500] * 20))
        assert timeline.series("client.p50", 0, 0.2, 0.1).values[0] is None
        assert timeline.series("client.p50", 0, 0.2, 0.1).values[1] is not None
        assert timeline.series("client.p99", 0, 0.2, 0.2).values == (None,)

    def test_that_were_remembered_are_told_anew_after_a_straggler(self) -> None:
        timeline = timeline_of(window(latency=[100] * 20), window(start_ns=100 * GRID_NS))
        assert timeline.series("client.p50", 0, 0.1, 0.1).values == (100,)
        timeline.add_window(window(worker=1, latency=[9] * 30), 0)
        assert timeline.series("client.p50", 0, 0.1, 0.1).values == (9,)


class TestAxis:
    def test_starts_at_whole_steps_so_that_charts_do_not_flicker(self) -> None:
        series = steady(4).series("client.rate", 1.3, 3.2, 0.5)
        assert (series.start_s, series.step_s, len(series.values)) == (1.0, 0.5, 5)

    def test_can_count_from_the_start_of_a_run_instead(self) -> None:
        series = steady(4).series("client.rate", 0.7, 3.7, 1.0, origin_s=0.7)
        assert (series.start_s, len(series.values)) == (0.7, 3)

    def test_counts_from_the_origin_of_the_session(self) -> None:
        timeline = Timeline()
        timeline.add_window(window(start_ns=7 * GRID_NS, responses=1), 5 * GRID_NS)
        assert timeline.series("client.rate", 0, 0.4, 0.1).values == (None, None, pytest.approx(10), None)

    def test_of_nothing_is_all_gaps(self) -> None:
        assert Timeline().series("client.rate", 0, 1, 0.5).values == (None, None)


class TestBounds:
    @pytest.fixture(scope="class")
    def long(self) -> Timeline:
        return steady(1_000)

    def test_memory_hardly_grows_with_the_length_of_the_run(self, long: Timeline) -> None:
        assert [len(cells) <= CELLS for cells in long._levels] == [True] * 3
        assert sum(map(len, long._levels)) < 10_000 / 3

    def test_a_long_run_keeps_all_of_its_requests(self, long: Timeline) -> None:
        total = sum(cell.sums["client.rate"] for cells in long._levels for cell in cells.values())
        assert total == 100_000

    def test_old_times_are_coarser_but_still_right(self, long: Timeline) -> None:
        assert long.series("client.rate", 0, 1_000, 0.5).values == pytest.approx([100] * 2_000)
        assert long.series("client.open", 0, 1_000, 10).values == pytest.approx([5] * 100)

    def test_a_jump_of_days_leaves_a_gap_and_not_a_crash(self) -> None:
        timeline = timeline_of(window(responses=10), window(start_ns=10**6 * 10**9, responses=20))
        assert timeline.series("client.rate", 10**6, 10**6 + 0.1, 0.1).values == (pytest.approx(200),)
        assert sum(map(len, timeline._levels)) == 2

    @settings(max_examples=30)
    @given(st.lists(windows(), min_size=1, max_size=8), st.randoms(use_true_random=False))
    def test_the_order_of_arrival_does_not_matter(self, parts: list[Window], shuffle: Random) -> None:
        span = CELLS * FACTOR
        placed = [replace(part, start_ns=shuffle.randrange(2 * span) * GRID_NS) for part in parts]
        shuffled = placed[:]
        shuffle.shuffle(shuffled)
        a, b = timeline_of(*placed), timeline_of(*shuffled)
        for key in ("client.rate", "client.open", "client.p50"):
            # Steps as long as the coarsest cell here, so that it does not matter in which level a cell lies.
            step_s = FACTOR**2 / 10
            shown = [timeline.series(key, 0, 2 * span / 10, step_s).values for timeline in (a, b)]
            assert shown[0] == pytest.approx(shown[1])


class TestLongWindows:
    BLOCK_NS = 64 * GRID_NS

    def test_stand_in_every_step_that_they_cover(self) -> None:
        timeline = Timeline()
        for number in range(3):
            start_ns = number * self.BLOCK_NS
            timeline.add_window(window(start_ns=start_ns, length_ns=self.BLOCK_NS, responses=640), 0)
        assert timeline.series("client.rate", 0, 19.2, 1.6).values == (100.0,) * 12

    def test_are_followed_by_short_ones(self) -> None:
        timeline = Timeline()
        timeline.add_window(window(length_ns=self.BLOCK_NS, responses=640), 0)
        for step in range(64, 64 + CELLS + 100):
            timeline.add_window(window(start_ns=step * GRID_NS, responses=20), 0)
        rates = timeline.series("client.rate", 0, (64 + CELLS + 100) / 10, 6.4).values
        assert rates[:3] == (100.0, 200.0, 200.0)
        assert rates[-1] == 200.0
