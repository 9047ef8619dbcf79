"""Watches the APM source: the service's view of a run, merged from moving windows.

The newest answers stand in public fields. A source that fails leaves its last answer and a sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from stressdash.apm.source import ApmSource
from stressdash.errors import StressdashError
from stressdash.samples import ApmBucket, ApmHealth, ApmSeries, ErrorGroup, ServiceStatus
from stressdash.session.breakdowns import BreakdownWatch
from stressdash.session.clock import Clock
from stressdash.session.groups import GroupWatch

__all__ = ["ApmWatch", "dropped_events"]

STEP_MS: Final = 1_000
WINDOW_MS: Final = 15_000
"""Each tick asks for the last 15 s again: later ones are merged over what was provisional."""
REACH_MS: Final = 120_000
"""Most that one tick asks for: what was missed for longer is made up for by those that follow."""
KEEP_BUCKETS: Final = 4 * 3600
ASK_TRACES: Final = 400
"""Trace ids per question."""
SETTLE_MS: Final = 4_000


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
