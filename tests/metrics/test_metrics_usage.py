"""Rates of what components use, made from their totals."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stressdash.metrics.usage import KEPT_STEPS, UsageMeter
from stressdash.samples import Component, ComponentState


def component(name: str = "db", **used: Any) -> Component:
    return Component(name, "docker", ComponentState.RUNNING, **used)


def curve(meter: UsageMeter, key: str, label: str) -> list[float | None]:
    (found,) = (one for one in meter.series()[key] if one.label == label)
    return list(found.values)


class TestRates:
    def test_are_made_from_totals_over_the_time_between_two_looks(self) -> None:
        meter = UsageMeter()
        for now_s, seconds in ((0.25, 1.0), (1.25, 1.5), (2.25, 3.5)):
            meter.add(now_s, [component(cpu_seconds=seconds)])
        assert curve(meter, "db.cpu", "of a core") == [0.5, 2.0]

    def test_the_last_look_in_a_second_counts(self) -> None:
        meter = UsageMeter()
        for now_s, received in ((0.0, 0), (1.0, 50), (1.5, 150)):
            meter.add(now_s, [component(received_bytes=received)])
        assert curve(meter, "db.network", "in/s") == [100.0]

    def test_memory_is_drawn_as_it_is(self) -> None:
        meter = UsageMeter()
        meter.add(0.0, [component(rss_bytes=7)])
        assert curve(meter, "db.memory", "in use") == [7]

    def test_a_total_that_falls_is_a_restart_and_unknown_for_a_second(self) -> None:
        meter = UsageMeter()
        for now_s, written in ((0.0, 100), (1.0, 200), (2.0, 10), (3.0, 40)):
            meter.add(now_s, [component(written_bytes=written)])
        assert curve(meter, "db.disk", "written/s") == [100.0, None, 30.0]

    def test_seconds_without_a_look_are_gaps(self) -> None:
        meter = UsageMeter()
        for now_s, memory in ((0.0, 1), (3.0, 2)):
            meter.add(now_s, [component(rss_bytes=memory)])
        assert curve(meter, "db.memory", "in use") == [1, None, None, 2]

    def test_what_nobody_tells_has_no_curve(self) -> None:
        meter = UsageMeter()
        meter.add(0.0, [component()])
        meter.add(1.0, [component()])
        assert meter.series() == {}


class TestTime:
    def test_curves_end_at_the_present(self) -> None:
        meter = UsageMeter()
        meter.add(10.4, [component(rss_bytes=1)])
        meter.add(12.4, [component(rss_bytes=1)])
        (series,) = meter.series()["db.memory"]
        assert (series.start_s, series.step_s, len(series.values)) == (10.0, 1.0, 3)

    def test_going_back_begins_anew(self) -> None:
        meter = UsageMeter()
        for now_s in (5.0, 6.0, 2.0):
            meter.add(now_s, [component(rss_bytes=int(now_s))])
        assert curve(meter, "db.memory", "in use") == [2]

    @given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 10**15)), max_size=60))
    def test_whatever_comes_memory_is_bounded_and_no_rate_is_negative(
        self, looks: list[tuple[float, int]]
    ) -> None:
        meter = UsageMeter()
        for now_s, total in looks:
            meter.add(now_s, [component(read_bytes=total)])
        for (series,) in meter.series().values():
            assert len(series.values) <= KEPT_STEPS
            assert all(value is None or value >= 0 for value in series.values)
