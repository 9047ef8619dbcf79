"""APM on our own clock: ranges go out as the service's clock has them, times come back as ours has them.

How far the service's clock is ahead is found out elsewhere and passed in; while it is 0 everything passes
through. Sparklines count by whole seconds of the service's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from stressdash.apm.source import ApmSource
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

__all__ = ["ClockedSource"]


class ClockedSource:
    """Implements `ApmSource` over another.

    Args:
        source: what is asked.
        ahead_us: microseconds that the service's clock is ahead of ours.
        now_ms: our clock.
    """

    def __init__(self, source: ApmSource, ahead_us: Callable[[], int], now_ms: Callable[[], int]) -> None:
        self._source = source
        self._ahead_us = ahead_us
        self._now_ms = now_ms

    @property
    def _ahead_ms(self) -> int:
        return round(self._ahead_us() / 1000)

    async def series(self, start_ms: int, end_ms: int, step_ms: int, now_ms: int | None = None) -> ApmSeries:
        """See `ApmSource.series`."""
        ahead_ms = self._ahead_ms
        if not ahead_ms:
            return await self._source.series(start_ms, end_ms, step_ms, now_ms)
        present_ms = (self._now_ms() if now_ms is None else now_ms) + ahead_ms
        found = await self._source.series(start_ms + ahead_ms, end_ms + ahead_ms, step_ms, present_ms)
        return replace(
            found,
            buckets=tuple(replace(each, start_ms=each.start_ms - ahead_ms) for each in found.buckets),
            provisional_from_ms=back(found.provisional_from_ms, ahead_ms),
            newest_ms=back(found.newest_ms, ahead_ms),
        )

    async def error_groups(self, start_ms: int, end_ms: int) -> tuple[ErrorGroup, ...]:
        """See `ApmSource.error_groups`."""
        ahead_ms = self._ahead_ms
        found = await self._source.error_groups(start_ms + ahead_ms, end_ms + ahead_ms)
        return tuple(
            replace(each, first_ms=each.first_ms - ahead_ms, last_ms=each.last_ms - ahead_ms)
            for each in found
        )

    async def error_names(self, group: str, start_ms: int, end_ms: int) -> tuple[ErrorName, ...]:
        """See `ApmSource.error_names`."""
        ahead_ms = self._ahead_ms
        found = await self._source.error_names(group, start_ms + ahead_ms, end_ms + ahead_ms)
        return tuple(
            replace(each, first_ms=each.first_ms - ahead_ms, last_ms=each.last_ms - ahead_ms)
            for each in found
        )

    async def error_sample(
        self,
        group: str,
        n: int,
        start_ms: int | None = None,
        end_ms: int | None = None,
        name: str | None = None,
    ) -> ErrorSample | None:
        """See `ApmSource.error_sample`."""
        ahead_ms = self._ahead_ms
        bounds = back(start_ms, -ahead_ms), back(end_ms, -ahead_ms)
        return set_back(await self._source.error_sample(group, n, *bounds, name), ahead_ms)

    async def trace(self, trace_id: str) -> Trace:
        """See `ApmSource.trace`."""
        ahead_us = self._ahead_us()
        found = await self._source.trace(trace_id)
        return replace(
            found, spans=tuple(replace(each, start_us=each.start_us - ahead_us) for each in found.spans)
        )

    async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:
        """See `ApmSource.breakdown`."""
        return await self._source.breakdown(start_ms + self._ahead_ms, end_ms + self._ahead_ms)

    async def transactions(self, start_ms: int, end_ms: int) -> tuple[TransactionGroup, ...]:
        """See `ApmSource.transactions`."""
        return await self._source.transactions(start_ms + self._ahead_ms, end_ms + self._ahead_ms)

    async def latency_distribution(
        self, start_ms: int, end_ms: int, name: str | None = None
    ) -> LatencyDistribution:
        """See `ApmSource.latency_distribution`."""
        ahead_ms = self._ahead_ms
        return await self._source.latency_distribution(start_ms + ahead_ms, end_ms + ahead_ms, name)

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
        ahead_ms = self._ahead_ms
        found = await self._source.transaction_samples(
            start_ms + ahead_ms, end_ms + ahead_ms, name, low_us, high_us, limit
        )
        return tuple(replace(each, at_ms=each.at_ms - ahead_ms) for each in found)

    async def dependencies(self, start_ms: int, end_ms: int) -> tuple[Dependency, ...]:
        """See `ApmSource.dependencies`."""
        return await self._source.dependencies(start_ms + self._ahead_ms, end_ms + self._ahead_ms)

    async def overview(self, start_ms: int, end_ms: int) -> tuple[ServiceFigures, ...]:
        """See `ApmSource.overview`."""
        return await self._source.overview(start_ms + self._ahead_ms, end_ms + self._ahead_ms)

    async def process_metrics(self, start_ms: int, end_ms: int, step_ms: int) -> tuple[ProcessMetric, ...]:
        """See `ApmSource.process_metrics`."""
        ahead_ms = self._ahead_ms
        found = await self._source.process_metrics(start_ms + ahead_ms, end_ms + ahead_ms, step_ms)
        return tuple(replace(each, start_ms=each.start_ms - ahead_ms) for each in found)

    async def groups_of(self, trace_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """See `ApmSource.groups_of`."""
        return await self._source.groups_of(trace_ids)

    async def sample_of_trace(self, trace_id: str) -> ErrorSample | None:
        """See `ApmSource.sample_of_trace`."""
        ahead_ms = self._ahead_ms
        return set_back(await self._source.sample_of_trace(trace_id), ahead_ms)

    async def services(self) -> tuple[str, ...]:
        """See `ApmSource.services`."""
        return await self._source.services()

    async def discover(self) -> tuple[FoundService, ...]:
        """See `ApmSource.discover`."""
        return await self._source.discover()

    async def health(self) -> ApmHealth:
        """See `ApmSource.health`."""
        ahead_ms = self._ahead_ms
        found = await self._source.health()
        return replace(found, newest_ms=back(found.newest_ms, ahead_ms))

    async def aclose(self) -> None:
        """Close the source."""
        await self._source.aclose()


def back(at_ms: int | None, ahead_ms: int) -> int | None:
    """A time on our clock; None stays None."""
    return None if at_ms is None else at_ms - ahead_ms


def set_back(sample: ErrorSample | None, ahead_ms: int) -> ErrorSample | None:
    """A sample on our clock."""
    return None if sample is None else replace(sample, at_ms=sample.at_ms - ahead_ms)
