"""Client faults find their APM groups, shares carry honest intervals, and what does not join says why."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from window_factory import fault

from stressdash.metrics.join import ApmView, Axis, explained_share, fault_id, join, share_interval, votes
from stressdash.samples import ErrorGroup, Fault
from stressdash.snapshot import ErrorRow

AXIS = Axis(origin_ns=5_000_000_000, origin_ms=1_000_000)


def group(key: str = "g1", count: int = 10, **given: object) -> ErrorGroup:
    values: dict[str, object] = {"first_ms": 1_000_500, "last_ms": 1_002_000} | given
    return ErrorGroup(key, "OperationalError", f"message of {key}", "service.push", True, count, **values)


def rows_of(
    faults: list[Fault], groups: list[ErrorGroup], looked_up: dict[str, tuple[str, ...]], **given: Any
) -> tuple[ErrorRow, ...]:
    context: dict[str, Any] = {"axis": AXIS, "now_s": 10.0, "apm": ApmView()} | given
    return join(faults, groups, looked_up, **context)


def only(rows: tuple[ErrorRow, ...]) -> ErrorRow:
    (row,) = rows
    return row


class TestJoin:
    def test_a_fault_and_the_group_of_its_traces_share_a_row(self) -> None:
        row = only(rows_of([fault(12, trace_ids=("a", "b"))], [group()], {"a": ("g1",), "b": ("g1",)}))
        assert (row.client_count, row.apm_count, row.apm_group, row.joined_share) == (12, 10, "g1", 1.0)
        assert row.note == ""

    def test_the_group_with_most_votes_names_the_row_and_others_are_told(self) -> None:
        looked_up = {"a": ("g1",), "b": ("g2",), "c": ("g2",), "d": ()}
        rows = rows_of([fault(40, trace_ids=("a", "b", "c", "d"))], [group("g1"), group("g2")], looked_up)
        first, second = rows
        assert (first.apm_group, first.joined_share, first.note) == ("g2", 0.5, "and 1 more APM group")
        assert (second.category, second.apm_group, second.note) == ("apm", "g1", "part of rpc internal")

    def test_one_group_can_be_behind_several_faults(self) -> None:
        faults = [fault(5, trace_ids=("a",)), fault(3, category="timeout", code="2s", trace_ids=("b",))]
        rows = rows_of(faults, [group()], {"a": ("g1",), "b": ("g1",)})
        assert [row.apm_group for row in rows] == ["g1", "g1"]

    def test_a_group_that_no_client_saw_has_its_own_row(self) -> None:
        row = only(rows_of([], [group(spark=(0, 2, 4))], {}))
        assert (row.category, row.client_count, row.note, row.joined_share) == ("apm", None, "APM only", None)
        assert row.rate_per_s == 2

    def test_a_row_tells_where_in_the_service_its_group_was_raised(self) -> None:
        rows = rows_of([fault(5, trace_ids=("a",))], [group(), group("g2")], {"a": ("g1",)})
        assert [row.culprit for row in rows] == ["service.push", "service.push"]

    def test_times_lie_on_the_axis_of_the_screen(self) -> None:
        seen = fault(first_ns=6_000_000_000, last_ns=8_500_000_000)
        client, apm = sorted(rows_of([seen], [group()], {}), key=lambda row: row.category, reverse=True)
        assert (client.first_s, client.last_s) == (1.0, 3.5)
        assert (apm.first_s, apm.last_s) == (0.5, 2.0)

    def test_rows_are_ordered_by_how_often_they_happened(self) -> None:
        rows = rows_of([fault(3), fault(30, code="other")], [group(count=10)], {})
        assert [max(row.client_count or 0, row.apm_count or 0) for row in rows] == [30, 10, 3]

    def test_a_row_is_new_when_the_run_before_did_not_have_it(self) -> None:
        known = frozenset({fault_id(fault(code="old").key)})
        rows = rows_of([fault(code="old"), fault(code="young")], [], {}, known=known)
        assert {row.code: row.new for row in rows} == {"old": False, "young": True}

    def test_nothing_is_new_in_the_first_run(self) -> None:
        assert not only(rows_of([fault()], [], {})).new

    def test_the_rate_covers_the_last_five_seconds(self) -> None:
        seen = fault()
        row = only(rows_of([seen], [], {}, per_second={seen.key: (100, 1, 2, 3, 4, 5)}))
        assert (row.rate_per_s, row.spark[0]) == (3, 100)

    def test_a_fault_without_words_is_called_by_its_code(self) -> None:
        assert only(rows_of([fault(message="")], [], {})).title == "internal"


class TestReason:
    sampled = fault(5, trace_ids=("a",), last_ns=9_000_000_000)

    @pytest.mark.parametrize(
        ("seen", "looked_up", "apm", "reason"),
        [
            (sampled, {"a": ()}, ApmView(enabled=False), "APM off"),
            (sampled, {"a": ()}, ApmView(reachable=False), "APM cannot be reached"),
            (fault(category="connect"), {}, ApmView(), "never reached the service"),
            (fault(), {}, ApmView(), "no trace id"),
            (sampled, {}, ApmView(), "not looked up yet"),
            (sampled, {"a": ("unlisted",)}, ApmView(), "group not listed"),
            (sampled, {"a": ()}, ApmView(newest_ms=1_002_700), "APM behind by 1.3 s"),
            (sampled, {"a": ()}, ApmView(dropped=4), "no APM event; some were dropped"),
            (fault(category="timeout", trace_ids=("a",)), {"a": ()}, ApmView(), "timeout: no answer"),
            (sampled, {"a": ()}, ApmView(newest_ms=1_009_000), "no APM event"),
        ],
    )
    def test_says_why_a_fault_has_no_group(
        self, seen: Fault, looked_up: dict[str, tuple[str, ...]], apm: ApmView, reason: str
    ) -> None:
        assert only(rows_of([seen], [], looked_up, apm=apm)).note == reason


class TestVotes:
    @given(st.dictionaries(st.integers(0, 30).map(str), st.lists(st.sampled_from("xyz")).map(tuple)))
    def test_count_each_request_once_per_group(self, looked_up: dict[str, tuple[str, ...]]) -> None:
        counted = votes(fault(trace_ids=tuple(looked_up)), looked_up)
        assert counted.sampled == len(looked_up)
        assert counted.joined == sum(bool(groups) for groups in looked_up.values())
        assert dict(counted.groups) == {
            key: n for key in "xyz" if (n := sum(key in groups for groups in looked_up.values()))
        }


class TestShareInterval:
    @given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
    def test_contains_the_observed_share_and_stays_a_share(self, drawn: tuple[int, int]) -> None:
        k, n = drawn
        low, high = share_interval(k, n)
        assert 0 <= low <= k / n <= high <= 1 or low == pytest.approx(k / n) or high == pytest.approx(k / n)

    def test_is_wilsons(self) -> None:
        assert share_interval(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)

    def test_of_nothing_is_everything(self) -> None:
        assert share_interval(0, 0) == (0.0, 1.0)

    def test_shrinks_to_a_point_when_all_were_looked_at(self) -> None:
        assert share_interval(3, 4, population=4) == (0.75, 0.75)
        low, high = share_interval(90, 100, population=110)
        assert high - low < share_interval(90, 100)[1] - share_interval(90, 100)[0]

    def test_covers_the_truth_nineteen_times_in_twenty(self) -> None:
        random = Random(4)
        truth, hits = 0.9, 0
        for _ in range(1_000):
            low, high = share_interval(sum(random.random() < truth for _ in range(200)), 200)
            hits += low <= truth <= high
        assert 930 <= hits <= 975


class TestExplainedShare:
    def test_weighs_each_fault_by_its_count(self) -> None:
        faults = [fault(90, trace_ids=("a",)), fault(10, code="x", trace_ids=("b",))]
        explained = explained_share(faults, {"a": ("g1",), "b": ()})
        assert explained is not None
        assert explained[0] == pytest.approx(0.9)

    def test_a_refused_connect_is_unexplained_for_certain(self) -> None:
        faults = [fault(1, trace_ids=("a",)), fault(1, category="connect")]
        assert explained_share(faults, {"a": ("g1",)}) == (0.5, 0.5, 0.5)

    def test_failures_that_were_not_looked_up_widen_the_interval(self) -> None:
        faults = [fault(1, trace_ids=("a",)), fault(1, code="x", trace_ids=("b",))]
        explained = explained_share(faults, {"a": ("g1",)}, other=2)
        assert explained == pytest.approx((0.25, 0.25, 1.0))

    @pytest.mark.parametrize("faults", [[], [fault()], [fault(trace_ids=("a",))]])
    def test_is_unknown_while_nothing_is_known(self, faults: list[Fault]) -> None:
        assert explained_share(faults, {}) is None

    def test_covers_the_truth_over_strata_of_uneven_samples(self) -> None:
        random = Random(5)
        truths, sizes = (0.95, 0.3), (9_000, 1_000)
        truth = sum(share * size for share, size in zip(truths, sizes, strict=True)) / sum(sizes)
        hits = 0
        for _ in range(500):
            looked_up = {
                f"{stratum}-{n}": ("g1",) if random.random() < share else ()
                for stratum, share in enumerate(truths)
                for n in range(60)
            }
            faults = [
                fault(size, code=f"{stratum}", trace_ids=tuple(f"{stratum}-{n}" for n in range(60)))
                for stratum, size in enumerate(sizes)
            ]
            explained = explained_share(faults, looked_up)
            assert explained is not None
            hits += explained[1] <= truth <= explained[2]
        assert 460 <= hits <= 495
