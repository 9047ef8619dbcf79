"""Documents -> samples: any form that Elasticsearch may hold, and what is wrong counts as not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.apm import parse
from stressdash.samples import Frame

SAMPLES = Path(__file__).parent / "samples"

ERROR: dict[str, Any] = {
    "processor": {"event": "error"},
    "timestamp": {"us": 1_795_464_737_717_552},
    "trace": {"id": "t1"},
    "parent": {"id": "x1"},
    "transaction": {"id": "x1", "name": "Push", "sampled": False},
    "labels": {"twirp_method": "Push", "code": 1040},
    "error": {
        "id": "e1",
        "grouping_key": "abc",
        "culprit": "service.pool.connect",
        "exception": [
            {
                "type": "OperationalError",
                "message": "Error 1040",
                "handled": False,
                "stacktrace": [{"filename": "pool.py", "function": "connect", "line": {"number": 88}}],
            },
            {"type": "OSError", "message": "reset"},
        ],
    },
}


def dotted(document: dict[str, Any]) -> dict[str, Any]:
    """The same document with its outer objects written as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": item for inner, item in dotted(value).items()})
        else:
            flat[key] = value
    return flat


class TestFields:
    @pytest.mark.parametrize(
        "document", [{"a": {"b": {"c": 1}}}, {"a.b.c": 1}, {"a": {"b.c": 1}}, {"a.b": {"c": 1}}]
    )
    def test_nested_and_dotted_are_the_same(self, document: dict[str, Any]) -> None:
        assert parse.field(document, "a.b.c") == 1

    @pytest.mark.parametrize(
        "document", [None, 3, "a", [], {}, {"a": 1}, {"a": {"b": {}}}, {"a": {"b": None}}]
    )
    def test_what_is_not_there_is_none(self, document: Any) -> None:
        assert parse.field(document, "a.b.c") is None

    def test_text_of_a_list_is_its_first(self) -> None:
        assert parse.text({"a": ["one", "two"]}, "a") == "one"

    @pytest.mark.parametrize("value", [None, 1, [], [1], {}, True])
    def test_what_is_no_text_is_empty(self, value: Any) -> None:
        assert parse.text({"a": value}, "a") == ""

    @pytest.mark.parametrize(
        ("value", "expected"), [(3, 3), (3.9, 3), ("3", None), (True, None), (1e400, None)]
    )
    def test_numbers_are_numbers(self, value: Any, expected: int | None) -> None:
        assert parse.number({"a": value}, "a") == expected


class TestErrorSamples:
    @pytest.mark.parametrize("form", [dict, dotted])
    def test_all_parts_are_read(self, form: Any) -> None:
        sample = parse.error_sample(form(ERROR), 2, 50)
        assert (sample.id, sample.group, sample.index, sample.total) == ("e1", "abc", 2, 50)
        assert (sample.type, sample.message, sample.handled) == ("OperationalError", "Error 1040", False)
        assert sample.at_ms == 1_795_464_737_717
        assert sample.frames == (Frame(filename="pool.py", line=88, function="connect"),)
        assert sample.causes == (("OSError", "reset"),)
        assert (sample.trace_id, sample.transaction_id, sample.sampled) == ("t1", "x1", False)

    def test_labels_are_text(self) -> None:
        assert parse.error_sample({**ERROR, "labels": {"code": 1040}}, 0, 1).labels == {"code": "1040"}

    def test_a_single_exception_need_not_be_a_list(self) -> None:
        document = {"error": {"exception": ERROR["error"]["exception"][0]}}
        assert parse.error_sample(document, 0, 1).type == "OperationalError"

    def test_an_empty_document_is_all_unknown(self) -> None:
        sample = parse.error_sample({}, 0, 1)
        assert (sample.type, sample.frames, sample.handled, sample.trace_id) == ("", (), None, None)


class TestTraces:
    @pytest.mark.parametrize("event", ["metric", "", None, "log"])
    def test_what_is_no_part_of_a_trace_is_left_out(self, event: str | None) -> None:
        assert parse.trace("t", [{"processor": {"event": event}}]).spans == ()

    def test_parts_are_ordered_by_start_and_transactions_come_before_their_spans(self) -> None:
        parts = [("span", "s", 5), ("error", "e", 9), ("transaction", "t", 5)]
        documents = [
            {"processor": {"event": kind}, kind: {"id": name}, "timestamp": {"us": at}}
            for kind, name, at in parts
        ]
        assert [span.id for span in parse.trace("x", documents).spans] == ["t", "s", "e"]

    @pytest.mark.parametrize(("sampled", "expected"), [(True, True), (None, True), (False, False)])
    def test_stubs_of_unsampled_transactions_are_not_sampled(
        self, *, sampled: bool | None, expected: bool
    ) -> None:
        document = {"processor": {"event": "transaction"}, "transaction": {"id": "a", "sampled": sampled}}
        assert parse.trace("t", [document]).sampled is expected

    def test_errors_alone_are_a_trace_that_was_not_sampled(self) -> None:
        assert parse.trace("t", [ERROR]).sampled is False


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class TestHostileDocuments:
    @given(st.data())
    def test_any_field_may_hold_anything(self, data: st.DataObject) -> None:
        document = json.loads(json.dumps(ERROR))
        for _ in range(data.draw(st.integers(1, 3))):
            holder = document
            while isinstance(holder, dict) and holder:
                key = data.draw(st.sampled_from(sorted(holder, key=str)))
                if data.draw(st.booleans()) or not isinstance(holder[key], dict):
                    holder[key] = data.draw(values)
                    break
                holder = holder[key]
        sample = parse.error_sample(document, 0, 1)
        assert isinstance(sample.message, str)
        assert all(isinstance(span.name, str) for span in parse.trace("t", [document]).spans)
