"""Trace ids lead to a request and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stressdash.load.trace import parse_trace_id, trace_id_of, traceparent_format


class TestTraceIds:
    @given(st.integers(0, 2**64 - 1), st.integers(0, 63), st.integers(1, 2**48 - 1))
    def test_they_say_run_worker_and_number(self, run_id: int, worker: int, number: int) -> None:
        trace_id = trace_id_of(run_id, worker, number)
        assert len(trace_id) == 32
        assert parse_trace_id(trace_id) == (run_id, worker, number)

    def test_what_is_no_trace_id_says_nothing(self) -> None:
        assert parse_trace_id("") is None
        assert parse_trace_id("12") is None
        assert parse_trace_id("x" * 32) is None

    def test_the_header_is_a_sampled_traceparent_of_version_0(self) -> None:
        header = traceparent_format(0xAB, 3) % (258, 258)
        assert header == b"00-00000000000000ab0003000000000102-0003000000000102-01"
        assert header.split(b"-")[1].decode() == trace_id_of(0xAB, 3, 258)
