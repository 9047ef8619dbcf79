"""Elasticsearch's answers -> samples. Pure; `queries` has the questions.

Aggregations may be absent (no index matched) and buckets without documents are left out, so everything here
starts from the range that was asked for, not from what came back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stressdash.apm import parse
from stressdash.apm.queries import NO_OUTCOME
from stressdash.samples import ApmBucket, ApmSeries, Breakdown, BreakdownPart, ErrorGroup, ProcessMetric

__all__ = [
    "breakdown",
    "buckets",
    "error_groups",
    "groups_of",
    "hits",
    "newest_ms",
    "percentiles",
    "process_metrics",
    "real",
    "series",
    "services",
    "shards",
    "sparkline",
    "terms",
    "total",
]

Json = Mapping[str, Any]


def buckets(answer: Json, path: str) -> list[Any]:
    """Buckets of an aggregation; empty when it is absent."""
    return parse.listed(parse.field(answer, f"{path}.buckets"))


def hits(answer: Json) -> list[Any]:
    """Documents, each the `_source` of a hit."""
    return [parse.field(hit, "_source") or {} for hit in parse.listed(parse.field(answer, "hits.hits"))]


def shards(answer: Json) -> int:
    """How many shards were searched; none where no index matched."""
    return parse.number(answer, "_shards.total") or 0


def total(answer: Json) -> int:
    """How many documents matched."""
    return parse.number(answer, "hits.total.value") or 0


def newest_ms(answer: Json) -> int | None:
    """Time of the newest transaction of `queries.newest`."""
    return parse.number(answer, "aggregations.newest.value")


def series(
    start_ms: int, end_ms: int, step_ms: int, transactions: Json, errors: Json, newest: int | None
) -> ApmSeries:
    """Buckets of the whole range; `provisional_from_ms` is left to who knows the time."""
    found = {parse.number(bucket, "key"): bucket for bucket in buckets(transactions, "aggregations.buckets")}
    counts = {
        parse.number(bucket, "key"): parse.number(bucket, "doc_count")
        for bucket in buckets(errors, "aggregations.buckets")
    }
    made = tuple(
        _bucket(at_ms, found.get(at_ms, {}), counts.get(at_ms) or 0)
        for at_ms in range(start_ms, end_ms, step_ms)
    )
    weight = sum(bucket.transactions for bucket in made)
    recorded = sum(parse.number(bucket, "doc_count") or 0 for bucket in found.values())
    p50, p95, p99 = percentiles(parse.field(transactions, "aggregations") or {})
    return ApmSeries(
        step_ms=step_ms,
        buckets=made,
        provisional_from_ms=None,
        newest_ms=newest,
        sampling=recorded / weight if weight else None,
        mean_us=weighted_mean((bucket.mean_us, bucket.transactions) for bucket in made),
        p50_us=p50,
        p95_us=p95,
        p99_us=p99,
        transactions=weight,
        failed=sum(bucket.failed for bucket in made),
    )


def weighted_mean(parts: Iterable[tuple[float | None, float]]) -> float | None:
    """Of means with their weights; None when there is none."""
    known = [(mean, weight) for mean, weight in parts if mean is not None and weight]
    return (
        sum(mean * weight for mean, weight in known) / sum(weight for _, weight in known) if known else None
    )


def _bucket(start_ms: int, found: Json, errors: int) -> ApmBucket:
    figures = outcome_figures(found)
    p50, p95, p99 = percentiles(found)
    results: dict[str, float] = {}
    for outcome in buckets(found, "outcomes"):
        for result in buckets(outcome, "results"):
            name = str(result.get("key"))
            results[name] = results.get(name, 0.0) + (real(result, "weight.value") or 0.0)
    return ApmBucket(
        start_ms=start_ms,
        transactions=figures["all"],
        failed=figures["failure"],
        succeeded=figures["success"],
        unknown=figures["all"] - figures["failure"] - figures["success"],
        mean_us=real(found, "mean.value"),
        p50_us=p50,
        p95_us=p95,
        p99_us=p99,
        results=results,
        errors=errors,
    )


def outcome_figures(found: Json) -> dict[str, float]:
    """Weights by outcome. Where a stack writes none, the result tells: `HTTP 5xx` failed."""
    figures = {"all": 0.0, "success": 0.0, "failure": 0.0}
    for outcome in buckets(found, "outcomes"):
        for result in buckets(outcome, "results"):
            weight = real(result, "weight.value") or 0.0
            name = outcome.get("key")
            if name == NO_OUTCOME:
                text = str(result.get("key"))
                name = "failure" if text == "HTTP 5xx" else "success" if text.startswith("HTTP ") else name
            figures["all"] += weight
            if name in figures:
                figures[name] += weight
    return figures


def percentiles(found: Json) -> tuple[float | None, float | None, float | None]:
    """p50, p95 and p99 in microseconds; None when there was nothing."""
    values = parse.field(found, "percentiles.values") or {}
    p50, p95, p99 = (real(values, name) for name in ("50.0", "95.0", "99.0"))
    return p50, p95, p99


def error_groups(start_ms: int, end_ms: int, answer: Json) -> tuple[ErrorGroup, ...]:
    """Groups in the order of the answer."""
    return tuple(_group(bucket, start_ms, end_ms) for bucket in buckets(answer, "aggregations.groups"))


def _group(bucket: Json, start_ms: int, end_ms: int) -> ErrorGroup:
    count = parse.number(bucket, "doc_count") or 0
    found = hits(parse.field(bucket, "newest") or {})
    newest = parse.error_sample(found[0] if found else {}, 0, count)
    names = terms(bucket, "names") or {newest.message: count}
    return ErrorGroup(
        key=str(bucket.get("key")),
        type=newest.type,
        message=min(names, key=lambda name: (-names[name], name)),
        culprit=newest.culprit,
        handled=newest.handled,
        count=count,
        first_ms=parse.number(bucket, "first.value") or 0,
        last_ms=parse.number(bucket, "last.value") or 0,
        names=names,
        transactions=terms(bucket, "transactions"),
        spark=sparkline(bucket, start_ms, end_ms),
        stack_depth=len(newest.frames),
    )


def sparkline(bucket: Json, start_ms: int, end_ms: int) -> tuple[int, ...]:
    """Documents in every second of the clock that the range touches."""
    counts = {
        (parse.number(cell, "key") or 0) // 1000: parse.number(cell, "doc_count") or 0
        for cell in buckets(bucket, "spark")
    }
    return tuple(counts.get(second, 0) for second in range(start_ms // 1000, -(-end_ms // 1000)))


def terms(found: Json, path: str) -> dict[str, int]:
    """Counts of a terms aggregation, by text."""
    return {str(cell.get("key")): parse.number(cell, "doc_count") or 0 for cell in buckets(found, path)}


def groups_of(answer: Json) -> dict[str, tuple[str, ...]]:
    """Grouping keys by trace id."""
    found = buckets(answer, "aggregations.traces")
    return {str(bucket.get("key")): tuple(terms(bucket, "groups")) for bucket in found}


def breakdown(answer: Json) -> Breakdown:
    """Parts by self time, the largest first."""
    parts = [
        BreakdownPart(
            type=str(kind.get("key")),
            subtype=str(subtype.get("key")),
            count=parse.number(subtype, "spans.value") or 0,
            sum_us=parse.number(subtype, "us.value") or 0,
        )
        for kind in buckets(answer, "aggregations.types")
        for subtype in buckets(kind, "subtypes")
    ]
    return Breakdown(tuple(sorted(parts, key=lambda part: (-part.sum_us, part.type, part.subtype))))


def process_metrics(start_ms: int, end_ms: int, step_ms: int, answer: Json) -> tuple[ProcessMetric, ...]:
    """One entry per bucket of the range."""
    found = {parse.number(bucket, "key"): bucket for bucket in buckets(answer, "aggregations.buckets")}
    return tuple(
        ProcessMetric(
            start_ms=at_ms,
            cpu_share=real(found.get(at_ms), "cpu.value"),
            system_cpu_share=real(found.get(at_ms), "system.value"),
            rss_bytes=parse.number(found.get(at_ms), "rss.value"),
        )
        for at_ms in range(start_ms, end_ms, step_ms)
    )


def services(answer: Json) -> tuple[str, ...]:
    """Names in order."""
    return tuple(terms(answer, "aggregations.services"))


def real(document: Any, path: str) -> float | None:
    """Number at a path."""
    value = parse.field(document, path)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
