"""Results: a run without its warm-up, as a whole and by segment."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from window_factory import GRID_NS, window, windows

from stressdash.metrics.course import Steady
from stressdash.metrics.results import SEGMENTS, Results, WarmUp
from stressdash.metrics.window import HISTOGRAMS, SUMS, RunTotals
from stressdash.samples import Phase, Window


def course(levels: list[int], *, latency_us: int = 1_000, **more: int) -> list[Window]:
    """A window a level, with so many answers."""
    return [
        window(
            start_ns=at * GRID_NS,
            responses=level,
            completed=level,
            scheduled=level,
            sent=level,
            latency=[latency_us] * level,
            target_connections=10,
            **more,
        )
        for at, level in enumerate(levels)
    ]


def filled(results: Results, *series: list[Window]) -> Results:
    for each in zip(*series, strict=True):
        for one in each:
            results.add(one)
    return results


class TestWithoutWarmUp:
    def test_everything_counts(self) -> None:
        results = filled(Results(), course([5] * 20))
        assert results.totals.completed == 100
        assert results.left_out_s == 0
        assert results.counts_from_ns == 0

    @settings(max_examples=50)
    @given(st.lists(windows(), max_size=12), st.booleans())
    def test_the_sum_of_all_slices_is_the_run(self, given_windows: list[Window], auto: bool) -> None:
        results, totals = Results(WarmUp(auto=auto)), RunTotals()
        for each in given_windows:
            results.add(each)
            totals.add(each)
        for name in (*SUMS, *HISTOGRAMS):
            assert getattr(results.totals, name) == getattr(totals, name)
        assert results.totals.statuses == totals.statuses
        assert results.totals.measured_s == totals.measured_s
        assert results.totals.in_flight == totals.in_flight


class TestGivenWarmUp:
    def test_what_came_before_its_end_is_left_out(self) -> None:
        results = filled(Results(WarmUp(0.5)), course([1] * 5 + [7] * 10))
        assert results.totals.completed == 70
        assert results.totals.measured_s == 1.0
        assert results.left_out_s == 0.5
        assert results.counts_from_ns == 5 * GRID_NS

    def test_a_pause_is_no_warm_up(self) -> None:
        paused = [window(start_ns=at * GRID_NS, phase=Phase.PAUSED) for at in range(10)]
        results = filled(filled(Results(WarmUp(0.5)), paused), course([1] * 5 + [7] * 2))
        assert results.totals.completed == 14

    def test_a_run_shorter_than_it_has_no_results(self) -> None:
        results = filled(Results(WarmUp(5.0)), course([3] * 10))
        assert results.totals.completed == 0
        assert results.totals.requests_per_s is None
        assert results.left_out_s == 1.0
        assert results.counts_from_ns is None

    def test_two_workers_have_one_warm_up(self) -> None:
        series = [course([1] * 5 + [7] * 5, worker=worker) for worker in (0, 1)]
        results = filled(Results(WarmUp(0.5)), *series)
        assert results.totals.completed == 70
        assert results.segments[0].connections == 20


class TestFoundWarmUp:
    def test_results_begin_where_the_run_is_steady(self) -> None:
        results = filled(Results(WarmUp(auto=True)), course([10] * 40 + [50] * 160))
        assert results.steady.from_s == 4.0
        assert results.left_out_s == 4.0
        assert results.totals.requests_per_s == 500

    def test_a_run_that_never_becomes_steady_counts_whole(self) -> None:
        results = filled(Results(WarmUp(auto=True)), course(list(range(200))))
        assert results.steady.from_s is None
        assert "never reached" in results.steady.reason
        assert results.left_out_s == 0
        assert results.totals.completed == sum(range(200))

    def test_windows_of_a_slower_worker_still_count_once_asked(self) -> None:
        first, second = course([10] * 80), course([10] * 40 + [400] * 40, worker=1)
        asked = filled(Results(), first)
        assert asked.steady.from_s == 0
        for late in second:
            asked.add(late)
        assert asked.steady == filled(Results(), first, second).steady

    def test_without_an_answer_nothing_is_steady(self) -> None:
        results = filled(Results(WarmUp(auto=True)), course([0] * 200))
        assert results.steady == Steady(None, "never reached: no request was answered")
        assert results.left_out_s == 0

    def test_a_latency_that_grows_is_not_steady_although_the_rate_is(self) -> None:
        series = [
            window(start_ns=at * GRID_NS, responses=5, latency=[1_000 + 50 * at] * 5) for at in range(200)
        ]
        results = filled(Results(), series)
        assert results.steady.from_s is None
        assert results.steady.reason.startswith("never reached: the latency drifted")

    def test_a_long_run_is_kept_in_few_slices(self) -> None:
        results = filled(Results(WarmUp(auto=True)), course([10] * 400 + [50] * 3600))
        assert results.totals.requests_per_s == 500
        assert 40 <= results.left_out_s < 48


class TestSegments:
    def test_each_has_its_own_figures(self) -> None:
        closed = course([5] * 10)
        opened = [
            window(
                start_ns=(10 + at) * GRID_NS, segment=1, responses=2, latency=[9_000] * 2, target_rate=20.0
            )
            for at in range(10)
        ]
        first, second = filled(Results(), closed + opened).segments
        assert (first.rate, second.rate) == (None, 20.0)
        assert first.totals.latency.total == 50
        assert second.totals.latency.total == 20
        assert second.start_ns == 10 * GRID_NS

    def test_a_changed_load_has_no_one_steady_state(self) -> None:
        results = filled(Results(), course([5] * 100) + course([5] * 100, segment=1))
        assert results.steady.from_s is None
        assert "changed" in results.steady.reason
        assert results.steady_at_first.from_s == 0

    def test_those_beyond_the_limit_share_the_last(self) -> None:
        series = [window(start_ns=at * GRID_NS, segment=at, completed=1) for at in range(SEGMENTS + 50)]
        segments = filled(Results(), series).segments
        assert len(segments) == SEGMENTS
        assert segments[-1].totals.completed == 51
