from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from stressdash.charts.markers import ASCII
from stressdash.charts.plot import Area, draw_plot
from stressdash.charts.stack import filled, stacked


@dataclass(frozen=True)
class Part:
    values: Sequence[float | None]
    label: str = "part"
    unit: str = "us"
    start_s: float = 0.0
    step_s: float = 1.0
    provisional_from_s: float | None = None


VALUE = st.none() | st.floats(0, 1e9)
WHOLES = st.integers(1, 5).flatmap(
    lambda parts: st.lists(st.tuples(*[VALUE] * parts), min_size=1, max_size=20).map(
        lambda rows: [Part(column) for column in zip(*rows, strict=True)]
    )
)


class TestStacked:
    def test_each_edge_is_the_sum_of_its_part_and_those_below(self) -> None:
        edges = stacked([Part((1.0, 2.0)), Part((10.0, 20.0)), Part((100.0, 200.0))])
        assert [tuple(edge.values) for edge in edges] == [(1.0, 2.0), (11.0, 22.0), (111.0, 222.0)]

    def test_a_part_that_alone_is_not_known_adds_nothing(self) -> None:
        edges = stacked([Part((1.0,)), Part((None,)), Part((100.0,))])
        assert [tuple(edge.values) for edge in edges] == [(1.0,), (1.0,), (101.0,)]

    def test_where_nothing_is_known_there_is_a_gap(self) -> None:
        edges = stacked([Part((1.0, None)), Part((2.0, None))])
        assert [edge.values[1] for edge in edges] == [None, None]

    @given(parts=WHOLES)
    def test_edges_never_cross(self, parts: list[Part]) -> None:
        edges = stacked(parts)
        for below, above in itertools.pairwise(edges):
            for low, high in zip(below.values, above.values, strict=True):
                assert (low is None) == (high is None)
                assert low is None or high is None or low <= high


class TestFilled:
    def test_a_part_reaches_from_the_edge_below_up_to_its_own(self) -> None:
        assert filled([[(2, 2)], [(5, 6)]]) == [[(0, 2)], [(3, 6)]]

    def test_a_part_too_thin_for_a_dot_takes_none(self) -> None:
        assert filled([[(2, 2)], [(2, 2)], [(3, 3)]]) == [[(0, 2)], [None], [(3, 3)]]

    def test_a_gap_stays_one(self) -> None:
        assert filled([[None], [None]]) == [[None], [None]]


class TestPlot:
    def test_a_stacked_plot_is_full_up_to_the_sum(self) -> None:
        area = Area(30, 8, 0.0, 4.0, markers=ASCII, stacked=True)
        lines = draw_plot([Part((50.0,) * 5), Part((50.0,) * 5)], [], area)
        inks = [ink for line in lines[:6] for text, ink in line if ink.startswith("series-") and ":" in text]
        assert inks == sorted(inks, reverse=True)
        assert set(inks) == {"series-0", "series-1"}
        assert all(":" * 20 in "".join(text for text, _ in line) for line in lines[1:5])
