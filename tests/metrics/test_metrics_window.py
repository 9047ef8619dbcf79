"""Windows merge in any order, and a run's totals keep the books and the definitions of its rates."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from window_factory import GRID_NS, fault, window, windows

from stressdash.metrics.window import GAUGES, HISTOGRAMS, MANY_WORKERS, SUMS, RunTotals, lengthen, merge
from stressdash.samples import Phase, Window


def comparable(merged: Window) -> Window:
    """The window with its exemplars in a fixed order."""
    return replace(merged, exemplars=tuple(sorted(merged.exemplars, key=repr)))


def totals_of(*parts: Window) -> RunTotals:
    totals = RunTotals()
    for part in parts:
        totals.add(part)
    return totals


class TestMerge:
    @settings(max_examples=30)
    @given(windows(), windows())
    def test_does_not_depend_on_the_order(self, a: Window, b: Window) -> None:
        assert comparable(merge(a, b)) == comparable(merge(b, a))

    @settings(max_examples=30)
    @given(windows(), windows(), windows())
    def test_does_not_depend_on_the_grouping(self, a: Window, b: Window, c: Window) -> None:
        assert comparable(merge(merge(a, b), c)) == comparable(merge(a, merge(b, c)))

    @settings(max_examples=30)
    @given(windows(), windows())
    def test_adds_counts_gauges_and_histograms(self, a: Window, b: Window) -> None:
        merged = merge(a, b)
        assert merged.completed == a.completed + b.completed
        assert merged.open_connections == a.open_connections + b.open_connections
        assert sum(merged.latency.values()) == sum(a.latency.values()) + sum(b.latency.values())
        assert sum(f.count for f in merged.faults) == sum(f.count for f in a.faults + b.faults)

    def test_leaves_no_field_out(self) -> None:
        placed = {
            "start_ns",
            "length_ns",
            "worker",
            "segment",
            "phase",
            "faults",
            "exemplars",
            "by_request",
            "target_rate",
            "busiest_cpu_ns",
        }
        assert {field.name for field in fields(Window)} == {*placed, *GAUGES, *SUMS, *HISTOGRAMS, "statuses"}

    def test_knows_what_the_busiest_worker_spent(self) -> None:
        parts = [window(worker=number, cpu_ns=number) for number in (3, 5, 4)]
        assert reduce(merge, parts).core_ns == 5
        assert reduce(merge, parts).cpu_ns == 12

    def test_covers_both_and_names_no_worker(self) -> None:
        merged = merge(window(worker=0, length_ns=60), window(worker=1, start_ns=40, length_ns=60))
        assert (merged.start_ns, merged.length_ns, merged.worker) == (0, 100, MANY_WORKERS)

    @pytest.mark.parametrize("other", [{"phase": Phase.DRAIN}, {"segment": 1}])
    def test_refuses_what_has_no_common_meaning(self, other: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="one phase and segment"):
            merge(window(), window(**other))


class TestWindowsInARow:
    def test_add_up_in_length_and_end_with_the_gauges_of_the_last(self) -> None:
        longer = lengthen(window(cpu_ns=3, in_flight=7, sent=1), window(start_ns=GRID_NS, cpu_ns=4, sent=2))
        assert (longer.start_ns, longer.length_ns, longer.in_flight, longer.sent) == (0, 2 * GRID_NS, 0, 3)
        assert longer.core_ns == longer.cpu_ns == 7


class TestRunTotals:
    @settings(max_examples=30)
    @given(st.lists(windows(), min_size=1, max_size=4))
    def test_do_not_depend_on_the_order_of_windows(self, parts: list[Window]) -> None:
        # Windows of one worker never share their end, which decides whose gauge is the newest.
        placed = [
            replace(part, start_ns=number * GRID_NS, length_ns=GRID_NS) for number, part in enumerate(parts)
        ]
        seen = set()
        for order in permutations(placed):
            totals = totals_of(*order)
            figures = (totals.scheduled, totals.in_flight, totals.measured_s, totals.requests_per_s)
            seen.add((*figures, totals.latency.total, totals.saturated_share, str(totals.statuses)))
        assert len(seen) == 1

    def test_rates_leave_out_pauses_and_draining(self) -> None:
        totals = totals_of(
            window(responses=10, completed=8, failed=2),
            window(start_ns=GRID_NS, phase=Phase.PAUSED, responses=5, completed=5),
            window(start_ns=2 * GRID_NS, phase=Phase.DRAIN, responses=3, completed=3, latency=[700] * 3),
        )
        assert totals.measured_s == pytest.approx(0.1)
        assert totals.requests_per_s == pytest.approx(100)
        assert totals.goodput_per_s == pytest.approx(80)
        assert (totals.completed, totals.latency.total) == (16, 3)

    def test_measured_time_is_the_mean_over_workers(self) -> None:
        totals = totals_of(window(worker=0, responses=10), window(worker=1, responses=30))
        assert totals.measured_s == pytest.approx(0.1)
        assert totals.requests_per_s == pytest.approx(400)

    def test_in_flight_is_the_newest_count_of_each_worker(self) -> None:
        totals = totals_of(
            window(worker=0, in_flight=9),
            window(worker=1, in_flight=4),
            window(worker=0, start_ns=GRID_NS, in_flight=2),
        )
        assert totals.in_flight == 6

    def test_a_worker_is_saturated_by_time_and_not_by_number_of_slivers(self) -> None:
        busy = window(worker=1, length_ns=1, cpu_ns=1)
        calm = window(worker=1, start_ns=1, cpu_ns=GRID_NS // 2)
        assert totals_of(busy, calm).saturated_share == pytest.approx(1e-8, rel=0.01)

    def test_the_busiest_worker_decides_about_saturation(self) -> None:
        totals = totals_of(
            window(worker=0, cpu_ns=GRID_NS // 4),
            window(worker=1, cpu_ns=GRID_NS),
            window(worker=1, start_ns=GRID_NS, cpu_ns=GRID_NS // 2),
        )
        assert totals.saturated_share == pytest.approx(0.5)
        assert totals.core_share_max == pytest.approx(0.75)

    def test_figures_over_several_segments_are_mixed(self) -> None:
        assert not totals_of(window(segment=1), window(segment=1)).mixed
        assert totals_of(window(segment=1), window(segment=2)).mixed

    def test_littles_law_compares_held_connections_with_rate_times_latency(self) -> None:
        # Two connections held all the time; ten answers of 10 ms each explain one of them.
        little = totals_of(window(busy_ns=2 * GRID_NS, responses=10, latency=[10_000] * 10)).little
        assert little is not None
        assert little.held == pytest.approx(2)
        assert little.explained == pytest.approx(1, rel=0.001)
        assert little.gap == pytest.approx(1, rel=0.001)

    def test_of_nothing_are_unknown_and_not_zero(self) -> None:
        empty = RunTotals()
        assert (empty.requests_per_s, empty.failed_share, empty.core_share_max, empty.little) == (None,) * 4

    def test_failed_share_is_of_ended_requests(self) -> None:
        totals = totals_of(window(completed=3, failed=1, in_flight=6, faults=(fault(1),)))
        assert totals.failed_share == pytest.approx(0.25)
        assert totals.cpu_us_per_request == 0
