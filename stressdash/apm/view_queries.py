"""What Elasticsearch is asked for the APM views: pure query bodies, as in `queries`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

from stressdash.apm.queries import (
    ERRORS,
    GROUP_LIMIT,
    NAME_LIMIT,
    TRACES,
    WEIGHT,
    Search,
    figures,
    figures_of_transactions,
    histogram,
    latency,
    matching,
    of_type,
)
from stressdash.samples import LATENCY_EDGES_US, Scope

__all__ = [
    "dependencies",
    "error_counts",
    "error_names",
    "latency_distribution",
    "overview",
    "transaction_samples",
    "transactions",
]

Json = dict[str, Any]

SPAN_WEIGHT: Final[Json] = {"field": "span.representative_count", "missing": 1}
FAILED: Final[Json] = {
    "filter": {
        "bool": {
            "should": [
                {"term": {"event.outcome": "failure"}},
                {
                    "bool": {
                        "filter": [{"term": {"transaction.result": "HTTP 5xx"}}],
                        "must_not": [{"exists": {"field": "event.outcome"}}],
                    }
                },
            ]
        }
    },
    "aggs": {"weight": {"sum": WEIGHT}},
}
"""Where a stack writes no outcome, the result tells, as in `answers.outcome_figures`."""


def transactions(start_ms: int, end_ms: int, scope: Scope) -> Search:
    """Weighted figures by the transaction's name."""
    field = "transaction.duration.us"
    groups = {
        "terms": {
            "field": "transaction.name",
            "size": GROUP_LIMIT,
            "order": [{"time": "desc"}, {"_key": "asc"}],
        },
        "aggs": {"time": {"sum": {"field": field}}, "failed": FAILED, **latency(field, WEIGHT)},
    }
    return Search(
        TRACES, {**figures_of_transactions(start_ms, end_ms, scope), "aggs": {"transactions": groups}}
    )


def latency_distribution(start_ms: int, end_ms: int, name: str | None, scope: Scope) -> Search:
    """Weights by band of duration."""
    ranges: list[Json] = [{"from": low, "to": high} for low, high in pairwise(LATENCY_EDGES_US)]
    ranges.append({"from": LATENCY_EDGES_US[-1]})
    bands = {
        "range": {"field": "transaction.duration.us", "ranges": ranges},
        "aggs": {"weight": {"sum": WEIGHT}, "failed": FAILED},
    }
    body = figures_of_transactions(start_ms, end_ms, scope, *named("transaction.name", name))
    return Search(TRACES, {**body, "aggs": {"bands": bands, **latency("transaction.duration.us", WEIGHT)}})


def transaction_samples(
    start_ms: int,
    end_ms: int,
    name: str | None,
    low_us: int,
    high_us: int | None,
    limit: int,
    scope: Scope,
) -> Search:
    """The slowest transactions that have a trace."""
    bounds = {"gte": low_us} | ({} if high_us is None else {"lt": high_us})
    query = matching(
        "transaction",
        start_ms,
        end_ms,
        scope,
        of_type(scope),
        {"range": {"transaction.duration.us": bounds}},
        *named("transaction.name", name),
    )
    query["bool"]["must_not"] = [{"term": {"transaction.sampled": False}}]
    sort = [{"transaction.duration.us": {"order": "desc", "unmapped_type": "long"}}, {"@timestamp": "asc"}]
    source = ["trace.id", "transaction", "timestamp", "event.outcome"]
    body = {"size": limit, "track_total_hits": False, "query": query, "sort": sort, "_source": source}
    return Search(TRACES, body)


def dependencies(start_ms: int, end_ms: int, scope: Scope) -> Search:
    """Weighted figures of spans by what they called."""
    query = matching(
        "span", start_ms, end_ms, scope, {"exists": {"field": "span.destination.service.resource"}}, weighed()
    )
    field = "span.duration.us"
    kind: Json = {"top_hits": {"size": 1, "_source": ["span.type", "span.subtype"]}}
    operations = {
        "terms": {"field": "span.name", "size": NAME_LIMIT},
        "aggs": {"weight": {"sum": SPAN_WEIGHT}},
    }
    failed = {
        "filter": {"term": {"event.outcome": "failure"}},
        "aggs": {"weight": {"sum": SPAN_WEIGHT}},
    }
    called = {
        "terms": {
            "field": "span.destination.service.resource",
            "size": GROUP_LIMIT,
            "order": [{"time": "desc"}, {"_key": "asc"}],
        },
        "aggs": {
            "time": {"sum": {"field": field}},
            "kind": kind,
            "operations": operations,
            "failed": failed,
            **latency(field, SPAN_WEIGHT),
        },
    }
    return Search(TRACES, {**figures(query), "aggs": {"dependencies": called}})


def overview(start_ms: int, end_ms: int, scope: Scope) -> Search:
    """Weighted figures of transactions by service."""
    services = {
        "terms": {"field": "service.name", "size": GROUP_LIMIT},
        "aggs": {"failed": FAILED, **latency("transaction.duration.us", WEIGHT)},
    }
    return Search(
        TRACES, {**figures_of_transactions(start_ms, end_ms, scope), "aggs": {"services": services}}
    )


def error_counts(start_ms: int, end_ms: int, scope: Scope) -> Search:
    """Error documents by service."""
    services = {"services": {"terms": {"field": "service.name", "size": GROUP_LIMIT}}}
    return Search(ERRORS, {**figures(matching("error", start_ms, end_ms, scope)), "aggs": services})


def error_names(group: str, start_ms: int, end_ms: int, scope: Scope) -> Search:
    """A group's errors by message, with times."""
    names = {
        "terms": {
            "field": "error.grouping_name",
            "size": GROUP_LIMIT,
            "order": [{"_count": "desc"}, {"_key": "asc"}],
        },
        "aggs": {
            "first": {"min": {"field": "@timestamp"}},
            "last": {"max": {"field": "@timestamp"}},
            "spark": histogram(0, 1000),
        },
    }
    query = matching("error", start_ms, end_ms, scope, {"term": {"error.grouping_key": group}})
    return Search(ERRORS, {**figures(query), "aggs": {"names": names}})


def named(field: str, name: str | None) -> list[Json]:
    """Filter by a name; None leaves it out."""
    return [] if name is None else [{"term": {field: name}}]


def weighed() -> Json:
    """Filter for spans that count.

    Since 8.0 a span without weight belongs to a transaction with sample rate 0; before, none has a weight.
    """
    before = {"bool": {"must_not": [{"exists": {"field": "data_stream.dataset"}}]}}
    return {"bool": {"should": [{"exists": {"field": SPAN_WEIGHT["field"]}}, before]}}
