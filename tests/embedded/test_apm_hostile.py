"""Whatever is sent, the intake answers, keeps what is good, and can show what it kept."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from apm_events import AT_MS, SAMPLES, body, error, frame, line, span, transaction
from hypothesis import given
from hypothesis import strategies as st

from stressdash.apm import parse
from stressdash.embedded.apm.archive import Archive
from stressdash.embedded.apm.store import POSITION_BITS
from stressdash.embedded.apm.stream import IntakeResult, IntakeStream
from stressdash.samples import Scope
from stressdash.wire import to_json

Json = dict[str, Any]
WRONG: list[Any] = [None, True, 3, -1, 1.5, 10**30, "text", "x" * 2000, [], [None], {}, {"x": None}]
HOSTILE = "\x1b]0;pwned\x07\x1b[2J[red]markup[/red]\u202e\u0000\r\n'; DROP TABLE incoming; --"


def take(archive: Archive, data: bytes) -> IntakeResult:
    stream = IntakeStream(archive, AT_MS * 1000, "", 1 << 26)
    for _ in stream.feed(data):
        pass
    stream.finish()
    return stream.result


def ask_everything(archive: Archive) -> None:
    """Every question about everything that was kept: none may fail, all must be JSON."""
    figures = [
        archive.series(AT_MS, AT_MS + 2000, 1000, Scope()),
        archive.breakdown(AT_MS, AT_MS + 2000, Scope()),
        archive.process_metrics(AT_MS, AT_MS + 2000, 1000, Scope()),
        archive.error_groups(AT_MS - 5000, AT_MS + 5000, Scope()),
        archive.health(0, ""),
        archive.discover(),
        archive.views.transactions(AT_MS, AT_MS + 2000, Scope()),
        archive.views.latency_distribution(AT_MS, AT_MS + 2000, None, Scope()),
        archive.views.dependencies(AT_MS, AT_MS + 2000, Scope()),
        archive.views.overview(AT_MS, AT_MS + 2000, Scope()),
        archive.views.transaction_documents(AT_MS, AT_MS + 2000, None, (0, 1e18), 20, Scope()),
    ]
    for trace_id in traces(archive):
        documents = archive.trace_documents(trace_id)
        figures += [documents, parse.trace(trace_id, documents), archive.groups_of([trace_id])]
        found = archive.trace_error(trace_id)
        if found.document is not None:
            figures.append(parse.error_sample(found.document, found.number, found.total))
    assert all(to_json(figure) for figure in figures)


def traces(archive: Archive) -> set[str]:
    """Ids of all traces that are kept."""
    store = archive._store
    last = store._first + len(store._full)
    references = [
        number << POSITION_BITS | position
        for number in range(store._first, last + 1)
        for position in range(len(store._block(number)))
    ]
    found = (parse.text(store.document(reference), "trace.id") for reference in references)
    return {trace_id for trace_id in found if trace_id}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every field of an event."""
    found = [path] if path else []
    if isinstance(value, dict):
        found += [p for key, item in value.items() for p in places(item, (*path, key))]
    elif isinstance(value, list) and value:
        found += places(value[0], (*path, 0))
    return found


def replaced(event: Json, path: tuple[Any, ...], value: Any) -> Json:
    made = copy.deepcopy(event)
    holder: Any = made
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return made


def samples() -> list[tuple[str, Json]]:
    """The fullest event of each kind that the real agent sent."""
    fullest: dict[str, bytes] = {}
    for text in (SAMPLES / "intake.ndjson").read_bytes().splitlines():
        kind = next(iter(json.loads(text)))
        fullest[kind] = max(fullest.get(kind, b""), text, key=len)
    exception = next(t for t in (SAMPLES / "intake.ndjson").read_bytes().splitlines() if b'"exception"' in t)
    return [next(iter(json.loads(text).items())) for text in (*fullest.values(), exception)]


class TestWrongTypes:
    @pytest.mark.parametrize(("kind", "event"), samples())
    def test_every_field_takes_every_wrong_type_without_harm(self, kind: str, event: Json) -> None:
        archive = Archive(10_000, lambda: AT_MS)
        for path in places(event):
            for value in WRONG:
                changed = line(kind, replaced(event, path, value))
                result = take(
                    archive, body(changed) if kind != "metadata" else body(line("span", span()), meta=changed)
                )
                assert result.accepted + result.invalid == 1
        ask_everything(archive)

    @given(st.sampled_from(["transaction", "span", "error", "metricset", "log"]), st.data())
    def test_random_json_is_refused_or_taken_in(self, kind: str, data: st.DataObject) -> None:
        values = st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
            ),
            max_leaves=10,
        )
        event = data.draw(st.dictionaries(st.sampled_from(list(error()) + list(span())), values, max_size=6))
        archive = Archive(100, lambda: AT_MS)
        take(archive, body(line(kind, {**transaction(), **span(), **error(), "samples": {}, **event})))
        ask_everything(archive)

    @given(st.binary(max_size=300))
    def test_junk_is_answered_and_nothing_of_it_kept(self, junk: bytes) -> None:
        archive = Archive(100, lambda: AT_MS)
        result = take(archive, body(junk.replace(b"span", b"")))
        assert result.accepted == 0
        assert archive.health(0, "").documents == 0


