"""Documents: field by field those that Elastic's own code made of the same agent's events."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest
from apm_events import AT_US, METADATA, SAMPLES, error, self_time, span, transaction

from stressdash.embedded.apm.document import SERVER_VERSION, base_document, document, index_of
from stressdash.embedded.apm.grouping import grouping_key
from stressdash.embedded.apm.shapes import ErrorLine
from stressdash.wire import strict_json

Json = dict[str, Any]


@cache
def ours() -> dict[tuple[Any, ...], Json]:
    """What the intake makes of `intake.ndjson`, by identity."""
    made = {}
    for text in (SAMPLES / "intake.ndjson").read_bytes().splitlines():
        kind, event = next(iter(json.loads(text).items()))
        if kind == "metadata":
            base = base_document(event, AT_US)
            continue
        key = grouping_key(strict_json(ErrorLine)(text).error) if kind == "error" else ""
        new = document(kind, event, base, key)
        made[identity(new)] = new
    return made


@cache
def theirs() -> dict[str, list[Json]]:
    """Documents of `apm-docs.bulk.ndjson` by index."""
    lines = (SAMPLES / "apm-docs.bulk.ndjson").read_text().splitlines()
    found: dict[str, list[Json]] = {}
    for action, source in zip(lines[::2], lines[1::2], strict=True):
        found.setdefault(json.loads(action)["create"]["_index"], []).append(json.loads(source))
    return found


def identity(made: Json) -> tuple[Any, ...]:
    """What tells the documents of the samples apart; order differs, for theirs came in batches."""
    kind, name = made.get("span", {}).get("type"), made.get("span", {}).get("subtype")
    ids = [made.get(part, {}).get("id") for part in ("error", "transaction", "span")]
    return (
        made["@timestamp"],
        made["service"]["name"],
        *ids,
        made.get("transaction", {}).get("name"),
        kind,
        name,
    )


AGGREGATED = tuple(
    f"metrics-apm.{name}.{interval}-default"
    for name in ("transaction", "service_transaction", "service_destination", "service_summary")
    for interval in ("1m", "10m", "60m")
)
"""Sums per minute and more that apm-server adds by itself. The intake makes none: it counts by the second."""


def stored(bulk: Json) -> Json:
    """A document of apm-server after Elastic's ingest pipelines and index scripts: the steps, one by one."""
    made: Json = json.loads(json.dumps(bulk))
    metricset = "metricset" in made
    kind = (
        "error"
        if "error" in made
        else "metric"
        if metricset
        else "transaction"
        if is_transaction(made)
        else "span"
    )
    # Of metrics it is a constant of the template in real installations; stored samples show it all the same.
    made["processor"] = {"event": kind}
    if "duration" in made["event"]:  # nanoseconds -> microseconds of the transaction or span
        made[kind]["duration"] = {"us": made["event"].pop("duration") // 1000}
        made["event"]["success_count"] = int(made["event"]["outcome"] == "success")
    if kind == "error":  # a script field of the index
        exception = made["error"].get("exception", [{}])
        made["error"]["grouping_name"] = made["error"].get("log", exception[0])["message"]
    for sample in made.get("metricset", {}).pop("samples", []):  # unpacked to the top
        made[sample["name"]] = sample["value"]
    # The one thing in which the intake does not pretend to be another program.
    made["observer"] |= {"type": "stressdash", "version": SERVER_VERSION}
    made["observer"]["hostname"] = next(iter(ours().values()))["observer"]["hostname"]
    return made


def is_transaction(made: Json) -> bool:
    return "sampled" in made.get("transaction", {})


def differences(mine: Any, other: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(mine, dict) and isinstance(other, dict):
        names = sorted(mine.keys() | other.keys())
        return [d for n in names for d in differences(mine.get(n), other.get(n), f"{path}.{n}")]
    if isinstance(mine, list) and isinstance(other, list) and len(mine) == len(other):
        return [d for a, b in zip(mine, other, strict=True) for d in differences(a, b, f"{path}[]")]
    return [] if mine == other else [(path, mine, other)]


class TestSamples:
    def test_every_event_becomes_the_document_that_elastic_stores(self) -> None:
        events = [
            made for index, documents in theirs().items() if index not in AGGREGATED for made in documents
        ]
        wrong = {
            identity(made): found
            for made in events
            if (found := differences(ours()[identity(made)], stored(made)))
        }
        assert wrong == {}
        assert len(ours()) == len(events) == 287

    def test_every_document_goes_to_the_same_data_stream(self) -> None:
        counted = {index: len(found) for index, found in theirs().items() if index not in AGGREGATED}
        assert Counter(map(index_of, ours().values())) == counted

    def test_only_aggregated_metrics_are_not_made(self) -> None:
        made = set(map(index_of, ours().values()))
        assert set(theirs()) - made == set(AGGREGATED)
        assert sum(len(theirs()[index]) for index in AGGREGATED) == 45


def made_of(kind: str, event: Json, **metadata: Any) -> Json:
    return document(kind, event, base_document({**METADATA, **metadata}, AT_US))


class TestDerivedFields:
    @pytest.mark.parametrize(("status", "outcome"), [(200, "success"), (429, "success"), (500, "failure")])
    def test_transactions_without_outcome_get_it_from_their_status(self, status: int, outcome: str) -> None:
        context = {"response": {"status_code": status}}
        made = made_of("transaction", transaction(outcome=None, context=context))
        assert made["event"] == {"outcome": outcome, "success_count": int(outcome == "success")}

    @pytest.mark.parametrize(("status", "outcome"), [(200, "success"), (404, "failure"), (500, "failure")])
    def test_spans_fail_from_400(self, status: int, outcome: str) -> None:
        made = made_of("span", span(context={"http": {"status_code": status}}))
        assert made["event"]["outcome"] == outcome

    @pytest.mark.parametrize("kind", ["transaction", "span"])
    def test_without_status_the_outcome_is_unknown_and_no_success(self, kind: str) -> None:
        event = transaction(outcome=None) if kind == "transaction" else span()
        assert made_of(kind, event)["event"] == {"outcome": "unknown"}

    @pytest.mark.parametrize(("rate", "count"), [(1.0, 1), (0.1, 10), (None, 1), (0.0, None)])
    def test_representative_count_is_one_over_the_sample_rate(
        self, rate: float | None, count: int | None
    ) -> None:
        made = made_of("transaction", transaction(sample_rate=rate))
        assert made["transaction"].get("representative_count") == count

    def test_durations_are_cut_to_microseconds(self) -> None:
        assert made_of("transaction", transaction(duration=36.769999999999996))["transaction"][
            "duration"
        ] == {"us": 36769}

    def test_dotted_span_types_are_split(self) -> None:
        made = made_of("span", span(type="db.mysql.query", subtype=None, action=None))
        assert [made["span"][name] for name in ("type", "subtype", "action")] == ["db", "mysql", "query"]

    def test_the_target_comes_from_the_resource_when_the_agent_names_none(self) -> None:
        context = {"destination": {"service": {"resource": "mysql/stats", "name": "", "type": ""}}}
        made = made_of("span", span(context=context))
        assert made["service"]["target"] == {"type": "mysql", "name": "stats"}
        assert made["span"]["destination"] == {"service": {"resource": "mysql/stats"}}

    def test_a_span_without_timestamp_starts_relative_to_its_arrival(self) -> None:
        made = made_of("span", span(timestamp=None, start=1.5))
        assert made["timestamp"]["us"] == AT_US + 1500

    def test_labels_are_told_apart_by_type_and_their_keys_made_safe(self) -> None:
        tags = {"a.b": "text", "on": True, "n": 3, "gone": None}
        made = made_of("transaction", transaction(context={"tags": tags}), labels={"team": "shop"})
        assert made["labels"] == {"team": "shop", "a_b": "text", "on": "true"}
        assert made["numeric_labels"] == {"n": 3}

    def test_labels_of_one_event_do_not_leak_into_the_next(self) -> None:
        base = base_document({**METADATA, "labels": {"team": "shop"}}, AT_US)
        document("transaction", transaction(context={"tags": {"only": "here"}}), base)
        assert document("transaction", transaction(), base)["labels"] == {"team": "shop"}

    def test_causes_are_listed_with_their_parent_when_it_is_not_the_one_before(self) -> None:
        def thrown(name: str, *causes: Json) -> Json:
            return {"type": name, "message": name, "cause": list(causes)}

        tree = thrown("a", thrown("b", thrown("c")), thrown("d"))
        entries = made_of("error", error(exception=tree))["error"]["exception"]
        assert [(e["type"], e.get("parent")) for e in entries] == [
            ("a", None),
            ("b", None),
            ("c", None),
            ("d", 0),
        ]

    @pytest.mark.parametrize(
        ("headers", "client"),
        [
            ({}, {"ip": "10.0.0.9"}),
            ({"x-forwarded-for": "192.0.2.1, 10.0.0.1"}, {"ip": "192.0.2.1"}),
            ({"X-Real-IP": "192.0.2.2"}, {"ip": "192.0.2.2"}),
            ({"forwarded": 'for="[2001:db8::1]:4711";proto=http'}, {"ip": "2001:db8::1", "port": 4711}),
            ({"x-forwarded-for": "unknown"}, {"ip": "10.0.0.9"}),
        ],
    )
    def test_the_client_is_the_one_that_proxies_name(self, headers: dict[str, str], client: Json) -> None:
        request = {"method": "POST", "headers": headers, "socket": {"remote_address": "10.0.0.9"}}
        assert made_of("transaction", transaction(context={"request": request}))["client"] == client

    def test_breakdown_metrics_become_self_times(self) -> None:
        made = made_of("metricset", self_time("db", "mysql", 3, 4500))
        assert made["metricset"] == {"name": "span_breakdown"}
        assert made["span"]["self_time"] == {"count": 3, "sum.us": 4500}

    def test_own_metrics_go_to_a_stream_of_the_service(self) -> None:
        made = made_of("metricset", {"samples": {"queue.length": {"value": 4}}})
        assert index_of(made) == "metrics-apm.app.stats-default"
        assert made["queue.length"] == 4

    def test_a_metric_named_like_a_field_does_not_replace_it(self) -> None:
        made = made_of("metricset", {"samples": {"service": {"value": 4}, "@timestamp": {"value": 1}}})
        assert made["service"]["name"] == "stats"

    def test_variables_nested_without_end_are_cut_off(self) -> None:
        deep: Any = "end"
        for _ in range(500):
            deep = {"in": deep}
        frames = [{"filename": "f", "vars": {"deep": deep}}]
        made = made_of("error", error(exception={"type": "T", "stacktrace": frames}))
        assert len(json.dumps(made)) < 2000
