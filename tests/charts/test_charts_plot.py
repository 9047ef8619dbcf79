from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.charts.cells import CellGrid
from stressdash.charts.curve import curve_spans, visible_values
from stressdash.charts.markers import ASCII, BLOCK, BRAILLE, MARKER_SETS, MarkerSet
from stressdash.charts.plot import Area, ago, draw_plot
from stressdash.charts.plotext_view import draw_text_plot
from stressdash.charts.scale import Scale


@dataclass(frozen=True)
class Points:
    values: Sequence[float | None]
    label: str = "client"
    unit: str = "req/s"
    start_s: float = 0.0
    step_s: float = 1.0
    provisional_from_s: float | None = None


@dataclass(frozen=True)
class Event:
    at_s: float
    label: str


VALUES = st.lists(st.none() | st.floats(-1e12, 1e12), max_size=80)
MARKERS = st.sampled_from([BRAILLE, BLOCK, ASCII])


def texts(curves: Sequence[Points], area: Area, marks: Sequence[Event] = ()) -> list[str]:
    return ["".join(text for text, _ in line) for line in draw_plot(curves, marks, area)]


def roles(curves: Sequence[Points], area: Area) -> set[str]:
    return {role for line in draw_plot(curves, [], area) for text, role in line if text.strip()}


class TestSpans:
    @given(VALUES, st.floats(-50, 50), st.floats(0.1, 100), st.integers(1, 60), st.integers(1, 40))
    def test_dots_are_never_out_of_bounds(
        self, values: list[float | None], start_s: float, length_s: float, wide: int, high: int
    ) -> None:
        known = [value for value in values if value is not None]
        spans = curve_spans(Points(values), Scale.over(known), start_s, start_s + length_s, wide, high)
        assert len(spans) == wide
        assert all(0 <= span[0] <= span[1] < high for span in spans if span is not None)

    def test_a_column_shows_the_smallest_and_the_largest_of_its_values(self) -> None:
        values = [1.0] * 50 + [9.0] + [1.0] * 49
        spans = curve_spans(Points(values, step_s=0.01), Scale(0, 10), 0, 1, 5, 11)
        assert max(span[1] for span in spans if span) == 9
        assert min(span[0] for span in spans if span) == 1

    def test_a_missing_value_is_a_gap(self) -> None:
        spans = curve_spans(Points([1.0, 1.0, None, None, 1.0]), Scale(0, 2), 0, 4, 9, 5)
        assert [span is None for span in spans] == [False, False, False, True, True, True, True, True, False]

    def test_distant_values_are_joined_without_holes(self) -> None:
        spans = curve_spans(Points([0.0, 10.0]), Scale(0, 10), 0, 1, 6, 30)
        covered = {dot for span in spans if span for dot in range(span[0], span[1] + 1)}
        assert covered == set(range(30))

    def test_only_what_is_in_the_window_counts(self) -> None:
        assert visible_values(Points([1.0, 2.0, None, 4.0]), 1, 2) == [2.0]


class TestGrid:
    @pytest.mark.parametrize("markers", MARKER_SETS.values(), ids=MARKER_SETS)
    def test_every_mask_has_a_character(self, markers: MarkerSet) -> None:
        assert len(markers.characters) == 2 ** (markers.dots_wide * markers.dots_high)
        assert len(set(markers.characters)) == len(markers.characters)

    @given(st.integers(-5, 30), st.integers(-5, 10), st.text("ab", max_size=40))
    def test_writing_outside_is_ignored(self, x: int, y: int, text: str) -> None:
        grid = CellGrid(20, 4, BRAILLE)
        grid.put(x, y, text, "mark")
        assert [sum(len(part) for part, _ in grid.runs(row)) for row in range(4)] == [20] * 4


