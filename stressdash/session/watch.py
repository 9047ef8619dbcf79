"""Watches everything but the load: the stack, the APM source and the machine's CPU clocks.

One task each, polling at its own pace; the newest answers stand in public fields. A source that fails leaves
its last answer and a sentence; it is asked again with back-off, and nothing here is ever fatal.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Final, TypeVar

from stressdash.apm.source import ApmSource
from stressdash.errors import StressdashError
from stressdash.metrics.usage import UsageMeter
from stressdash.samples import (
    ApmBucket,
    ApmHealth,
    ApmSeries,
    Component,
    ComponentState,
    DatabaseStatus,
    ErrorGroup,
    Knob,
    ServiceStatus,
)
from stressdash.session.breakdowns import BreakdownWatch
from stressdash.session.clock import Clock
from stressdash.session.groups import GroupWatch
from stressdash.stack.backend import Stack

__all__ = ["ApmWatch", "StackWatch", "dropped_events", "polling"]

T = TypeVar("T")

STEP_MS: Final = 1_000
WINDOW_MS: Final = 15_000
"""Each tick asks for the last 15 s again: later ones are merged over what was provisional."""
REACH_MS: Final = 120_000
"""Most that one tick asks for: what was missed for longer is made up for by those that follow."""
KEEP_BUCKETS: Final = 4 * 3600
ASK_TRACES: Final = 400
"""Trace ids per question."""
SETTLE_MS: Final = 4_000
DOWN: Final = (ComponentState.FAILED, ComponentState.UNHEALTHY, ComponentState.PAUSED)
PASSING: Final = frozenset({ComponentState.STARTING, ComponentState.STOPPING})
RECOVERED_POLLS: Final = 10
"""Looks in a row (5 s) that find a component well again before that is news: under load its health comes and
goes, and each mark covers a part of the charts."""


async def polling(every_s: float, poll: Callable[[], Awaitable[None]]) -> None:
    """Call `poll` for ever, slower while it fails."""
    pause = every_s
    while True:
        try:
            await poll()
            pause = every_s
        except StressdashError:
            pause = min(pause * 2, 5.0)
        await asyncio.sleep(pause)


def dropped_events(health: ApmHealth | None, service: ServiceStatus | None) -> int | None:
    """Events that agent and intake lost; None when neither tells."""
    told = [
        number
        for number in (
            health.dropped if health is not None else None,
            service.agent_dropped if service is not None else None,
        )
        if number is not None
    ]
    return sum(told) if told else None


class StackWatch:
    """Components, knobs and what service and database say of themselves."""

    def __init__(self, stack: Stack, on_change: Callable[[str], None]) -> None:
        """`on_change` gets a label for every change of a component's state."""
        self._stack = stack
        self._on_change = on_change
        self.components: tuple[Component, ...] = ()
        self._told: dict[str, ComponentState] = {}
        self._well: Counter[str] = Counter()
        """Looks in a row that found a component running which was last told to be unhealthy."""
        self.usage = UsageMeter()
        """Fed by who knows the time."""
        self.knobs: tuple[Knob, ...] = ()
        self.service: ServiceStatus | None = None
        self.database: DatabaseStatus | None = None

    async def poll_components(self, *, expected: str = "") -> None:
        """State, CPU and memory of each component; called twice a second.

        What becomes of the `expected` component, and states on the way to another, are no news.
        """
        self.components = await self._stack.components()
        for component in self.components:
            if self._is_news(component) and component.state not in PASSING and component.name != expected:
                self._on_change(f"{component.name} {component.state}")

    def _is_news(self, component: Component) -> bool:
        """Whether its state is another than was told; by this it is told."""
        name, state = component.name, component.state
        told = self._told.setdefault(name, state)
        recovers = told is ComponentState.UNHEALTHY and state is ComponentState.RUNNING
        self._well[name] = self._well[name] + 1 if recovers else 0
        if state is told or (recovers and self._well[name] < RECOVERED_POLLS):
            return False
        self._told[name] = state
        return True

    async def poll_status(self) -> None:
        """Pool, database and knobs as read back from the components."""
        self.service = await self._ask(self._stack.service_status())
        self.database = await self._ask(self._stack.database_status())
        self.knobs = await self._stack.knobs()

    async def _ask(self, question: Awaitable[T | None]) -> T | None:
        try:
            return await question
        except StressdashError:
            return None

    def down(self) -> tuple[Component, ...]:
        """Components that should run and do not."""
        return tuple(component for component in self.components if component.state in DOWN)


