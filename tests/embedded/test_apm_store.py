"""The store: bounded, and whole in what it still has."""

from __future__ import annotations

import pytest
from apm_events import AT_MS, AT_US, METADATA, error, line, span, transaction
from hypothesis import given
from hypothesis import strategies as st

from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.document import base_document
from stressdash.embedded.apm.store import Store

BASE = base_document(METADATA, AT_US)


def add_transaction(store: Store, number: int, **fields: object) -> int:
    event = transaction(number, **fields)
    return store.add(Line(line("transaction", event), BASE, event["trace_id"]))


def add_error(store: Store, number: int, *, sampled: bool = True, at_ms: int = AT_MS, key: str = "k") -> None:
    event = error(number)
    store.add_error(Line(line("error", event), BASE, event["trace_id"], key), at_ms, sampled=sampled)


def trace_id(number: int) -> str:
    return f"{number:032x}"


class TestFinding:
    def test_a_reference_leads_back_to_its_document(self) -> None:
        store = Store(10_000)
        references = {number: add_transaction(store, number) for number in range(2000)}
        for number in (0, 1, 999, 1998, 1999):
            assert store.document(references[number])["transaction"]["id"] == f"{number:016x}"

    def test_a_trace_is_found_over_several_requests(self) -> None:
        store = Store(1000)
        add_transaction(store, 5)
        add_transaction(store, 6)
        store.add(Line(line("span", span(5)), BASE, trace_id(5)))
        kinds = [store.document(reference)["processor"]["event"] for reference in store.trace(trace_id(5))]
        assert kinds == ["transaction", "span"]

    def test_nothing_is_known_of_other_traces(self) -> None:
        assert list(Store(10).trace(trace_id(1))) == []

    def test_errors_have_their_group_and_others_none(self) -> None:
        store = Store(100)
        reference = add_transaction(store, 1)
        add_error(store, 1, key="abc")
        assert [store.group_of(found) for found in store.trace(trace_id(1))] == ["", "abc"]
        assert store.group_of(reference) == ""

    def test_sampled_errors_come_first_then_the_newest(self) -> None:
        store = Store(100)
        for number, sampled, at_ms in ((1, False, 50), (2, True, 10), (3, True, 30), (4, False, 40)):
            add_error(store, number, sampled=sampled, at_ms=at_ms)
        ids = [store.document(row.reference)["error"]["id"] for row in store.group_rows("k")]
        assert ids == [trace_id(number) for number in (3, 2, 1, 4)]

    def test_a_range_takes_its_start_and_leaves_its_end(self) -> None:
        store = Store(100)
        for at_ms in (10, 20, 30):
            add_error(store, at_ms, at_ms=at_ms)
        assert [row.at_ms for row in store.group_rows("k", 10, 30)] == [20, 10]
        assert store.group_rows("other") == []


class TestBounds:
    @given(st.integers(1, 300), st.integers(0, 900))
    def test_never_more_than_asked_for_and_never_much_less(self, limit: int, added: int) -> None:
        store = Store(limit)
        for number in range(added):
            add_transaction(store, number)
        assert store.count <= limit
        assert store.count >= min(added, limit - limit // 8 - 1)
        assert store.count + store.forgotten == added

    def test_the_oldest_go_with_their_traces_and_groups(self) -> None:
        store = Store(160)
        add_error(store, 1, key="old")
        for number in range(2, 400):
            add_transaction(store, number)
        assert list(store.trace(trace_id(1))) == []
        assert store.group_rows("old") == []
        assert store._groups == {}
        assert len(store._traces) == store.count

    def test_a_trace_that_goes_on_keeps_its_newer_part(self) -> None:
        store = Store(160)
        for number in range(400):
            add_transaction(store, 7, id=f"{number:016x}")
        kept = [store.document(reference)["transaction"]["id"] for reference in store.trace(trace_id(7))]
        assert kept == [f"{number:016x}" for number in range(400 - store.count, 400)]

    def test_bytes_are_bounded_too(self) -> None:
        store = Store(1_000_000, max_bytes=20_000)
        for number in range(8000):
            add_transaction(store, number, name="x" * 700)
        assert store.forgotten > 0
        assert store._sealed_bytes <= 20_000

    @pytest.mark.parametrize("size", [1, 300_000])
    def test_lines_of_any_size_survive_compression(self, size: int) -> None:
        store = Store(1000)
        references = [add_transaction(store, number, name="y" * size) for number in range(5)]
        assert [len(store.document(ref)["transaction"]["name"]) for ref in references] == [size] * 5
