"""The store: bounded, and whole in what it still has."""

from __future__ import annotations

from typing import Any

import pytest
from apm_events import AT_MS, AT_US, METADATA, error, line, span, transaction
from hypothesis import given
from hypothesis import strategies as st

from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.document import base_document
from stressdash.embedded.apm.spill import Spill
from stressdash.embedded.apm.store import Store

BASE = base_document(METADATA, AT_US)


def add_transaction(store: Store, number: int, **fields: object) -> int:
    event = transaction(number, **fields)
    return store.add(Line(line("transaction", event), BASE, event["trace_id"]))


def add_error(
    store: Store, number: int, *, sampled: bool = True, at_ms: int = AT_MS, key: str = "k", group: int = 1
) -> None:
    event = error(number)
    store.add_error(
        Line(line("error", event), BASE, event["trace_id"], key), group, 0, at_ms, sampled=sampled
    )


def opened(store: Store, reference: int | None) -> dict[str, Any]:
    assert reference is not None
    document = store.document(reference)
    assert document is not None
    return document


def trace_id(number: int) -> str:
    return f"{number:032x}"


class TestFinding:
    def test_a_reference_leads_back_to_its_document(self) -> None:
        store = Store(Spill(), 10_000)
        references = {number: add_transaction(store, number) for number in range(2000)}
        for number in (0, 1, 999, 1998, 1999):
            assert opened(store, references[number])["transaction"]["id"] == f"{number:016x}"

    def test_a_trace_is_found_over_several_requests(self) -> None:
        store = Store(Spill(), 1000)
        add_transaction(store, 5)
        add_transaction(store, 6)
        store.add(Line(line("span", span(5)), BASE, trace_id(5)))
        kinds = [opened(store, reference)["processor"]["event"] for reference in store.trace(trace_id(5))]
        assert kinds == ["transaction", "span"]

    def test_nothing_is_known_of_other_traces(self) -> None:
        assert list(Store(Spill(), 10).trace(trace_id(1))) == []

    def test_errors_have_their_group_and_others_none(self) -> None:
        store = Store(Spill(), 100)
        reference = add_transaction(store, 1)
        add_error(store, 1, group=7)
        assert [store.group_of(found) for found in store.trace(trace_id(1))] == [None, 7]
        assert store.group_of(reference) is None

    def test_groups_of_several_traces_are_found_in_memory_and_in_the_spill(self) -> None:
        store = Store(Spill(), 64)  # a block holds four
        for number in range(1, 8):
            add_transaction(store, number)
            if number % 2:
                add_error(store, number, group=number)
                add_error(store, number, group=10)
                add_error(store, number, group=number)
        found = store.groups_of([trace_id(number) for number in (7, 1, 2, 99)])
        assert found == {trace_id(1): [1, 10], trace_id(2): [], trace_id(7): [7, 10]}

    def test_sampled_errors_come_first_then_the_newest(self) -> None:
        store = Store(Spill(), 100)
        for number, sampled, at_ms in ((1, False, 50), (2, True, 10), (3, True, 30), (4, False, 40)):
            add_error(store, number, sampled=sampled, at_ms=at_ms)
        pages = [store.page(1, position, None, None, None) for position in range(5)]
        ids = [opened(store, page.reference)["error"]["id"] for page in pages[:4]]
        assert ids == [trace_id(number) for number in (3, 2, 1, 4)]
        assert pages[4] == (None, 4)
        assert [store.position(page.reference or 0) for page in pages[:4]] == [(n, 4) for n in range(4)]

    def test_a_range_takes_its_start_and_leaves_its_end(self) -> None:
        store = Store(Spill(), 100)
        for at_ms in (10, 20, 30):
            add_error(store, at_ms, at_ms=at_ms)
        pages = [store.page(1, position, 10, 30, None) for position in range(2)]
        assert [opened(store, page.reference)["error"]["id"] for page in pages] == [
            trace_id(20),
            trace_id(10),
        ]
        assert pages[0].total == 2
        assert store.page(2, 0, None, None, None) == (None, 0)


class TestBounds:
    @given(st.integers(1, 300), st.integers(0, 900))
    def test_never_more_than_asked_for_and_never_much_less(self, limit: int, added: int) -> None:
        store = Store(Spill(), limit)
        for number in range(added):
            add_transaction(store, number)
        assert store.count <= limit
        assert store.count >= min(added, limit - limit // 8 - 1)
        assert store.count + store.forgotten == added

    def test_the_oldest_go_with_their_traces_and_groups(self) -> None:
        store = Store(Spill(), 160)
        add_error(store, 1, group=9)
        for number in range(2, 400):
            add_transaction(store, number)
        assert list(store.trace(trace_id(1))) == []
        assert store.page(9, 0, None, None, None) == (None, 0)
        assert [number for number in range(400) if store.trace(trace_id(number))] == list(
            range(400 - store.count, 400)
        )

    def test_a_trace_that_goes_on_keeps_its_newer_part(self) -> None:
        store = Store(Spill(), 160)
        for number in range(400):
            add_transaction(store, 7, id=f"{number:016x}")
        kept = [opened(store, reference)["transaction"]["id"] for reference in store.trace(trace_id(7))]
        assert kept == [f"{number:016x}" for number in range(400 - store.count, 400)]

    def test_bytes_are_bounded_too(self) -> None:
        store = Store(Spill(), 1_000_000, max_bytes=20_000)
        for number in range(8000):
            add_transaction(store, number, name="x" * 700)
        assert store.forgotten > 0
        assert store._full_bytes <= 20_000

    @pytest.mark.parametrize("size", [1, 300_000])
    def test_lines_of_any_size_survive_compression(self, size: int) -> None:
        store = Store(Spill(), 1000)
        references = [add_transaction(store, number, name="y" * size) for number in range(5)]
        assert [len(opened(store, ref)["transaction"]["name"]) for ref in references] == [size] * 5


class TestSpill:
    def test_what_was_forgotten_is_none(self) -> None:
        store = Store(Spill(), 160)
        reference = add_transaction(store, 1)
        for number in range(2, 400):
            add_transaction(store, number)
        assert store.document(reference) is None

    def test_a_later_request_keeps_its_own_fields(self) -> None:
        store = Store(Spill(), 1600)
        bases = [base_document({**METADATA, "labels": {"n": str(n)}}, AT_US + n) for n in range(300)]
        references = [
            store.add(Line(line("span", span(n)), base, trace_id(n))) for n, base in enumerate(bases)
        ]
        labels = [opened(store, reference)["labels"]["n"] for reference in references]
        assert labels == [str(n) for n in range(300)]
