"""Faults of a run: counted exactly, sampled fairly, bounded always."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from window_factory import exemplar, fault, window, windows

from stressdash.metrics.faults import RESERVOIR, SECONDS, FaultTable, merge_faults
from stressdash.samples import Fault, Window

SECOND_NS = 1_000_000_000


def table_of(*parts: Window, kinds: int = 256) -> FaultTable:
    table = FaultTable(Random(1), kinds)
    for part in parts:
        table.add(part)
    return table


def without_ids(faults: tuple[Fault, ...]) -> list[tuple[object, ...]]:
    return [(f.key, f.count, f.first_ns, f.last_ns, [e.at_ns for e in f.exemplars]) for f in faults]


class TestCounting:
    @settings(max_examples=40)
    @given(st.lists(windows(), max_size=5), st.randoms(use_true_random=False))
    def test_does_not_depend_on_the_order_of_windows(self, parts: list[Window], shuffle: Random) -> None:
        shuffled = parts[:]
        shuffle.shuffle(shuffled)
        assert without_ids(table_of(*parts).top()) == without_ids(table_of(*shuffled).top())

    @settings(max_examples=40)
    @given(st.lists(windows(), max_size=5), st.integers(0, 3))
    def test_nothing_vanishes_beyond_the_cap(self, parts: list[Window], kinds: int) -> None:
        table = table_of(*parts, kinds=kinds)
        failed = sum(f.count for part in parts for f in part.faults) + sum(
            part.faults_other for part in parts
        )
        assert len(table) <= kinds
        assert table.total == failed
        assert sum(table.by_category().values()) == failed

    def test_the_most_frequent_come_first(self) -> None:
        table = table_of(window(faults=(fault(2, code="a"), fault(5, code="b"), fault(1, code="c"))))
        assert [f.code for f in table.top(2)] == ["b", "a"]

    def test_keeps_the_first_and_the_latest_exemplar(self) -> None:
        parts = [window(faults=(fault(exemplars=(exemplar(at_ns),)),)) for at_ns in (30, 10, 50, 20)]
        (found,) = table_of(*parts).top()
        assert [(e.kind, e.at_ns) for e in found.exemplars] == [("first", 10), ("latest", 50)]

    def test_counts_by_second_up_to_a_moment(self) -> None:
        table = table_of(
            window(start_ns=3 * SECOND_NS, faults=(fault(2),)),
            window(start_ns=5 * SECOND_NS + 1, faults=(fault(7),)),
        )
        key = fault().key
        assert table.per_second(key, 6 * SECOND_NS, 4) == (0, 2, 0, 7)
        assert table.per_second(("no", "such", "fault"), 6 * SECOND_NS, 2) == (0, 0)

    def test_forgets_seconds_long_past(self) -> None:
        parts = [window(start_ns=n * SECOND_NS, faults=(fault(),)) for n in range(3 * SECONDS)]
        table = table_of(*parts)
        assert len(table._entries[fault().key].seconds) <= 2 * SECONDS
        assert sum(table.per_second(fault().key, 3 * SECONDS * SECOND_NS, SECONDS)) == SECONDS


class TestReservoir:
    def test_stays_bounded(self) -> None:
        parts = [
            window(faults=(fault(16, trace_ids=tuple(f"{w}-{n}" for n in range(16))),)) for w in range(100)
        ]
        (found,) = table_of(*parts).top()
        assert len(found.trace_ids) == RESERVOIR
        assert found.count == 1_600

    def test_keeps_all_ids_while_they_fit(self) -> None:
        (found,) = table_of(window(faults=(fault(2, trace_ids=("a", "b")),))).top()
        assert found.trace_ids == ("a", "b")

    def test_an_id_stands_for_as_many_failures_as_it_was_drawn_from(self) -> None:
        # Half of all failures happened in crowded windows, of which only a tenth of the ids came through.
        parts = []
        for w in range(2_000):
            crowded = tuple(f"crowded-{w}-{n}" for n in range(1))
            quiet = tuple(f"quiet-{w}-{n}" for n in range(10))
            parts += [
                window(faults=(fault(10, trace_ids=crowded),)),
                window(faults=(fault(10, trace_ids=quiet),)),
            ]
        (found,) = table_of(*parts).top()
        share = sum(trace_id.startswith("crowded") for trace_id in found.trace_ids) / RESERVOIR
        assert 0.4 < share < 0.6


class TestMergeFaults:
    def test_joins_counts_times_and_ids_by_kind(self) -> None:
        merged = merge_faults(
            [
                fault(2, first_ns=5, last_ns=9, trace_ids=("b",)),
                fault(3, first_ns=1, last_ns=6, trace_ids=("a",)),
                fault(1, code="other"),
            ]
        )
        assert [(f.code, f.count) for f in merged] == [("internal", 5), ("other", 1)]
        assert (merged[0].first_ns, merged[0].last_ns, merged[0].trace_ids) == (1, 9, ("a", "b"))
