"""One stored event -> the document that Elasticsearch would hold.

Both halves of the way are done here: what apm-server makes of an event, and what Elastic's ingest pipelines
add (`processor.event`, durations in microseconds, `event.success_count`, metric samples at the top level).
Documents are made when somebody asks for them: an event that nobody opens costs only its validation.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from stressdash.embedded.apm.call import add_call
from stressdash.embedded.apm.context import (
    Json,
    add_http,
    exception_list,
    frame_list,
    merge_labels,
    pick,
    pruned,
    user,
)

__all__ = ["SERVER_VERSION", "base_document", "document", "index_of", "span_kind"]

SERVER_VERSION: Final = "9.0.0"
"""The apm-server whose documents these are: the first that groups errors by xxhash64.

The agent reads it from `GET /`; from 8.0 on it does not send transactions that were not sampled.
"""
OBSERVER: Final = {"hostname": socket.gethostname(), "type": "stressdash", "version": SERVER_VERSION}
INTERNAL_METRICS: Final = re.compile(r"(system|jvm|golang|nodejs|ruby|python|dotnet|agent|faas)\.")


def base_document(metadata: Mapping[str, Any], received_us: int) -> Json:
    """What all documents of one request share."""
    service = metadata["service"]
    base: Json = {
        "@timestamp": _iso(received_us),
        "timestamp": {"us": received_us},
        "observer": OBSERVER,
        "agent": pick(
            service["agent"], {n: n for n in ("name", "version", "activation_method", "ephemeral_id")}
        ),
        "service": pick(service, {n: n for n in ("name", "version", "environment")}),
        "event": {},
    }
    for part in ("language", "runtime", "framework"):
        if named := pick(service.get(part), {"name": "name", "version": "version"}):
            base["service"][part] = named
    _add_machine(base, metadata.get("system") or {})
    node = (service.get("node") or {}).get("configured_name") or (service.get("node") or {}).get("name")
    if node := node or base.get("container", {}).get("id") or base.get("host", {}).get("name"):
        base["service"]["node"] = {"name": node}
    if process := metadata.get("process"):
        base["process"] = pick(process, {"pid": "pid", "title": "title", "argv": "args"})
        if process.get("ppid") is not None:
            base["process"]["parent"] = {"pid": process["ppid"]}
    merge_labels(base, metadata.get("labels"))
    for field, fields in (("user", user(metadata.get("user"))), ("cloud", pruned(metadata.get("cloud")))):
        if fields:
            base[field] = fields
    return base


def _add_machine(base: Json, system: Mapping[str, Any]) -> None:
    host = pick(system, {"architecture": "architecture", "configured_hostname": "name"})
    if hostname := system.get("detected_hostname") or system.get("hostname"):
        host["hostname"] = hostname
        host.setdefault("name", hostname)
    if platform := system.get("platform"):
        host["os"] = {"platform": platform}
    if host:
        base["host"] = host
    if container := pick(system.get("container"), {"id": "id"}):
        base["container"] = container


def document(kind: str, event: Mapping[str, Any], base: Mapping[str, Any], grouping_key: str = "") -> Json:
    """The document of one event.

    Args:
        kind: `transaction`, `span`, `error` or `metricset`.
        event: the value of the line's only key.
        base: what `base_document` made of the request's metadata.
        grouping_key: of an error.
    """
    made: Json = {**base, "event": {}, "processor": {"event": "metric" if kind == "metricset" else kind}}
    if (timestamp := event.get("timestamp")) is not None:
        made["@timestamp"] = _iso(timestamp)
        made["timestamp"] = {"us": timestamp}
    for field, key in (("trace", "trace_id"), ("parent", "parent_id")):
        if (identifier := event.get(key)) is not None:
            made[field] = {"id": identifier}
    MAKERS[kind](made, event)
    if grouping_key:
        made["error"]["grouping_key"] = grouping_key
    kind_of_stream, dataset = _data_stream(kind, made)
    made["data_stream"] = {"type": kind_of_stream, "dataset": dataset, "namespace": "default"}
    return made


def index_of(made: Mapping[str, Any]) -> str:
    """Name of the data stream that a document belongs to."""
    stream = made["data_stream"]
    return f"{stream['type']}-{stream['dataset']}-{stream['namespace']}"


def _iso(timestamp_us: int) -> str:
    seconds, micros = divmod(timestamp_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{micros // 1000:03d}Z"


def _transaction(made: Json, event: Mapping[str, Any]) -> None:
    context = event.get("context") or {}
    _add_context(made, context)
    status = (context.get("response") or {}).get("status_code")
    outcome = event.get("outcome") or _outcome(status, failing_from=500)
    fields = pick(event, {name: name for name in ("id", "name", "type", "result")})
    fields["sampled"] = event.get("sampled") is not False
    fields["duration"] = {"us": _duration_us(event)}
    if span_count := pick(event["span_count"], {"started": "started", "dropped": "dropped"}):
        fields["span_count"] = span_count
    if weight := _weight(event):
        fields["representative_count"] = weight
    if custom := _custom(context):
        fields["custom"] = custom
    made["transaction"] = fields
    made["span"] = {"id": event["id"]}
    made["event"] = _event(outcome)


def _span(made: Json, event: Mapping[str, Any]) -> None:
    context = event.get("context") or {}
    merge_labels(made, context.get("tags"))
    http = context.get("http") or {}
    status = http.get("status_code") or (http.get("response") or {}).get("status_code")
    fields = {
        **pick(event, {name: name for name in ("id", "name", "sync")}),
        **span_kind(event["type"], event.get("subtype"), event.get("action")),
    }
    fields["duration"] = {"us": _duration_us(event)}
    if weight := _weight(event):
        fields["representative_count"] = weight
    if frames := event.get("stacktrace"):
        fields["stacktrace"] = frame_list(frames)
    if composite := event.get("composite"):
        fields["composite"] = {
            "compression_strategy": composite["compression_strategy"],
            "count": composite["count"],
            "sum": {"us": int(composite["sum"] * 1000)},
        }
    made["span"] = fields
    if event.get("timestamp") is None:
        started_us = made["timestamp"]["us"] + int(event["start"] * 1000)
        made["@timestamp"], made["timestamp"] = _iso(started_us), {"us": started_us}
    if (transaction := event.get("transaction_id")) is not None:
        made["transaction"] = {"id": transaction}
    add_call(made, context)
    made["event"] = _event(event.get("outcome") or _outcome(status, failing_from=400))


def span_kind(kind: str, subtype: str | None, action: str | None) -> Json:
    """Type, subtype and action; older agents send all three as `type.subtype.action`."""
    if subtype is None and action is None:
        kind, _, rest = kind.partition(".")
        subtype, _, action = rest.partition(".")
    return {k: v for k, v in (("type", kind or "unknown"), ("subtype", subtype), ("action", action)) if v}


def _error(made: Json, event: Mapping[str, Any]) -> None:
    context = event.get("context") or {}
    _add_context(made, context)
    fields = pick(event, {"id": "id", "culprit": "culprit"})
    if custom := _custom(context):
        fields["custom"] = custom
    name = None
    if exception := event.get("exception"):
        fields["exception"] = exception_list(exception)
        name = exception.get("message")
    if log := event.get("log"):
        fields["log"] = {"level": "error", **pick(log, {n: n for n in LOG_FIELDS})}
        if frames := log.get("stacktrace"):
            fields["log"]["stacktrace"] = frame_list(frames)
        name = log["message"]
    if name:
        fields["grouping_name"] = made["message"] = name
    made["error"] = fields
    transaction = pick(event.get("transaction"), {"name": "name", "type": "type", "sampled": "sampled"})
    if (identifier := event.get("transaction_id")) is not None:
        transaction["id"] = identifier
        made["span"] = {"id": identifier}
    if transaction:
        made["transaction"] = transaction


LOG_FIELDS: Final = ("level", "logger_name", "message", "param_message")


def _metricset(made: Json, event: Mapping[str, Any]) -> None:
    merge_labels(made, event.get("tags"))
    del made["timestamp"]
    samples = event["samples"]
    made["metricset"] = {"name": "app"}
    if span := pick(event.get("span"), {"type": "type", "subtype": "subtype"}):
        made["span"] = span
    if transaction := pick(event.get("transaction"), {"name": "name", "type": "type"}):
        made["transaction"] = transaction
        made["metricset"]["name"] = "span_breakdown"
        times = (("count", "span.self_time.count"), ("sum.us", "span.self_time.sum.us"))
        self_time = {key: int(samples[name].get("value") or 0) for key, name in times if name in samples}
        made["span"] = {**made.get("span", {}), "self_time": self_time}
        return
    for name, sample in samples.items():
        histogram = pick(sample, {"values": "values", "counts": "counts"})
        if name not in made:
            made[name] = histogram or sample.get("value") or 0


MAKERS: Final = {"transaction": _transaction, "span": _span, "error": _error, "metricset": _metricset}


def _add_context(made: Json, context: Mapping[str, Any]) -> None:
    merge_labels(made, context.get("tags"))
    add_http(made, context)
    if person := user(context.get("user")):
        made["user"] = person


def _custom(context: Mapping[str, Any]) -> Json | None:
    custom: Json | None = pruned(context.get("custom"))
    return custom


def _event(outcome: str) -> Json:
    if outcome == "unknown":
        return {"outcome": outcome}
    return {"outcome": outcome, "success_count": int(outcome == "success")}


def _outcome(status: int | None, failing_from: int) -> str:
    if status is None:
        return "unknown"
    return "failure" if status >= failing_from else "success"


def _duration_us(event: Mapping[str, Any]) -> int:
    """From the agent's milliseconds, cut off as apm-server and the pipeline do it."""
    return int(event["duration"] * 1e6) // 1000


def _weight(event: Mapping[str, Any]) -> float | None:
    rate = event.get("sample_rate")
    if rate is None:
        return 1
    return 1 / rate if rate > 0 else None


def _data_stream(kind: str, made: Json) -> tuple[str, str]:
    if kind in {"transaction", "span"}:
        return "traces", "apm"
    if kind == "error":
        return "logs", "apm.error"
    own = [name for name in made if "." in name]
    if "transaction" in made or all(INTERNAL_METRICS.match(name) for name in own):
        return "metrics", "apm.internal"
    service = re.sub(r'[\\/*?"<>| ,#:-]', "_", made["service"]["name"].lower())
    return "metrics", f"apm.app.{service}"
