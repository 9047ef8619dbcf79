"""Relabellings agree with exact enumeration by hand and with textbook statistics."""

from __future__ import annotations

import math
from itertools import combinations
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.metrics.relabel import DRAWN, Groups, Pairs

numbers = st.lists(st.floats(-100, 100), min_size=2, max_size=8)


class TestPairs:
    def test_all_signs_are_tried_where_they_are_few(self) -> None:
        pairs = Pairs([[1.0] * 10], Random(1))
        assert len(list(pairs.separations())) == 512
        assert pairs.lowest_p == 1 / 512

    def test_else_many_are_drawn_with_the_truth_among_them(self) -> None:
        separations = list(Pairs([[1.0 + n / 100 for n in range(40)]], Random(1)).separations())
        assert len(separations) == DRAWN
        assert separations[0] == max(separations)

    def test_ties_are_the_means_of_all_subsets(self) -> None:
        values = [1.0, 2.0, 4.0, 8.0]
        subsets = [fmean(chosen) for size in range(1, 5) for chosen in combinations(values, size)]
        assert sorted(Pairs([values], Random(1)).ties(0)) == pytest.approx(sorted(subsets))

    @given(numbers)
    def test_separation_is_a_share_and_a_function_of_t(self, values: list[float]) -> None:
        pairs = Pairs([values], Random(1))
        (share,) = pairs.observed()
        assert -1e-9 <= share <= 1 + 1e-9
        if 1e-6 < share < 1 - 1e-6 and pairs.standard_error(0) > 1e-6:
            t = pairs.effect(0) / pairs.standard_error(0)
            assert t * t == pytest.approx(pairs.freedom * share / (1 - share), rel=1e-3)


class TestGroups:
    def test_all_deals_are_tried_where_they_are_few(self) -> None:
        groups = Groups([([1.0, 2.0, 3.0, 4.0], [9.0, 8.0, 7.0, 6.0])], Random(1))
        assert len(list(groups.separations())) == math.comb(8, 4)
        assert groups.lowest_p == pytest.approx(2 / 70)

    @given(numbers, numbers)
    def test_separation_is_a_share_and_a_function_of_t(self, before: list[float], after: list[float]) -> None:
        groups = Groups([(before, after)], Random(1))
        (share,) = groups.observed()
        assert -1e-9 <= share <= 1 + 1e-9
        if 1e-6 < share < 1 - 1e-6 and groups.standard_error(0) > 1e-6:
            t = groups.effect(0) / groups.standard_error(0)
            assert t * t == pytest.approx(groups.freedom * share / (1 - share), rel=1e-3)

    def test_ties_are_shifts_at_which_a_deal_separates_as_well(self) -> None:
        before, after = [1.0, 2.0, 5.0], [6.0, 9.0, 7.5]
        for shift in Groups([(before, after)], Random(1)).ties(0):
            moved = [value - shift for value in after]
            truth = fmean(moved) - fmean(before)
            runs = [*before, *moved]
            deals = [
                fmean(runs[i] for i in dealt) - fmean(runs[i] for i in range(6) if i not in dealt)
                for dealt in combinations(range(6), 3)
                if dealt != (3, 4, 5)
            ]
            assert min(abs(deal - truth) for deal in deals) < 1e-9

    def test_equal_values_have_no_separation(self) -> None:
        assert Groups([([0.1] * 3, [0.1] * 3)], Random(1)).observed() == [0.0]
        assert Pairs([[0.0] * 3], Random(1)).observed() == [0.0]
