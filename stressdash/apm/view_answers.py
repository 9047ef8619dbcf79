"""Elasticsearch's answers for the APM views -> samples. Pure; `view_queries` has the questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stressdash.apm import parse
from stressdash.apm.answers import buckets, hits, percentiles, real, sparkline, terms
from stressdash.samples import (
    LATENCY_EDGES_US,
    Dependency,
    ErrorName,
    FoundService,
    LatencyBand,
    LatencyDistribution,
    ServiceFigures,
    TransactionGroup,
    TransactionSample,
)

__all__ = [
    "dependencies",
    "error_names",
    "found_services",
    "latency_distribution",
    "overview",
    "transaction_samples",
    "transactions",
]

Json = Mapping[str, Any]


def transactions(answer: Json) -> tuple[TransactionGroup, ...]:
    """By the time that they took together."""
    groups = [_transaction_group(bucket) for bucket in buckets(answer, "aggregations.transactions")]
    return tuple(sorted(groups, key=lambda group: (-group.total_us, group.name)))


def _transaction_group(bucket: Json) -> TransactionGroup:
    weight, mean_us = _weight(bucket), real(bucket, "mean.value")
    p50, p95, p99 = percentiles(bucket)
    return TransactionGroup(
        name=str(bucket.get("key")),
        transactions=weight,
        failed=_weight(bucket, "failed."),
        total_us=weight * (mean_us or 0.0),
        mean_us=mean_us,
        p50_us=p50,
        p95_us=p95,
        p99_us=p99,
    )


def latency_distribution(answer: Json) -> LatencyDistribution:
    """Bands without those before the first and after the last transaction."""
    found = {parse.number(bucket, "from"): bucket for bucket in buckets(answer, "aggregations.bands")}
    bands = [
        LatencyBand(low, high, _weight(found.get(low, {})), _weight(found.get(low, {}), "failed."))
        for low, high in zip(LATENCY_EDGES_US, (*LATENCY_EDGES_US[1:], None), strict=True)
    ]
    taken = [number for number, band in enumerate(bands) if band.transactions]
    whole = parse.field(answer, "aggregations") or {}
    p50, p95, p99 = percentiles(whole)
    kept = bands[taken[0] : taken[-1] + 1] if taken else []
    return LatencyDistribution(tuple(kept), _weight(whole), p50, p95, p99)


def transaction_samples(answer: Json) -> tuple[TransactionSample, ...]:
    """In the order of the answer; documents without a trace are left out."""
    return tuple(
        parse.transaction_sample(document) for document in hits(answer) if parse.text(document, "trace.id")
    )


def dependencies(answer: Json) -> tuple[Dependency, ...]:
    """By the time that was spent on them."""
    called = [_dependency(bucket) for bucket in buckets(answer, "aggregations.dependencies")]
    return tuple(sorted(called, key=lambda d: (-d.calls * (d.mean_us or 0.0), d.resource)))


def _dependency(bucket: Json) -> Dependency:
    found = hits(parse.field(bucket, "kind") or {})
    kind = found[0] if found else {}
    operations = {str(cell.get("key")): _weight(cell) for cell in buckets(bucket, "operations")}
    p50, p95, p99 = percentiles(bucket)
    return Dependency(
        resource=str(bucket.get("key")),
        type=parse.text(kind, "span.type"),
        subtype=parse.text(kind, "span.subtype"),
        calls=_weight(bucket),
        failed=_weight(bucket, "failed."),
        mean_us=real(bucket, "mean.value"),
        p50_us=p50,
        p95_us=p95,
        p99_us=p99,
        operations=operations,
    )


def overview(answer: Json, errors: Json) -> tuple[ServiceFigures, ...]:
    """By name; a service that has only errors is there as well."""
    found = {str(bucket.get("key")): bucket for bucket in buckets(answer, "aggregations.services")}
    counts = terms(errors, "aggregations.services")
    return tuple(
        ServiceFigures(
            name=name,
            transactions=_weight(found.get(name, {})),
            failed=_weight(found.get(name, {}), "failed."),
            errors=counts.get(name, 0),
            mean_us=real(found.get(name), "mean.value"),
            p95_us=percentiles(found.get(name, {}))[1],
        )
        for name in sorted(found.keys() | counts.keys())
    )


def error_names(start_ms: int, end_ms: int, answer: Json) -> tuple[ErrorName, ...]:
    """In the order of the answer."""
    return tuple(
        ErrorName(
            message=str(bucket.get("key")),
            count=parse.number(bucket, "doc_count") or 0,
            first_ms=parse.number(bucket, "first.value") or 0,
            last_ms=parse.number(bucket, "last.value") or 0,
            spark=sparkline(bucket, start_ms, end_ms),
        )
        for bucket in buckets(answer, "aggregations.names")
    )


def found_services(answer: Json) -> tuple[FoundService, ...]:
    """By name."""
    return tuple(
        FoundService(
            name=str(bucket.get("key")),
            environments=tuple(sorted(terms(bucket, "environments"))),
            transaction_types=tuple(sorted(terms(bucket, "types"))),
        )
        for bucket in buckets(answer, "aggregations.services")
    )


def _weight(found: Json, within: str = "") -> float:
    return real(found, f"{within}weight.value") or 0.0
