from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.metrics.attribution import PARTS, attribution, merged
from stressdash.samples import Breakdown, BreakdownPart

SECOND = Breakdown(
    (
        BreakdownPart("app", "", 100, 1_000_000),
        BreakdownPart("db", "pool", 90, 2_000_000),
        BreakdownPart("db", "mysql", 80, 3_000_000),
        BreakdownPart("external", "http", 10, 500_000),
    )
)
KINDS = st.sampled_from([("app", ""), ("db", "pool"), ("db", "mysql"), ("external", "http")])
PART = st.builds(
    lambda kind, count, sum_us: BreakdownPart(*kind, count, sum_us),
    KINDS,
    st.integers(1, 10**6),
    st.integers(0, 10**12),
)


class TestAttribution:
    def test_the_clients_mean_is_cut_into_the_services_parts_and_the_rest(self) -> None:
        assert attribution(100_000, SECOND) == {
            "database": 30_000,
            "pool": 20_000,
            "app": 10_000,
            "other": 5_000,
            "network": 35_000,
        }

    def test_without_one_of_the_two_accounts_nothing_is_known(self) -> None:
        assert attribution(None, SECOND) == {}
        assert attribution(100_000, None) == {}
        assert attribution(100_000, Breakdown()) == {}

    def test_a_service_that_works_longer_than_its_clients_wait_leaves_no_negative_rest(self) -> None:
        assert attribution(40_000, SECOND)["network"] == 0

    @given(mean=st.floats(0, 1e12), parts=st.lists(PART, max_size=6))
    def test_parts_are_never_negative_and_never_less_than_the_clients_mean(
        self, mean: float, parts: list[BreakdownPart]
    ) -> None:
        found = attribution(mean, Breakdown(tuple(parts)))
        assert set(found) in (set(), set(PARTS))
        assert all(value >= 0 for value in found.values())
        assert not found or sum(found.values()) >= mean * (1 - 1e-9)


class TestMerged:
    def test_parts_of_one_kind_add_up(self) -> None:
        both = merged([SECOND, SECOND])
        assert both is not None
        assert BreakdownPart("db", "pool", 180, 4_000_000) in both.parts
        assert attribution(100_000, both) == pytest.approx(attribution(100_000, SECOND))

    def test_of_none_nothing_is_known(self) -> None:
        assert merged([]) is None
