"""Figures by name of the request: merged over workers, added up over a run, and over the last seconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from window_factory import GRID_NS, counts, window

from stressdash.metrics.figures import RecentWindows
from stressdash.metrics.requests import RequestTotals, add_counts
from stressdash.metrics.window import RunTotals, merge
from stressdash.samples import Phase, RequestCounts

durations = st.lists(st.integers(0, 10_000_000), max_size=4).map(counts)
named = st.builds(RequestCounts, *(st.integers(0, 50) for _ in range(3)), *(durations for _ in range(4)))


def answers(number: int, failed: int = 0, latency_us: int = 1_000) -> RequestCounts:
    return RequestCounts(number - failed, failed, number, counts([latency_us] * number), {}, {}, {})


class TestMerging:
    @given(named, named, named)
    def test_does_not_depend_on_the_order(self, a: RequestCounts, b: RequestCounts, c: RequestCounts) -> None:
        assert add_counts(add_counts(a, b), c) == add_counts(a, add_counts(c, b))

    def test_windows_of_workers_join_their_names(self) -> None:
        merged = merge(
            window(worker=0, by_request={"a": answers(3), "b": answers(1)}),
            window(worker=1, by_request={"a": answers(4), "c": answers(2)}),
        )
        assert {name: one.responses for name, one in merged.by_request.items()} == {"a": 7, "b": 1, "c": 2}


class TestTotals:
    def test_answers_while_draining_count_and_make_no_rate(self) -> None:
        totals = RunTotals()
        totals.add(window(by_request={"a": answers(30, failed=6)}))
        totals.add(window(phase=Phase.DRAIN, start_ns=GRID_NS, by_request={"a": answers(10)}))
        found = totals.by_request["a"]
        assert (found.completed, found.failed, found.responses) == (34, 6, 40)
        assert (found.measured_completed, found.measured_responses) == (24, 30)
        assert found.failed_share == 0.15
        assert found.latency.total == 40

    def test_nothing_ended_has_no_share(self) -> None:
        assert RequestTotals().failed_share is None


class TestRecent:
    def test_the_busiest_name_stands_first(self) -> None:
        recent = RecentWindows()
        for cell in range(10):
            for worker in range(2):
                by_request = {"rare": answers(1, failed=1), "often": answers(20)}
                recent.add(window(start_ns=cell * GRID_NS, worker=worker, by_request=by_request))
        often, rare = recent.figures(recent.newest_ns, 1.0).by_request
        assert (often.name, often.requests_per_s, often.goodput_per_s, often.failed_share) == (
            "often",
            400,
            400,
            0,
        )
        assert (rare.name, rare.requests_per_s, rare.goodput_per_s, rare.failed_share) == ("rare", 20, 0, 1)
        assert often.p50_us is not None
        assert rare.p99_us is None

    def test_one_name_has_no_row(self) -> None:
        recent = RecentWindows()
        recent.add(window(responses=5, latency=[100] * 5))
        assert recent.figures(recent.newest_ns, 1.0).by_request == ()
