"""What Elasticsearch is asked: pure query bodies, for 7.x indices and for the data streams of 8 and 9.

Every search is a pair of index pattern and body, ready for `_msearch`. Only aggregations and field types are
used that every distribution has. Metrics are told apart by `metricset.name`, because their `processor.event`
is not part of the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from stressdash.samples import Scope

__all__ = [
    "GROUP_LIMIT",
    "KINDS",
    "Search",
    "breakdown",
    "count_series",
    "error_groups",
    "error_of_trace",
    "error_sample",
    "groups_of",
    "newest",
    "presence",
    "process_metrics",
    "rank_in_group",
    "series",
    "services",
    "trace",
]

Json = dict[str, Any]

TRACES: Final = "traces-apm*,apm-*-transaction*,apm-*-span*"
ERRORS: Final = "logs-apm.error*,apm-*-error*"
METRICS: Final = "metrics-apm.internal*,apm-*-metric*"
KINDS: Final = {"transactions": TRACES, "errors": ERRORS, "metrics": METRICS}
"""Where documents of each kind lie."""

GROUP_LIMIT: Final = 200
NAME_LIMIT: Final = 20
TRACE_LIMIT: Final = 1000
"""Parts of one trace that are shown."""
PAGE_LIMIT: Final = 10_000
"""Elasticsearch pages no further than this (`index.max_result_window`)."""

WEIGHT: Final[Json] = {"field": "transaction.representative_count", "missing": 1}
PERCENTS: Final = [50, 95, 99]
NO_OUTCOME: Final = "absent"
"""Stands for `event.outcome` where the stack is too old to write it."""


@dataclass(frozen=True, slots=True)
class Search:
    """One search of an `_msearch`."""

    index: str
    body: Json

    @property
    def header(self) -> Json:
        """Header line: missing indices are empty, not wrong."""
        return {"index": self.index, "ignore_unavailable": True, "allow_no_indices": True}


def series(start_ms: int, end_ms: int, step_ms: int, scope: Scope) -> Search:
    """Weighted rates, outcomes and latencies of transactions that were sampled by coin.

    Of the whole range only what does not add up from its buckets.
    """
    results: Json = {
        "terms": {"field": "transaction.result", "missing": "", "size": NAME_LIMIT},
        "aggs": {"weight": {"sum": WEIGHT}},
    }
    outcomes: Json = {
        "terms": {"field": "event.outcome", "missing": NO_OUTCOME, "size": 4},
        "aggs": {"results": results},
    }
    figured = latency("transaction.duration.us", WEIGHT)
    wanted = {"mean": figured["mean"], "percentiles": figured["percentiles"], "outcomes": outcomes}
    buckets: Json = {**histogram(start_ms, step_ms), "aggs": wanted}
    body = figures_of_transactions(start_ms, end_ms, scope)
    return Search(TRACES, {**body, "aggs": {"percentiles": figured["percentiles"], "buckets": buckets}})


def count_series(start_ms: int, end_ms: int, step_ms: int, scope: Scope) -> Search:
    """Error documents by bucket."""
    body = figures(matching("error", start_ms, end_ms, scope))
    return Search(ERRORS, {**body, "aggs": {"buckets": histogram(start_ms, step_ms)}})


def newest(scope: Scope, since_ms: int | None) -> Search:
    """The newest transaction, whatever its type; and how many there are, unless only those since a moment."""
    query = matching("transaction", since_ms, None, scope)
    body = {"size": 0, "track_total_hits": since_ms is None, "query": query}
    return Search(TRACES, {**body, "aggs": {"newest": {"max": {"field": "@timestamp"}}}})


def presence(indices: str) -> Search:
    """Whether there is an index at all: shards that were searched."""
    return Search(indices, {"size": 0, "terminate_after": 1})


def error_groups(start_ms: int, end_ms: int, scope: Scope) -> Search:
    """The most frequent error groups with their names, transactions, times and newest document."""
    source = [
        "error.culprit",
        "error.log.message",
        "error.exception.type",
        "error.exception.message",
        "error.exception.handled",
        "error.exception.stacktrace.function",
        "error.log.stacktrace.function",
    ]
    groups = {
        "terms": {
            "field": "error.grouping_key",
            "size": GROUP_LIMIT,
            "order": [{"_count": "desc"}, {"_key": "asc"}],
        },
        "aggs": {
            "first": {"min": {"field": "@timestamp"}},
            "last": {"max": {"field": "@timestamp"}},
            "spark": histogram(0, 1000),
            "names": {"terms": {"field": "error.grouping_name", "size": NAME_LIMIT}},
            "transactions": {"terms": {"field": "transaction.name", "size": NAME_LIMIT}},
            "newest": {"top_hits": {"size": 1, "sort": [{"@timestamp": "desc"}], "_source": source}},
        },
    }
    return Search(ERRORS, {**figures(matching("error", start_ms, end_ms, scope)), "aggs": {"groups": groups}})


def error_sample(
    group: str, n: int, start_ms: int | None, end_ms: int | None, scope: Scope, name: str | None
) -> Search:
    """The n-th document of a group: those with a sampled transaction first, then the newest."""
    named = [{"term": {"error.grouping_name": name}}] if name is not None else []
    query = matching("error", start_ms, end_ms, scope, {"term": {"error.grouping_key": group}}, *named)
    sort = [
        {"transaction.sampled": {"order": "desc", "missing": "_last", "unmapped_type": "boolean"}},
        {"@timestamp": "desc"},
    ]
    return Search(ERRORS, {"from": n, "size": 1, "track_total_hits": True, "query": query, "sort": sort})


def error_of_trace(trace_id: str) -> Search:
    """The first error of a trace."""
    query = matching("error", None, None, Scope(), {"term": {"trace.id": trace_id}})
    return Search(ERRORS, {"size": 1, "track_total_hits": False, "query": query, "sort": by_start()})


def rank_in_group(group: str, at_ms: int, scope: Scope, *, sampled: bool) -> Search:
    """How many documents of a group come before one, as `error_sample` orders them, and their number."""
    newer = {"range": {"@timestamp": {"gt": at_ms, "format": "epoch_millis"}}}
    with_trace = {"term": {"transaction.sampled": True}}
    before: Json = (
        {"bool": {"filter": [with_trace, newer]}}
        if sampled
        else {"bool": {"should": [with_trace, newer], "minimum_should_match": 1}}
    )
    query = matching("error", None, None, scope, {"term": {"error.grouping_key": group}})
    body = {"size": 0, "track_total_hits": True, "query": query}
    return Search(ERRORS, {**body, "aggs": {"before": {"filter": before}}})


def trace(trace_id: str) -> Search:
    """Transactions, spans and errors of one trace, by start."""
    kinds = {"terms": {"processor.event": ["transaction", "span", "error"]}}
    query = {"bool": {"filter": [{"term": {"trace.id": trace_id}}, kinds]}}
    body = {"size": TRACE_LIMIT, "track_total_hits": False, "query": query, "sort": by_start()}
    return Search(f"{TRACES},{ERRORS}", body)


def groups_of(trace_ids: Sequence[str]) -> Search:
    """Grouping keys of each trace's errors.

    By `map`: a table of all trace ids there are would be made anew after every refresh.
    """
    query = {"bool": {"filter": [{"terms": {"trace.id": list(trace_ids)}}]}}
    groups = {"groups": {"terms": {"field": "error.grouping_key", "size": NAME_LIMIT}}}
    by_trace = {"field": "trace.id", "size": len(trace_ids), "execution_hint": "map"}
    traces = {"terms": by_trace, "aggs": groups}
    return Search(f"{TRACES},{ERRORS}", {**figures(query), "aggs": {"traces": traces}})


def breakdown(start_ms: int, end_ms: int, scope: Scope) -> Search:
    """Self time of transactions by span type and subtype."""
    subtypes = {
        "terms": {"field": "span.subtype", "missing": "", "size": NAME_LIMIT},
        "aggs": {
            "us": {"sum": {"field": "span.self_time.sum.us"}},
            "spans": {"sum": {"field": "span.self_time.count"}},
        },
    }
    types = {"terms": {"field": "span.type", "size": NAME_LIMIT}, "aggs": {"subtypes": subtypes}}
    kind = [{"term": {"metricset.name": "span_breakdown"}}, of_type(scope)]
    return Search(
        METRICS, {**figures(matching(None, start_ms, end_ms, scope, *kind)), "aggs": {"types": types}}
    )


def process_metrics(start_ms: int, end_ms: int, step_ms: int, scope: Scope) -> Search:
    """CPU and memory of the service's process by bucket."""
    query = matching(
        None, start_ms, end_ms, scope, {"exists": {"field": "system.process.cpu.total.norm.pct"}}
    )
    metrics = {
        "cpu": {"avg": {"field": "system.process.cpu.total.norm.pct"}},
        "system": {"avg": {"field": "system.cpu.total.norm.pct"}},
        "rss": {"max": {"field": "system.process.memory.rss.bytes"}},
    }
    return Search(
        METRICS, {**figures(query), "aggs": {"buckets": {**histogram(start_ms, step_ms), "aggs": metrics}}}
    )