class ApmWatch:
    """The service's view of a run, merged from moving windows."""

    def __init__(
        self, source: ApmSource, clock: Clock, since_ms: int | None = None, *, in_parts: bool = True
    ) -> None:
        """A watch of what comes from now on, or of all since a moment of the wall clock.

        `in_parts` is false of a source that knows error groups over a whole run only.
        """
        self._source = source
        self._clock = clock
        self._in_parts = in_parts
        self._asking = asyncio.Lock()
        """The end of a run asks beside the regular questions: answers are merged in the order of these."""
        self._from_ms = clock.wall_ms() if since_ms is None else since_ms
        self._buckets: dict[int, ApmBucket] = {}
        self._asked_until_ms = since_ms
        self._correction_us = 0
        self.series: ApmSeries | None = None
        self.groups: tuple[ErrorGroup, ...] = ()
        self._group_watch = self._watch_groups()
        self.groups_of: dict[str, tuple[str, ...]] = {}
        self._asked_ms: dict[str, int] = {}
        self._settled_ms = self._from_ms
        """Until when the last tick's series no longer changed."""
        self.breakdowns = BreakdownWatch(source, self._from_ms)
        self.health: ApmHealth | None = None
        self.detail = ""
        """Why the source does not answer; empty while it does."""

    def begin_run(self, since_ms: int | None = None) -> None:
        """Count errors from a moment of the wall clock, or from now on."""
        self._from_ms = self._clock.wall_ms() if since_ms is None else since_ms
        self.groups, self._group_watch = (), self._watch_groups()
        self.groups_of, self._asked_ms = {}, {}

    @property
    def trouble(self) -> str:
        """Why the source does not answer, or not with all that there was; empty while all is well."""
        return self.detail or (self.health.detail if self.health is not None else "")

    def go_by(self, correction_us: int) -> None:
        """Times from APM are set back by so much from now on; what stood elsewhere is asked for again."""
        if correction_us == self._correction_us:
            return
        self._correction_us = correction_us
        self._buckets.clear()
        self._asked_until_ms = max(self._clock.origin_wall_ms, self._clock.wall_ms() - KEEP_BUCKETS * STEP_MS)
        self._group_watch = self._watch_groups()
        self.breakdowns.forget()

    def _watch_groups(self) -> GroupWatch:
        """One that asks for the whole run once, and then for what is new."""
        ahead_ms = round(self._correction_us / 1000)
        return GroupWatch(self._source, self._from_ms, ahead_ms, in_parts=self._in_parts)

    @property
    def from_ms(self) -> int:
        """Wall time from which errors count."""
        return self._from_ms

    def chart(self, start_ms: int) -> ApmSeries | None:
        """One-second buckets from `start_ms` on, as far as any were seen; a lacking one was not answered."""
        if self.series is None:
            return None
        buckets = tuple(self._buckets[key] for key in sorted(self._buckets) if key >= start_ms)
        return replace(self.series, step_ms=STEP_MS, buckets=buckets)

    def last_settled(self) -> ApmSeries | None:
        """The newest second that no longer changes, as a series of one bucket; None of an empty source."""
        if self.series is None or self.detail or self.health is None or self.health.newest_ms is None:
            return None
        until_ms = self.series.provisional_from_ms
        settled = [b for b in self.series.buckets if until_ms is None or b.start_ms + STEP_MS <= until_ms]
        if not settled:
            return None
        last = settled[-1]
        return replace(
            self.series,
            buckets=(last,),
            mean_us=last.mean_us,
            p50_us=last.p50_us,
            p95_us=last.p95_us,
            p99_us=last.p99_us,
            transactions=last.transactions,
            failed=last.failed,
        )

    async def over(self, start_ms: int, end_ms: int) -> ApmSeries:
        """The whole of a run, from merged data."""
        return await self._source.series(start_ms, end_ms, STEP_MS)

    async def poll(self, traces: Iterable[str]) -> None:
        """One tick: the moving window, the error groups, and the groups of these failed requests' traces.

        Raises:
            SourceError: the source did not answer; `detail` says why.
        """
        async with self._asking:
            await self._poll(traces)

    async def _poll(self, traces: Iterable[str]) -> None:
        now_ms, correction_us = self._clock.wall_ms(), self._correction_us
        reach_ms = now_ms - WINDOW_MS
        if self._asked_until_ms is not None:
            reach_ms = min(reach_ms, self._asked_until_ms - WINDOW_MS)
        start_ms = max(reach_ms, self._clock.origin_wall_ms) // STEP_MS * STEP_MS
        until_ms = min(now_ms, start_ms + REACH_MS) if self._in_parts else now_ms
        try:
            series, self.groups, health, *_ = await asyncio.gather(
                self._source.series(start_ms, until_ms + STEP_MS, STEP_MS),
                self._group_watch.poll(now_ms + STEP_MS),
                self._source.health(),
                self.resolve(traces),
                self.breakdowns.poll(self._settled_ms),
            )
        except StressdashError as error:
            self.detail = str(error)
            raise
        self.series, self.health = series, health
        self.detail = "" if health.ok else health.detail
        if correction_us != self._correction_us:
            return  # these are times of before: the next poll asks again, from further back
        self._asked_until_ms = until_ms
        for bucket in series.buckets:
            self._buckets[bucket.start_ms] = bucket
        while len(self._buckets) > KEEP_BUCKETS:
            del self._buckets[min(self._buckets)]
        self._settled_ms = series.provisional_from_ms or until_ms

    async def resolve(self, traces: Iterable[str]) -> None:
        """Ask which error groups the traces belong to.

        A trace that APM does not know is asked again until it has had `SETTLE_MS` to arrive; only then does
        it count as looked up without a group.
        """
        now_ms = self._clock.wall_ms()
        unknown = [trace for trace in traces if trace not in self.groups_of]
        parts = [unknown[start : start + ASK_TRACES] for start in range(0, len(unknown), ASK_TRACES)]
        for found in await asyncio.gather(*map(self._source.groups_of, parts)):
            self.groups_of.update(found)
        for trace in unknown:
            if trace not in self.groups_of and now_ms - self._asked_ms.setdefault(trace, now_ms) > SETTLE_MS:
                self.groups_of[trace] = ()

    async def caught_up(self, until_ms: int, within_s: float, traces: Callable[[], Iterable[str]]) -> bool:
        """Poll until APM holds transactions from `until_ms` on or is quiet, at most `within_s`.

        Error groups are counted anew: some errors may have come later than a tick looks back.
        """
        self._group_watch = self._watch_groups()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                quiet = 0
                newest: int | None = None
                while quiet < 3:
                    with contextlib.suppress(StressdashError):
                        await self.poll(traces())
                    seen = self.health.newest_ms if self.health else None
                    settled = seen is not None and (seen >= until_ms or seen == newest)
                    quiet = quiet + 1 if settled else 0
                    newest = seen
                    await asyncio.sleep(0.35)
                return True
        return False
