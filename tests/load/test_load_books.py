"""The books: what was added since the last window is in the next one, once, and in bounded memory."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stressdash.load.books import KINDS_LIMIT, RESERVOIR, Books, Cell, Ending, Gauges, Issue
from stressdash.load.faults import FaultKind
from stressdash.samples import Phase, Window

CELL = Cell(0, 100_000_000, 0, Phase.RUN)
GAUGES = Gauges(target=1, open=1, busy=1, in_flight=1, age_ns=0, cpu_ns=0)
KIND = FaultKind("read", "EOF", "closed")


def make_books() -> Books:
    return Books(7, 0, random.Random(1))


def close(books: Books, **gauges: int) -> Window:
    return books.close(CELL, replace(GAUGES, **gauges), Issue(0, 0))


def ending(number: int = 1, at_ns: int = 5, request: str = "a") -> Ending:
    return Ending(at_ns, 0, 0, number, request=request)


latencies = st.lists(st.tuples(st.integers(0, 10**12), st.sampled_from([200, 404, 500])), max_size=30)


class TestWindows:
    @given(st.lists(latencies, min_size=1, max_size=5))
    def test_windows_add_up_to_one_window_of_everything(self, parts: list[list[tuple[int, int]]]) -> None:
        in_parts, at_once = make_books(), make_books()
        windows = []
        for part in parts:
            for latency_ns, status in part:
                for books in (in_parts, at_once):
                    books.answered(books.account("a"), status, latency_ns, latency_ns // 2)
                    if status >= 400:
                        books.failed_answer(FaultKind("http", str(status), ""), latency_ns, ending())
            windows.append(close(in_parts))
        whole = close(at_once)
        for name in ("latency", "latency_failed", "first_byte", "statuses"):
            total: Counter[int] = Counter()
            for window in windows:
                total.update(getattr(window, name))
            assert total == getattr(whole, name)
        for name in ("completed", "failed", "responses"):
            assert sum(getattr(window, name) for window in windows) == getattr(whole, name)
        assert sum(fault.count for window in windows for fault in window.faults) == whole.failed

    def test_a_window_starts_empty(self) -> None:
        books = make_books()
        books.answered(books.account("a"), 200, 1000, 500)
        books.fault(KIND, ending())
        close(books)
        empty = close(books)
        assert (empty.completed, empty.failed, empty.latency, empty.faults) == (0, 0, {}, ())

    def test_answers_of_one_read_are_latency_and_first_byte_alike(self) -> None:
        books = make_books()
        books.account("a").single[12] += 3
        books.statuses[200] += 3
        window = close(books)
        assert window.latency == window.first_byte == {12: 3}
        assert window.completed == 3

    def test_busy_time_is_what_ended_and_what_grew_older(self) -> None:
        books = make_books()
        assert close(books, age_ns=70).busy_ns == 70
        books.answered(books.account("a"), 200, 100, 100)
        assert close(books, age_ns=20).busy_ns == 100 + 20 - 70

    def test_cpu_time_is_counted_from_the_beginning_of_the_run(self) -> None:
        books = make_books()
        books.begin(1000)
        assert close(books, cpu_ns=1500).cpu_ns == 500
        assert close(books, cpu_ns=1700).cpu_ns == 200


class TestNames:
    def test_one_name_needs_no_figures_of_its_own(self) -> None:
        books = make_books()
        books.answered(books.account("a"), 200, 1000, 500)
        assert close(books).by_request == {}

    def test_each_name_has_what_became_of_its_requests(self) -> None:
        books = make_books()
        a, b = books.account("a"), books.account("b")
        a.single[7] += 2
        books.statuses[200] += 2
        books.answered(a, 500, 9000, 500)
        books.failed_answer(KIND, 9000, ending())
        books.timed_out(KIND, 8000, ending(request="b"))
        b.intended[3] += 1
        window = close(books)
        first, other = window.by_request["a"], window.by_request["b"]
        assert (first.completed, first.failed, first.responses) == (2, 1, 3)
        assert (other.completed, other.failed, other.responses) == (0, 1, 0)
        assert first.latency == {7: 2, 9: 1}
        assert other.latency == other.latency_timeouts == {8: 1}
        assert other.latency_intended == window.latency_intended == {3: 1}
        assert (window.completed, window.failed, window.responses) == (2, 2, 3)

    def test_what_holds_no_request_is_in_no_account(self) -> None:
        books = make_books()
        books.account("a"), books.account("b")
        books.fault(KIND, ending(number=0, request=""))
        window = close(books)
        assert window.failed == 1
        assert set(window.by_request) == {"a", "b"}
        assert not any(counts.failed for counts in window.by_request.values())


class TestFaults:
    def test_the_first_exemplar_comes_once_and_the_latest_with_every_window(self) -> None:
        books = make_books()
        kinds = []
        for at_ns in (1, 2, 3):
            books.fault(KIND, ending(number=at_ns, at_ns=at_ns))
            kinds.append([exemplar.kind for exemplar in close(books).faults[0].exemplars])
        assert kinds == [["first", "latest"], ["latest"], ["latest"]]

    def test_kinds_beyond_the_cap_are_counted_as_other(self) -> None:
        books = make_books()
        for number in range(KINDS_LIMIT + 50):
            books.fault(FaultKind("http", "500", f"kind {number}"), ending())
        window = close(books)
        assert len(window.faults) == KINDS_LIMIT
        assert window.faults_other == 50
        assert window.failed == KINDS_LIMIT + 50

    def test_the_cap_holds_over_the_whole_run(self) -> None:
        books = make_books()
        for number in range(KINDS_LIMIT + 50):
            books.fault(FaultKind("http", "500", f"kind {number}"), ending())
            close(books)
        books.fault(FaultKind("http", "500", "kind 0"), ending())
        books.fault(FaultKind("http", "500", "new"), ending())
        window = close(books)
        assert [fault.message for fault in window.faults] == ["kind 0"]
        assert window.faults_other == 1

    def test_trace_ids_are_a_bounded_sample_of_all_failures(self) -> None:
        books = make_books()
        for number in range(1, 1001):
            books.fault(KIND, ending(number))
        (fault,) = close(books).faults
        numbers = [int(trace_id[20:], 16) for trace_id in fault.trace_ids]
        assert len(set(numbers)) == RESERVOIR
        assert max(numbers) > 500

    def test_a_refused_connect_has_no_trace_id(self) -> None:
        books = make_books()
        books.fault(FaultKind("connect", "ECONNREFUSED", ""), Ending(5, None, 3, 0))
        (fault,) = close(books).faults
        assert fault.trace_ids == ()
        assert (fault.exemplars[0].trace_id, fault.exemplars[0].latency_us) == (None, None)

    def test_exemplars_keep_the_beginning_of_an_answer_only(self) -> None:
        books = make_books()
        books.fault(KIND, Ending(5, 0, 0, 1, head=b"h" * 9000, body=b"b" * 9000))
        exemplar = close(books).faults[0].exemplars[0]
        assert (len(exemplar.head), len(exemplar.body)) == (1024, 2048)