def services() -> Search:
    """Names of all services, with their environments and types of transactions."""
    body = figures({"match_all": {}})
    names = {"terms": {"field": "service.name", "size": 1000, "order": {"_key": "asc"}}}
    within = {
        "environments": {"terms": {"field": "service.environment", "size": NAME_LIMIT}},
        "types": {"terms": {"field": "transaction.type", "size": NAME_LIMIT}},
    }
    return Search(f"{TRACES},{ERRORS},{METRICS}", {**body, "aggs": {"services": {**names, "aggs": within}}})


def figures(query: Json) -> Json:
    """A body that returns aggregations only."""
    return {"size": 0, "track_total_hits": False, "query": query}


def matching(event: str | None, start_ms: int | None, end_ms: int | None, scope: Scope, *more: Json) -> Json:
    """Query for documents of one kind in [start, end) of one service; None leaves a condition out."""
    filters: list[Json] = [{"term": {"processor.event": event}}] if event else []
    bounds = {name: ms for name, ms in (("gte", start_ms), ("lt", end_ms)) if ms is not None}
    if bounds:
        filters.append({"range": {"@timestamp": {**bounds, "format": "epoch_millis"}}})
    return {"bool": {"filter": [*filters, *of_scope(scope), *more]}}


def of_scope(scope: Scope) -> list[Json]:
    """Filters by the names of service and environment."""
    wanted = {"service.name": scope.service, "service.environment": scope.environment}
    return [{"term": {field: name}} for field, name in wanted.items() if name is not None]


