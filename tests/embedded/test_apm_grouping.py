"""The grouping key: apm-server 9's own values, and what must not change them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import xxhash
from apm_events import SAMPLES, error, frame, line
from hypothesis import given
from hypothesis import strategies as st

from stressdash.embedded.apm.grouping import grouping_key
from stressdash.embedded.apm.shapes import ErrorEvent, ErrorLine
from stressdash.wire import strict_json

read = strict_json(ErrorLine)
texts = st.text(max_size=12)


def event(**fields: Any) -> ErrorEvent:
    return read(line("error", error(**fields))).error


def key_of(text: str) -> str:
    return xxhash.xxh64_hexdigest(text.encode())


class TestRealServer:
    def test_every_error_of_the_samples_has_the_key_that_elastic_gave_it(self) -> None:
        documents = [json.loads(d) for d in (SAMPLES / "apm-docs.bulk.ndjson").read_text().splitlines()[1::2]]
        expected = {d["error"]["id"]: d["error"]["grouping_key"] for d in documents if "error" in d}
        lines = (SAMPLES / "intake.ndjson").read_bytes().splitlines()
        events = [read(text).error for text in lines if text.startswith(b'{"error"')]
        assert {e.id: grouping_key(e) for e in events} == expected
        assert len(expected) == 9


class TestParts:
    def test_types_come_before_frames_and_causes_after_their_exception(self) -> None:
        cause = {"type": "B", "message": "b", "stacktrace": [frame("inner", "m2")]}
        exception = {"type": "A", "message": "a", "stacktrace": [frame("outer", "m1")], "cause": [cause]}
        assert grouping_key(event(exception=exception)) == key_of("ABm1outerm2inner")

    @pytest.mark.parametrize(
        ("place", "hashed"),
        [
            ({"module": "m", "filename": "f", "classname": "c"}, "m"),
            ({"module": None, "filename": "f", "classname": "c"}, "f"),
            ({"module": None, "filename": None, "classname": "c"}, "c"),
        ],
    )
    def test_a_frame_counts_by_its_first_known_place(self, place: dict[str, str], hashed: str) -> None:
        exception = {"type": "T", "stacktrace": [{**frame("go"), **place}]}
        assert grouping_key(event(exception=exception)) == key_of(f"T{hashed}go")

    def test_frames_of_the_log_count_only_without_frames_of_an_exception(self) -> None:
        log = {"message": "m", "param_message": "p", "stacktrace": [frame("logged", "l")]}
        assert grouping_key(event(log=log, exception=None)) == key_of("pllogged")
        with_frames = {"type": "T", "stacktrace": [frame("raised", "r")]}
        assert grouping_key(event(log=log, exception=with_frames)) == key_of("Tprraised")

    def test_messages_count_only_when_nothing_else_does(self) -> None:
        assert grouping_key(event(exception={"message": "only this"})) == key_of("only this")
        assert grouping_key(event(exception=None, log={"message": "or this"})) == key_of("or this")


class TestStability:
    @given(texts, texts, st.integers(1, 9999), st.integers(1, 9999))
    def test_messages_and_line_numbers_do_not_split_a_group(
        self, one: str, other: str, line_one: int, line_other: int
    ) -> None:
        def raised(message: str, lineno: int) -> ErrorEvent:
            frames = [frame(lineno=lineno, context_line=message)]
            return event(exception={"type": "T", "message": message, "stacktrace": frames})

        assert grouping_key(raised(one, line_one)) == grouping_key(raised(other, line_other))

    @given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12))
    def test_different_types_are_different_groups(self, one: str, other: str) -> None:
        keys = [
            grouping_key(event(exception={"type": name, "stacktrace": [frame()]})) for name in (one, other)
        ]
        assert (keys[0] == keys[1]) == (one == other)

    def test_long_chains_of_causes_are_no_problem(self) -> None:
        exception: dict[str, Any] = {"type": "T0"}
        for number in range(1, 150):
            exception = {"type": f"T{number}", "cause": [exception]}
        assert len(grouping_key(event(exception=exception))) == 16
