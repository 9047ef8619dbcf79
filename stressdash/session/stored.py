"""What stands in for the live sources when a run on disk is shown: its APM, its stack, its machine.

All of them answer as of the moment that the replay has come to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from stressdash.errors import UsageError
from stressdash.report.stored import UNKNOWN_INTERFERENCE
from stressdash.samples import (
    ApmHealth,
    ApmSeries,
    Breakdown,
    Component,
    DatabaseProcess,
    DatabaseStatus,
    Dependency,
    ErrorGroup,
    ErrorName,
    ErrorSample,
    FoundService,
    Knob,
    LatencyDistribution,
    LogLine,
    ProcessMetric,
    ServiceFigures,
    ServiceStatus,
    Trace,
    TransactionGroup,
    TransactionSample,
)
from stressdash.session.clock import Clock
from stressdash.session.processors import Processors
from stressdash.snapshot import Interference
from stressdash.stack.backend import Addresses
from stressdash.store.head import Status
from stressdash.store.runfile import StoredRun

__all__ = ["REFUSAL", "StoredProcessors", "StoredSource", "StoredStack"]

REFUSAL: Final = "this is a replay of a run that has ended; nothing can be changed in it"
STEP_MS: Final = 1_000


class StoredSource:
    """Implements `ApmSource` over what was recorded of one."""

    def __init__(self, run: StoredRun, wall_ms: Callable[[], int]) -> None:
        """`wall_ms` is the moment that the replay has come to."""
        self._run = run
        self._wall_ms = wall_ms
        self._groups = run.groups()

    async def series(
        self,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        now_ms: int | None = None,  # noqa: ARG002  the interface
    ) -> ApmSeries:
        """See `ApmSource.series`; only by seconds, as it was recorded."""
        found = {
            bucket.start_ms: bucket
            for bucket in self._run.buckets(start_ms - STEP_MS + 1, min(end_ms, self._wall_ms()))
        }
        return ApmSeries(
            step_ms=step_ms,
            buckets=tuple(found.values()),
            provisional_from_ms=None,
            newest_ms=None,
            sampling=None,
            transactions=sum(bucket.transactions for bucket in found.values()),
            failed=sum(bucket.failed for bucket in found.values()),
        )

    async def error_groups(self, start_ms: int, end_ms: int) -> tuple[ErrorGroup, ...]:  # noqa: ARG002  the interface
        """See `ApmSource.error_groups`; counts as of then."""
        now = [_as_of(group, end_ms) for group in self._groups]
        return tuple(sorted((g for g in now if g.count), key=lambda group: (-group.count, group.key)))

    async def error_sample(
        self,
        group: str,
        n: int,
        start_ms: int | None = None,  # noqa: ARG002  the interface
        end_ms: int | None = None,  # noqa: ARG002  the interface
        name: str | None = None,
    ) -> ErrorSample | None:
        """See `ApmSource.error_sample`; of those that were kept."""
        samples = [each for each in self._run.samples(group) if name in (None, each.message)]
        return samples[n] if 0 <= n < len(samples) else None

    async def trace(self, trace_id: str) -> Trace:
        """See `ApmSource.trace`; of those that were kept."""
        return self._run.trace(trace_id)

    async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:  # noqa: ARG002  the interface
        """Not recorded."""
        return Breakdown()

    async def error_names(
        self,
        group: str,
        start_ms: int,  # noqa: ARG002  the interface
        end_ms: int,
    ) -> tuple[ErrorName, ...]:
        """Counts of all the run's errors; their times by message are not recorded."""
        found = [each for each in self._groups if each.key == group and each.first_ms < end_ms]
        return tuple(
            ErrorName(message, count, each.first_ms, each.last_ms)
            for each in found
            for message, count in sorted(each.names.items(), key=lambda named: (-named[1], named[0]))
        )

    async def transactions(self, start_ms: int, end_ms: int) -> tuple[TransactionGroup, ...]:  # noqa: ARG002  the interface
        """Not recorded."""
        return ()

    async def latency_distribution(
        self,
        start_ms: int,  # noqa: ARG002  the interface
        end_ms: int,  # noqa: ARG002  the interface
        name: str | None = None,  # noqa: ARG002  the interface
    ) -> LatencyDistribution:
        """Not recorded."""
        return LatencyDistribution()

    async def transaction_samples(
        self,
        start_ms: int,  # noqa: ARG002  the interface
        end_ms: int,  # noqa: ARG002  the interface
        name: str | None = None,  # noqa: ARG002  the interface
        low_us: int = 0,  # noqa: ARG002  the interface
        high_us: int | None = None,  # noqa: ARG002  the interface
        limit: int = 20,  # noqa: ARG002  the interface
    ) -> tuple[TransactionSample, ...]:
        """Not recorded."""
        return ()

    async def dependencies(self, start_ms: int, end_ms: int) -> tuple[Dependency, ...]:  # noqa: ARG002  the interface
        """Not recorded."""
        return ()

    async def overview(self, start_ms: int, end_ms: int) -> tuple[ServiceFigures, ...]:  # noqa: ARG002  the interface
        """Not recorded."""
        return ()

    async def process_metrics(
        self,
        start_ms: int,  # noqa: ARG002  the interface
        end_ms: int,  # noqa: ARG002  the interface
        step_ms: int,  # noqa: ARG002  the interface
    ) -> tuple[ProcessMetric, ...]:
        """Not recorded."""
        return ()

    async def groups_of(self, trace_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """See `ApmSource.groups_of`; of the requests that APM was asked of at the time."""
        known = self._run.trace_groups()
        return {trace: known[trace] for trace in trace_ids if trace in known}

    async def sample_of_trace(self, trace_id: str) -> ErrorSample | None:
        """See `ApmSource.sample_of_trace`; of those that were kept."""
        return self._run.sample_of_trace(trace_id)

    async def services(self) -> tuple[str, ...]:
        """Not recorded."""
        return ()

    async def discover(self) -> tuple[FoundService, ...]:
        """Not recorded."""
        return ()

    async def health(self) -> ApmHealth:
        """As if all had come in at once: how far behind the source was is not recorded."""
        return ApmHealth(ok=True, product="recorded", newest_ms=self._wall_ms())

    async def aclose(self) -> None:
        """The run's file belongs to the replay."""


def _as_of(group: ErrorGroup, end_ms: int) -> ErrorGroup:
    """The group with what it held before a moment, told by its counts per second."""
    if group.first_ms >= end_ms:
        return replace(group, count=0)
    first = next((at for at, number in enumerate(group.spark) if number), None)
    if group.last_ms < end_ms or first is None:
        return group
    seen = group.spark[: first + end_ms // STEP_MS - group.first_ms // STEP_MS]
    return replace(group, count=sum(seen), spark=seen, last_ms=end_ms)


class StoredStack:
    """Implements `Stack` for components that ran once; `StoredStack.status` is what they told last."""

    def __init__(self, run: StoredRun, at_ms: Callable[[], int]) -> None:
        """`at_ms` is how far the replay has come, from the run's start."""
        self.name = run.head.backend
        self.status = Status()
        self._run = run
        self._at_ms = at_ms

    async def up(self, progress: Callable[[str], None], *, as_it_is: bool = False) -> None:
        """Nothing is started."""

    async def attach(self) -> bool:
        """There is nothing to hold on to."""
        return True

    def addresses(self) -> Addresses:
        """Where the service was."""
        return Addresses(self._run.head.target)

    async def components(self) -> tuple[Component, ...]:
        """As they were."""
        return self.status.components

    async def action(self, component: str, action: str) -> None:  # noqa: ARG002  the interface
        """Refused."""
        raise UsageError(REFUSAL)

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:  # noqa: ARG002  the interface
        """Not recorded."""
        return ()

    async def knobs(self) -> tuple[Knob, ...]:
        """As they stood."""
        return self._run.knobs(self._at_ms())

    async def set_knob(self, name: str, value: str) -> Knob:  # noqa: ARG002  the interface
        """Refused."""
        raise UsageError(REFUSAL)

    async def service_status(self) -> ServiceStatus | None:
        """As it told."""
        return self.status.service

    async def database_status(self) -> DatabaseStatus | None:
        """As it told."""
        return self.status.database

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        """Not recorded."""
        return ()

    async def down(self, *, erase: bool = False) -> None:  # noqa: ARG002  the interface
        """Refused."""
        raise UsageError(REFUSAL)

    async def close(self, *, keep: bool = False) -> None:
        """Nothing is held."""


class StoredProcessors(Processors):
    """Who used the machine, as it was recorded."""

    def __init__(self, clock: Clock, stack: StoredStack, cores: int) -> None:
        super().__init__(clock)
        self.cores = cores
        self._stack = stack

    def recent(self, generator_core: float | None = None) -> Interference:  # noqa: ARG002  the interface
        """As recorded last."""
        return self._stack.status.interference or UNKNOWN_INTERFERENCE

    def over_run(
        self,
        generator_core: float | None,  # noqa: ARG002  the interface
        requests: int,  # noqa: ARG002  the interface
        generator_s: float | None = None,  # noqa: ARG002  the interface
    ) -> Interference:
        """As recorded last, too: the cost of a request was told with it."""
        return self.recent()
