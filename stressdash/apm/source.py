"""What can be asked of APM, whoever answers.

Ranges are [start, end) in milliseconds since 1970. Times are event times: when a transaction began, when an
error was raised. Every method may raise `SourceError` with one sentence for the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

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
    ServiceFigures,
    Trace,
    TransactionGroup,
    TransactionSample,
)

__all__ = ["ApmSource"]


class ApmSource(Protocol):
    """The server's view, narrowed down to the `Scope` that it was made with."""

    async def series(self, start_ms: int, end_ms: int, step_ms: int, now_ms: int | None = None) -> ApmSeries:
        """Request transactions in buckets counted from `start_ms`, gaps included as zero buckets.

        `now_ms` is the present by the clock that stamps events, where it is not the source's own: what is
        still provisional goes by it.

        Percentiles are given however few transactions a bucket has: who shows them decides from
        `transactions` and `sampling` whether they mean anything.
        """
        ...

    async def error_groups(self, start_ms: int, end_ms: int) -> tuple[ErrorGroup, ...]:
        """Groups with errors in the range, at most 200, the most frequent first, then by key.

        A group's message is its most frequent one. `spark` counts by whole seconds of the clock, from the
        second of `start_ms` to that of the range's last millisecond.
        """
        ...

    async def error_names(self, group: str, start_ms: int, end_ms: int) -> tuple[ErrorName, ...]:
        """The group's errors split by message, at most 200, the most frequent first, then by message."""
        ...

    async def error_sample(
        self,
        group: str,
        n: int,
        start_ms: int | None = None,
        end_ms: int | None = None,
        name: str | None = None,
    ) -> ErrorSample | None:
        """The group's n-th error, those with a sampled transaction first, then the newest; None beyond.

        With a name only errors with that message are paged through.
        """
        ...

    async def trace(self, trace_id: str) -> Trace:
        """Transactions, spans and errors with that trace id; an empty trace when there are none."""
        ...

    async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:
        """Self time of request transactions by span type and subtype, the largest first."""
        ...

    async def transactions(self, start_ms: int, end_ms: int) -> tuple[TransactionGroup, ...]:
        """Transactions by name, at most 200, those that took the most time together first, then by name."""
        ...

    async def latency_distribution(
        self, start_ms: int, end_ms: int, name: str | None = None
    ) -> LatencyDistribution:
        """How long transactions took, of one name or of all, in the bands of `LATENCY_EDGES_US`."""
        ...

    async def transaction_samples(
        self,
        start_ms: int,
        end_ms: int,
        name: str | None = None,
        low_us: int = 0,
        high_us: int | None = None,
        limit: int = 20,
    ) -> tuple[TransactionSample, ...]:
        """The slowest transactions with `low_us <= duration < high_us`, of one name or of all.

        Those that were kept merely because they failed are among them.
        """
        ...

    async def dependencies(self, start_ms: int, end_ms: int) -> tuple[Dependency, ...]:
        """What the service called, from its spans, at most 200; what took the most time together first.

        Spans that name no destination are left out, as are those of transactions kept for failing: both
        would count wrongly.
        """
        ...

    async def overview(self, start_ms: int, end_ms: int) -> tuple[ServiceFigures, ...]:
        """Every service of the scope that has transactions or errors in the range, by name."""
        ...

    async def process_metrics(self, start_ms: int, end_ms: int, step_ms: int) -> tuple[ProcessMetric, ...]:
        """Means of CPU, maximum of memory, per bucket; buckets without metrics are unknown."""
        ...

    async def groups_of(self, trace_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Error group keys by trace id, empty for traces without error; ids unknown to APM are absent."""
        ...

    async def sample_of_trace(self, trace_id: str) -> ErrorSample | None:
        """The first error of a trace; None when it has none."""
        ...

    async def services(self) -> tuple[str, ...]:
        """Names of the services that have sent something, in order, whatever the scope."""
        ...

    async def discover(self) -> tuple[FoundService, ...]:
        """What there is to narrow down to, by name, whatever the scope."""
        ...

    async def health(self) -> ApmHealth:
        """Whether the source can answer; never raises for a source that is down."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
