"""Windows come back from a row as they went in."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from window_factory import exemplar, fault, window, windows

from stressdash.errors import BadInput
from stressdash.samples import Fault, RequestCounts, Window
from stressdash.store.gridrow import FIELDS, deflate, inflate, pack_windows, unpack_windows

ORIGIN_NS = 10**12


class Numbers:
    """Numbers faults in the order in which they are met."""

    def __init__(self) -> None:
        self._next = count(1)
        self.of: dict[tuple[str, str, str], int] = {}

    def __call__(self, fault: Fault) -> int:
        if fault.key not in self.of:
            self.of[fault.key] = next(self._next)
        return self.of[fault.key]

    @property
    def kinds(self) -> dict[int, tuple[str, str, str]]:
        return {number: key for key, number in self.of.items()}


def again(*given: Window) -> tuple[Window, ...]:
    numbers = Numbers()
    body = pack_windows(given, ORIGIN_NS, numbers)
    return unpack_windows(body, ORIGIN_NS, numbers.kinds)


def kept(one: Window) -> Window:
    """What a row keeps of a window: no answers, and trace ids in order."""
    faults = tuple(replace(f, exemplars=(), trace_ids=tuple(sorted(f.trace_ids))) for f in one.faults)
    slowest = tuple(replace(e, head=b"", body=b"") for e in one.exemplars)
    return replace(one, faults=faults, exemplars=slowest)


class TestRows:
    @settings(max_examples=60)
    @given(st.lists(windows(), max_size=3))
    def test_give_back_what_was_put_in(self, parts: list[Window]) -> None:
        moved = [replace(part, start_ns=part.start_ns + ORIGIN_NS) for part in parts]
        assert again(*moved) == tuple(kept(part) for part in moved)

    def test_keep_figures_by_name_of_the_request(self) -> None:
        counts = RequestCounts(3, 1, 4, {2000: 3, 7: 1}, {2000: 1}, {}, {})
        named = window(start_ns=ORIGIN_NS, by_request={"push": counts, "get": replace(counts, failed=9)})
        assert again(named) == (named,)

    def test_leave_out_the_answers_of_slow_requests(self) -> None:
        slow = replace(exemplar(ORIGIN_NS + 5, "slowest"), body=b"secret", head=b"HTTP/1.1 200")
        [back] = again(window(start_ns=ORIGIN_NS, exemplars=(slow,)))
        assert back.exemplars == (replace(slow, body=b"", head=b""),)

    def test_count_faults_without_a_number_among_the_others(self) -> None:
        body = pack_windows([window(faults=(fault(7),), faults_other=2)], 0, lambda _: None)
        [back] = unpack_windows(body, 0, {})
        assert (back.faults, back.faults_other) == ((), 9)

    def test_of_a_window_with_fewer_fields_have_their_defaults(self) -> None:
        numbers = Numbers()
        body = pack_windows([window(start_ns=5, sent=3)], 0, numbers)
        shorter = [inflate(body)[0][:-2]]
        [back] = unpack_windows(deflate(shorter), 0, {})
        assert (back.sent, back.by_request, back.busiest_cpu_ns) == (3, {}, 0)

    def test_are_read_by_the_names_that_their_file_has(self) -> None:
        body = pack_windows([window(start_ns=5, sent=3)], 0, Numbers())
        [packed] = inflate(body)
        [back] = unpack_windows(
            deflate([["new", *reversed(packed)]]), 0, {}, ("of_a_newer_one", *reversed(FIELDS))
        )
        assert back == window(start_ns=5, sent=3)


class TestDamage:
    @pytest.mark.parametrize("body", [b"", b"no zlib", deflate([[1, 2]]), deflate({"a": 1}), deflate(["x"])])
    def test_is_told_in_a_sentence(self, body: bytes) -> None:
        with pytest.raises(BadInput):
            unpack_windows(body, 0, {})

    def test_a_row_that_inflates_without_end_is_refused(self) -> None:
        with pytest.raises(BadInput):
            unpack_windows(deflate([b"\0" * (1 << 25)]), 0, {})
