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
    ErrorGroup,
    ErrorSample,
    ProcessMetric,
    Trace,
)

__all__ = ["ApmSource"]


class ApmSource(Protocol):
    """The server's view of one service, or of all when it was made without a service's name."""

    async def series(self, start_ms: int, end_ms: int, step_ms: int) -> ApmSeries:
        """Request transactions in buckets counted from `start_ms`, gaps included as zero buckets.

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

    async def error_sample(
        self, group: str, n: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> ErrorSample | None:
        """The group's n-th error, those with a sampled transaction first, then the newest; None beyond."""
        ...

    async def trace(self, trace_id: str) -> Trace:
        """Transactions, spans and errors with that trace id; an empty trace when there are none."""
        ...

    async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:
        """Self time of request transactions by span type and subtype, the largest first."""
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
        """Names of the services that have sent something, in order."""
        ...

    async def health(self) -> ApmHealth:
        """Whether the source can answer; never raises for a source that is down."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