def of_type(scope: Scope) -> Json:
    """Filter by the type of transaction."""
    return {"term": {"transaction.type": scope.transaction_type}}


def figures_of_transactions(start_ms: int, end_ms: int, scope: Scope, *more: Json) -> Json:
    """A body over the transactions that were sampled by coin: those that count."""
    query = matching("transaction", start_ms, end_ms, scope, of_type(scope), *more)
    query["bool"]["must_not"] = [
        {"term": {"transaction.sampled": False}},
        {"exists": {"field": "labels.kept_for"}},
    ]
    return figures(query)


def latency(field: str, weight: Json) -> Json:
    """Weight, mean and percentiles of durations."""
    return {
        "weight": {"sum": weight},
        "mean": {"weighted_avg": {"value": {"field": field}, "weight": weight}},
        "percentiles": {"percentiles": {"field": field, "percents": PERCENTS}},
    }


def histogram(start_ms: int, step_ms: int) -> Json:
    """Buckets of `step_ms`, counted from `start_ms`; those without documents are left out."""
    offset_ms = start_ms % step_ms
    buckets = {"field": "@timestamp", "fixed_interval": f"{step_ms}ms", "min_doc_count": 1}
    return {"date_histogram": {**buckets, "offset": f"{offset_ms}ms"}}


def by_start() -> list[Json]:
    """Sort order of a time line."""
    return [{"timestamp.us": {"order": "asc", "unmapped_type": "long"}}]
