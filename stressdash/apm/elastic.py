"""APM from a real Elasticsearch, 7.17 to 9: questions and answers; `cluster` does the talking."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from stressdash.apm import answers, parse, queries, view_answers, view_queries
from stressdash.apm.cluster import Cluster
from stressdash.apm.connection import Connection
from stressdash.apm.queries import KINDS, PAGE_LIMIT
from stressdash.errors import SourceError
from stressdash.samples import (
    ApmHealth,
    ApmSeries,
    Breakdown,
    Dependency,
    ErrorGroup,
    ErrorName,
    ErrorSample,
    FoundService,
    LatencyDistribution,
    ProcessMetric,
    Scope,
    ServiceFigures,
    Trace,
    TransactionGroup,
    TransactionSample,
)

__all__ = ["ElasticSource"]

PROVISIONAL_MS: Final = 2000
"""How long an event may take to be found after it ended, with the agent, the server's flush and the index
refresh tuned as the compose file does it: 330 + 200 + 200 ms, and room for a busy machine."""


class ElasticSource:
    """An `ApmSource` over the documents that apm-server wrote.

    Args:
        connection: where and how.
        scope: what to look at; None for all.
        now_ms: wall clock in milliseconds since 1970.
    """

    def __init__(
        self,
        connection: Connection,
        scope: Scope | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._cluster = Cluster(connection)
        self._scope = scope or Scope()
        self._now_ms = now_ms
        self._newest_ms: int | None = None
        """Of the newest transaction that was found: older ones need not be looked at again."""
        self._hidden: str | None = None
        """What the credentials hide from us, in a sentence; None before it was found out."""

    async def series(self, start_ms: int, end_ms: int, step_ms: int, now_ms: int | None = None) -> ApmSeries:
        """See `ApmSource.series`."""
        transactions, errors, newest = await self._cluster.search(
            queries.series(start_ms, end_ms, step_ms, self._scope),
            queries.count_series(start_ms, end_ms, step_ms, self._scope),
            queries.newest(self._scope, self._newest_ms),
        )
        self._newest_ms = answers.newest_ms(newest)
        made = answers.series(start_ms, end_ms, step_ms, transactions, errors, self._newest_ms)
        present_ms = self._now_ms() if now_ms is None else now_ms
        settled_ms = present_ms - PROVISIONAL_MS - int((made.p99_us or 0) / 1000)
        provisional_ms = max(start_ms, start_ms + (settled_ms - start_ms) // step_ms * step_ms)
        return replace(made, provisional_from_ms=provisional_ms if provisional_ms < end_ms else None)

    async def error_groups(self, start_ms: int, end_ms: int) -> tuple[ErrorGroup, ...]:
        """See `ApmSource.error_groups`."""
        (answer,) = await self._cluster.search(queries.error_groups(start_ms, end_ms, self._scope))
        return answers.error_groups(start_ms, end_ms, answer)

    async def error_names(self, group: str, start_ms: int, end_ms: int) -> tuple[ErrorName, ...]:
        """See `ApmSource.error_names`."""
        (answer,) = await self._cluster.search(view_queries.error_names(group, start_ms, end_ms, self._scope))
        return view_answers.error_names(start_ms, end_ms, answer)

    async def error_sample(
        self,
        group: str,
        n: int,
        start_ms: int | None = None,
        end_ms: int | None = None,
        name: str | None = None,
    ) -> ErrorSample | None:
        """See `ApmSource.error_sample`."""
        if not 0 <= n < PAGE_LIMIT:
            return None
        (answer,) = await self._cluster.search(
            queries.error_sample(group, n, start_ms, end_ms, self._scope, name)
        )
        found = answers.hits(answer)
        return parse.error_sample(found[0], n, answers.total(answer)) if found else None

    async def trace(self, trace_id: str) -> Trace:
        """See `ApmSource.trace`."""
        (answer,) = await self._cluster.search(queries.trace(trace_id))
        return parse.trace(trace_id, answers.hits(answer))

    async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:
        """See `ApmSource.breakdown`."""
        (answer,) = await self._cluster.search(queries.breakdown(start_ms, end_ms, self._scope))
        return answers.breakdown(answer)

    async def transactions(self, start_ms: int, end_ms: int) -> tuple[TransactionGroup, ...]:
        """See `ApmSource.transactions`."""
        (answer,) = await self._cluster.search(view_queries.transactions(start_ms, end_ms, self._scope))
        return view_answers.transactions(answer)

    async def latency_distribution(
        self, start_ms: int, end_ms: int, name: str | None = None
    ) -> LatencyDistribution:
        """See `ApmSource.latency_distribution`."""
        (answer,) = await self._cluster.search(
            view_queries.latency_distribution(start_ms, end_ms, name, self._scope)
        )
        return view_answers.latency_distribution(answer)

    async def transaction_samples(
        self,
        start_ms: int,
        end_ms: int,
        name: str | None = None,
        low_us: int = 0,
        high_us: int | None = None,
        limit: int = 20,
    ) -> tuple[TransactionSample, ...]:
        """See `ApmSource.transaction_samples`."""
        (answer,) = await self._cluster.search(
            view_queries.transaction_samples(start_ms, end_ms, name, low_us, high_us, limit, self._scope)
        )
        return view_answers.transaction_samples(answer)

    async def dependencies(self, start_ms: int, end_ms: int) -> tuple[Dependency, ...]:
        """See `ApmSource.dependencies`."""
        (answer,) = await self._cluster.search(view_queries.dependencies(start_ms, end_ms, self._scope))
        return view_answers.dependencies(answer)

    async def overview(self, start_ms: int, end_ms: int) -> tuple[ServiceFigures, ...]:
        """See `ApmSource.overview`."""
        answer, errors = await self._cluster.search(
            view_queries.overview(start_ms, end_ms, self._scope),
            view_queries.error_counts(start_ms, end_ms, self._scope),
        )
        return view_answers.overview(answer, errors)

    async def process_metrics(self, start_ms: int, end_ms: int, step_ms: int) -> tuple[ProcessMetric, ...]:
        """See `ApmSource.process_metrics`."""
        (answer,) = await self._cluster.search(
            queries.process_metrics(start_ms, end_ms, step_ms, self._scope)
        )
        return answers.process_metrics(start_ms, end_ms, step_ms, answer)

    async def groups_of(self, trace_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """See `ApmSource.groups_of`."""
        if not trace_ids:
            return {}
        (answer,) = await self._cluster.search(queries.groups_of(trace_ids))
        return answers.groups_of(answer)

    async def sample_of_trace(self, trace_id: str) -> ErrorSample | None:
        """See `ApmSource.sample_of_trace`."""
        (answer,) = await self._cluster.search(queries.error_of_trace(trace_id))
        found = answers.hits(answer)
        if not found:
            return None
        sample = parse.error_sample(found[0], 0, 1)
        rank = queries.rank_in_group(sample.group, sample.at_ms, self._scope, sampled=sample.sampled is True)
        (answer,) = await self._cluster.search(rank)
        before = parse.number(answer, "aggregations.before.doc_count") or 0
        return replace(sample, index=before, total=answers.total(answer))

    async def services(self) -> tuple[str, ...]:
        """See `ApmSource.services`."""
        (answer,) = await self._cluster.search(queries.services())
        return answers.services(answer)

    async def discover(self) -> tuple[FoundService, ...]:
        """See `ApmSource.discover`."""
        (answer,) = await self._cluster.search(queries.services())
        return view_answers.found_services(answer)

    async def health(self) -> ApmHealth:
        """See `ApmSource.health`."""
        since_ms = self._newest_ms
        try:
            (answer,) = await self._cluster.search(queries.newest(self._scope, since_ms))
            if self._hidden is None:
                self._hidden = await self._find_hidden()
        except SourceError as error:
            return ApmHealth(ok=False, product=self._cluster.product, detail=str(error))
        self._newest_ms = answers.newest_ms(answer)
        return ApmHealth(
            ok=True,
            product=await self._cluster.name(),
            detail=self._cluster.trouble or self._hidden,
            newest_ms=self._newest_ms,
            documents=answers.total(answer) if since_ms is None else None,
        )

    async def _find_hidden(self) -> str:
        """Elasticsearch leaves out what may not be read, as if there were nothing: ask for the reason."""
        found = await self._cluster.search(*map(queries.presence, KINDS.values()))
        absent = [kind for kind, answer in zip(KINDS, found, strict=True) if not answers.shards(answer)]
        if not absent:
            return ""
        patterns = {kind: KINDS[kind].split(",") for kind in absent}
        refused = await self._cluster.unreadable([each for few in patterns.values() for each in few])
        hidden = [kind for kind in absent if refused.issuperset(patterns[kind])]
        if not hidden:
            return ""
        where = ", ".join(KINDS[kind].partition(",")[0] for kind in hidden)
        return f"the credentials may see no {', no '.join(hidden)}: they lack the privilege 'read' on {where}"

    async def aclose(self) -> None:
        """Close connections."""
        await self._cluster.aclose()