class TestHugeEvents:
    def test_stack_traces_of_a_megabyte_are_refused_and_the_next_event_is_read(self) -> None:
        archive = Archive(100, lambda: AT_MS)
        frames = [frame(f"function_{n}", context_line="x" * 500) for n in range(2000)]
        huge = line("error", error(1, exception={"type": "T", "message": "m", "stacktrace": frames}))
        assert len(huge) > 1_000_000
        result = take(archive, body(huge, line("error", error(2))))
        assert (result.accepted, result.errors[0]["message"]) == (1, "event exceeded the permitted size")

    def test_stack_traces_below_the_limit_are_kept_whole(self) -> None:
        archive = Archive(100, lambda: AT_MS)
        frames = [frame(f"function_{n}", context_line="x" * 300) for n in range(600)]
        event = error(1, exception={"type": "T", "message": "m", "stacktrace": frames})
        assert take(archive, body(line("error", event))).accepted == 1
        (group,) = archive.error_groups(AT_MS, AT_MS + 1000, Scope())
        found = archive.error_document(group.key, 0, None, None)
        assert found.document is not None
        assert len(parse.error_sample(found.document, 0, 1).frames) == group.stack_depth == 600

    @pytest.mark.parametrize("opening", [b"[", b'{"a":'])
    def test_nesting_without_end_is_refused(self, opening: bytes) -> None:
        deep = opening * 50_000
        start = b'{"error":{"id":"1","exception":{"type":"T","attributes":{"deep":'
        result = take(Archive(10, lambda: AT_MS), body(start + deep, line("span", span())))
        assert (result.accepted, result.invalid) == (1, 1)

    def test_causes_without_end_are_refused_or_shown(self) -> None:
        archive = Archive(10, lambda: AT_MS)
        for depth in (10, 100, 300, 2000):
            chain = b'{"type":"T","cause":[' * depth + b'{"type":"last"}' + b"]}" * depth
            take(
                archive,
                body(b'{"error":{"id":"1","trace_id":"t","parent_id":"p","exception":' + chain + b"}}"),
            )
        assert archive.health(0, "").documents
        ask_everything(archive)


class TestHostileText:
    def test_it_is_data_like_any_other(self) -> None:
        archive = Archive(100, lambda: AT_MS)
        frames = [frame(HOSTILE, HOSTILE, context_line=HOSTILE, vars={HOSTILE: HOSTILE})]
        exception = {"type": HOSTILE, "message": HOSTILE, "stacktrace": frames}
        names = {"name": HOSTILE, "type": "request", "sampled": True}
        tags = {HOSTILE: HOSTILE}
        event = error(1, exception=exception, culprit=HOSTILE, transaction=names, context={"tags": tags})
        assert take(archive, body(line("error", event))).accepted == 1
        (group,) = archive.error_groups(AT_MS, AT_MS + 1000, Scope())
        assert (group.type, group.message, group.culprit) == (HOSTILE, HOSTILE, HOSTILE)
        ask_everything(archive)

    def test_bytes_that_are_no_utf8_are_refused_and_shown_as_such(self) -> None:
        result = take(Archive(10, lambda: AT_MS), body(b'{"span":{"name":"\xff\xfe"}}'))
        assert "\ufffd" in result.errors[0]["document"]

    def test_half_a_surrogate_pair_is_refused(self) -> None:
        text = line("span", span()).replace(b"INSERT", b"\\ud800")
        assert take(Archive(10, lambda: AT_MS), body(text)).invalid == 1

    def test_ten_thousand_groups_are_listed_up_to_a_limit(self) -> None:
        archive = Archive(20_000, lambda: AT_MS)
        events = [line("error", error(n, exception={"type": f"T{n}", "message": "m"})) for n in range(10_000)]
        assert take(archive, body(*events)).accepted == 10_000
        assert len(archive.error_groups(AT_MS, AT_MS + 1000, Scope())) == 200