class TestPlot:
    @given(
        st.lists(VALUES, max_size=4),
        MARKERS,
        st.integers(0, 90),
        st.integers(0, 25),
        st.booleans(),
        st.integers(0, 9),
    )
    def test_it_fills_its_area_exactly(
        self,
        many: list[list[float | None]],
        markers: MarkerSet,
        width: int,
        height: int,
        log: bool,
        letters: int,
    ) -> None:
        area = Area(width, height, 0, 60, log=log, markers=markers, letters_every=letters)
        curves = [Points(values, provisional_from_s=50.0) for values in many]
        lines = texts(curves, area, [Event(20, "conns 100→400")])
        assert [len(line) for line in lines] == [width] * height

    def test_each_curve_ends_in_its_letter(self) -> None:
        lines = texts([Points([1.0] * 61), Points([2.0] * 61)], Area(60, 12, 0, 60))
        assert [line.rstrip()[-1] for line in lines if line.rstrip().endswith(("a", "b"))] == ["b", "a"]

    def test_letters_of_equal_curves_do_not_hide_one_another(self) -> None:
        joined = "".join(texts([Points([1.0] * 61)] * 3, Area(60, 12, 0, 60)))
        assert {"a", "b", "c"} <= set(joined)

    def test_what_may_still_change_is_drawn_in_its_own_ink(self) -> None:
        area = Area(60, 12, 0, 60)
        assert "series-0-provisional" in roles([Points([1.0] * 61, provisional_from_s=50)], area)
        assert "series-0-provisional" not in roles([Points([1.0] * 61)], area)

    def test_what_may_still_change_stands_behind_a_dotted_line(self) -> None:
        lines = texts([Points([1.0] * 61, provisional_from_s=30)], Area(60, 12, 0, 60))
        assert sum("┊" in line for line in lines) >= 8

    def test_a_mark_is_a_line_with_its_label(self) -> None:
        lines = texts([Points([1.0] * 61)], Area(60, 12, 0, 60), [Event(30, "pool 800")])
        assert any("│pool 800" in line for line in lines)

    def test_labels_of_marks_lie_side_by_side_and_the_newest_come_first(self) -> None:
        events = [Event(30 + n / 10, f"event number {n}") for n in range(9)]
        text = "\n".join(texts([Points([1.0] * 61)], Area(60, 6, 0, 60), events))
        whole = [n for n in range(9) if f"event number {n}" in text]
        assert whole == [5, 6, 7, 8]
        assert text.count("event") == len(whole)

    def test_a_mark_outside_the_window_is_left_out(self) -> None:
        lines = texts([Points([1.0] * 61)], Area(60, 12, 0, 60), [Event(-5, "early")])
        assert "early" not in "".join(lines)

    def test_a_second_unit_has_a_scale_on_the_right(self) -> None:
        curves = [Points([400.0] * 61, unit="count"), Points([0.5] * 61, unit="share")]
        lines = texts(curves, Area(60, 12, 0, 60))
        assert lines[0].endswith("100%")
        assert lines[0].startswith("400")

    def test_without_colour_letters_stand_along_the_curve(self) -> None:
        lines = texts([Points([1.0] * 61)], Area(60, 12, 0, 60, letters_every=10))
        assert "".join(lines).count("a") >= 4

    @pytest.mark.parametrize(("seconds", "text"), [(45, "-45s"), (300, "-5m"), (7200, "-2h"), (90, "-90s")])
    def test_times_before_the_end(self, seconds: float, text: str) -> None:
        assert ago(seconds) == text


class TestTextPlot:
    def test_it_shows_curves_letters_and_marks_without_escape_sequences(self) -> None:
        text = draw_text_plot(
            [Points([float(n) for n in range(61)])],
            [Event(30, "pool\x1b[31m")],
            size=(70, 15),
            range_s=(0, 60),
        )
        assert len(text.splitlines()) == 15
        assert "pool?[31m" in text
        assert "\x1b" not in text
        assert "a" in text

    def test_logarithmic_places_keep_our_ticks(self) -> None:
        curve = Points([1_000.0, 100_000.0], unit="us", step_s=60)
        assert "10.0ms" in draw_text_plot([curve], [], size=(70, 15), range_s=(0, 60), log=True)

    @pytest.mark.parametrize("size", [(10, 20), (70, 3)])
    def test_no_room_is_no_chart(self, size: tuple[int, int]) -> None:
        assert draw_text_plot([Points([1.0])], [], size=size, range_s=(0, 60)) == ""
