"""Figures by name, as the APM views show them: transactions, latencies, dependencies, services."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

from stressdash.embedded.apm.context import Json
from stressdash.embedded.apm.store import Store
from stressdash.embedded.apm.tally import Tally
from stressdash.embedded.apm.timeline import Timeline
from stressdash.hdr import bucket_low_us
from stressdash.samples import (
    LATENCY_EDGES_US,
    Dependency,
    LatencyBand,
    LatencyDistribution,
    Scope,
    ServiceFigures,
    TransactionGroup,
)

__all__ = ["Views"]

GROUP_LIMIT: Final = 200
NAME_LIMIT: Final = 20


class Views:
    """What is asked of timeline and store beyond series and error groups."""

    def __init__(self, timeline: Timeline, store: Store) -> None:
        self._timeline = timeline
        self._store = store

    def transactions(self, start_ms: int, end_ms: int, scope: Scope) -> tuple[TransactionGroup, ...]:
        """By name, those that took the most time together first."""
        groups = [
            self._transaction_group(number, tally)
            for number, tally in self._timeline.requests(start_ms, end_ms, scope).items()
        ]
        return tuple(sorted(groups, key=lambda group: (-group.total_us, group.name))[:GROUP_LIMIT])

    def _transaction_group(self, number: int, tally: Tally) -> TransactionGroup:
        p50, p95, p99 = tally.percentiles_us()
        return TransactionGroup(
            name=self._timeline.names.text(number),
            transactions=tally.weight,
            failed=tally.failed,
            total_us=tally.duration_us,
            mean_us=tally.mean_us,
            p50_us=p50,
            p95_us=p95,
            p99_us=p99,
        )

    def latency_distribution(
        self, start_ms: int, end_ms: int, name: str | None, scope: Scope
    ) -> LatencyDistribution:
        """Bands from the first to the last that has transactions."""
        tallies = self._timeline.requests(start_ms, end_ms, scope)
        wanted = None if name is None else self._timeline.names.find(name)
        whole = Tally()
        for number, tally in tallies.items():
            if name is None or number == wanted:
                whole.add(tally)
        counts, failed = banded(whole.latencies), banded(whole.failed_latencies)
        edges = (*LATENCY_EDGES_US, None)
        bands = [
            LatencyBand(LATENCY_EDGES_US[n], edges[n + 1], counts[n], failed[n]) for n in range(len(counts))
        ]
        taken = [n for n, count in enumerate(counts) if count]
        p50, p95, p99 = whole.percentiles_us()
        kept = bands[taken[0] : taken[-1] + 1] if taken else []
        return LatencyDistribution(tuple(kept), whole.weight, p50, p95, p99)

    def transaction_documents(
        self,
        start_ms: int,
        end_ms: int,
        name: str | None,
        us_range: tuple[int, float],
        limit: int,
        scope: Scope,
    ) -> list[Json]:
        """The slowest transactions that can still be opened."""
        wanted = None if name is None else self._timeline.names.find(name)
        if name is not None and wanted is None:
            return []
        slow = self._timeline.slow(start_ms, end_ms, us_range, wanted, scope)
        found = (self._store.document(each.reference) for each in heapq.nlargest(limit, slow))
        return [document for document in found if document is not None]

    def dependencies(self, start_ms: int, end_ms: int, scope: Scope) -> tuple[Dependency, ...]:
        """By resource, what took the most time together first."""
        calls = self._timeline.calls(start_ms, end_ms, scope)
        text = self._timeline.names.text
        ordered = sorted(calls.items(), key=lambda item: (-item[1].duration_us, text(item[0])))
        return tuple(self._dependency(number, tally) for number, tally in ordered[:GROUP_LIMIT])

    def _dependency(self, number: int, tally: Tally) -> Dependency:
        text = self._timeline.names.text
        kind, subtype = self._timeline.kinds[number]
        operations = sorted(tally.results.items(), key=lambda item: (-item[1], text(item[0])))
        p50, p95, p99 = tally.percentiles_us()
        return Dependency(
            resource=text(number),
            type=kind,
            subtype=subtype,
            calls=tally.weight,
            failed=tally.failed,
            mean_us=tally.mean_us,
            p50_us=p50,
            p95_us=p95,
            p99_us=p99,
            operations={text(name): calls for name, calls in operations[:NAME_LIMIT]},
        )

    def overview(self, start_ms: int, end_ms: int, scope: Scope) -> tuple[ServiceFigures, ...]:
        """By service, those without transactions and errors left out."""
        rows = []
        for service in self._timeline.origins.found():
            if scope.service not in (None, service.name):
                continue
            own = Scope(service.name, scope.environment, scope.transaction_type)
            tallies = self._timeline.requests(start_ms, end_ms, own)
            whole = tallies.whole
            errors = self._timeline.error_counts(start_ms, end_ms, own)
            if whole.weight or errors:
                p95_us = tallies.percentiles_us[1]
                figures = ServiceFigures(
                    service.name, whole.weight, whole.failed, errors, whole.mean_us, p95_us
                )
                rows.append(figures)
        return tuple(rows)


def banded(latencies: Mapping[int, float]) -> list[float]:
    """Weights by band, from a sparse histogram."""
    counts = [0.0] * len(LATENCY_EDGES_US)
    for index, weight in latencies.items():
        counts[bisect_right(LATENCY_EDGES_US, bucket_low_us(index)) - 1] += weight
    return counts
