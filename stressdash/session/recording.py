"""Keeps every run of a session on disk: what its sources tell goes to the recorder as it comes.

A run that cannot be kept is a sentence on the screen and in the report, never a run that does not happen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from stressdash import __version__
from stressdash.apm.source import ApmSource
from stressdash.errors import SourceError, StoreError
from stressdash.report.build import knob_values
from stressdash.report.run_json import RunReport, to_json
from stressdash.samples import ApmBucket, Knob
from stressdash.session.plan import plan_facts
from stressdash.session.processors import machine
from stressdash.session.run import LiveRun
from stressdash.store.claim import Claim
from stressdash.store.gridrow import FIELDS
from stressdash.store.head import RunHead, Status
from stressdash.store.recorder import Ending, Recorder
from stressdash.store.runs import RunFolder
from stressdash.store.upkeep import sweep
from stressdash.text import plain_url

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["Recording"]

MIB: Final = 1 << 20
DAY_MS: Final = 86_400_000
GROUPS_EVERY: Final = 4
"""Ticks between two tellings of error groups, whose counts change all the time."""
SAMPLES: Final = 3
"""Error documents kept of each group, with the spans of their requests."""
SAMPLED_GROUPS: Final = 20
TRACED_FAULTS: Final = 20


class Recording:
    """Records one run after another; does nothing when the session is not to record."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._folder = RunFolder(session.settings.state)
        self._recorder: Recorder | None = None
        self._problem = ""
        self._run: LiveRun | None = None
        self._begin()

    def _begin(self) -> None:
        self._ticks = 0
        self._marked_s = self._session.clock.now_s()
        self._knobs: tuple[Knob, ...] = ()
        self._buckets: dict[int, ApmBucket] = {}
        self._traces: set[str] = set()
        self._sampled: set[str] = set()

    @property
    def number(self) -> int | None:
        """Number of the run that is being recorded, or was last; None when none was."""
        return self._recorder.number if self._recorder is not None else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the run is not kept, or not whole; empty while all is well."""
        recorder = self._recorder
        if self._problem:
            return (self._problem,)
        if recorder is not None and recorder.problem:
            return (f"this run is not kept whole: {recorder.problem}",)
        if recorder is not None and recorder.lost:
            return (f"{recorder.lost:,} samples of this run could not be written in time",)
        return ()

    def begin(self, run: LiveRun) -> None:
        """Record a run that has just started."""
        self._begin()
        self._recorder, self._problem, self._run = None, "", run
        if not self._session.settings.record:
            return
        try:
            claim = Claim.take(self._folder.path)
        except StoreError as error:
            self._problem = f"this run is not kept: {error}"
            return
        self._recorder = run.recorder = Recorder(claim, self._head(run))
        self._tell()

    async def tick(self) -> None:
        """Write what is new; called twice a second."""
        if self._recorder is None or self._run is not self._session.run or not self._session.loading:
            return
        self._tell()
        apm = self._session.apm
        if apm is not None and self._session.source is not None:
            new = [group.key for group in apm.groups if group.key not in self._sampled][:2]
            self._sampled.update(new)
            await self._keep_samples(self._session.source, new, 1)

    async def finish(self, run: LiveRun, report: RunReport | None) -> None:
        """Write the rest of a run that has ended, and what its report says; then let go of old runs."""
        recorder = self._recorder
        if recorder is None or self._run is not run:
            return
        self._tell(everything=True)
        source = self._session.source
        if source is not None and self._session.apm is not None:
            keys = [group.key for group in self._session.apm.groups[:SAMPLED_GROUPS]]
            await self._keep_samples(source, keys, SAMPLES)
            await self._keep_traces(source, _exemplar_traces(run))
        text = to_json(report).decode() if report is not None else None
        await asyncio.to_thread(
            recorder.close, Ending(text, "" if report is not None else "it has no result")
        )
        await asyncio.to_thread(self._sweep)

    async def close(self) -> None:
        """The session ends; a run that still goes on is kept as interrupted."""
        if self._recorder is not None:
            self._tell(everything=True)
            ending = Ending(None, "stressdash was closed before the run ended")
            await asyncio.to_thread(self._recorder.close, ending)

    # --- what is told ---------------------------------------------------------------------------------

    def _head(self, run: LiveRun) -> RunHead:
        session, plan = self._session, run.plan
        return RunHead(
            run_id=f"{plan.run_id:016x}",
            scenario=session.settings.scenario,
            target=plain_url(plan.url),
            backend=session.stack.name,
            started_ms=run.fleet.started_wall_ms,
            origin_ns=run.fleet.started_ns,
            stressdash=__version__,
            connections=plan.connections,
            duration_s=plan.duration_s,
            open_loop=plan.rate is not None,
            plan=plan_facts(plan),
            machine=asdict(machine()),
            knobs=knob_values(session.watch.knobs),
            fields=FIELDS,
        )

    def _tell(self, *, everything: bool = False) -> None:
        recorder, run, session = self._recorder, self._run, self._session
        if recorder is None or run is None:
            return
        started_s = run.started_s or 0.0
        at_ms = int((session.clock.now_s() - started_s) * 1e3)
        watch = session.watch
        interference = session.processors.recent(run.core_share)
        recorder.add_status(at_ms, Status(watch.components, watch.service, watch.database, interference))
        if watch.knobs != self._knobs:
            self._knobs = watch.knobs
            recorder.add_knobs(at_ms, watch.knobs)
        for mark in session.marks:
            if mark.at_s > self._marked_s:
                recorder.add_mark(max(0, int((mark.at_s - started_s) * 1e3)), mark)
        self._marked_s = session.marks[-1].at_s if session.marks else self._marked_s
        self._tell_apm(recorder, everything=everything)
        self._ticks += 1

    def _tell_apm(self, recorder: Recorder, *, everything: bool) -> None:
        apm = self._session.apm
        if apm is None:
            return
        buckets = apm.series.buckets if apm.series is not None else ()
        changed = [
            bucket
            for bucket in buckets
            if bucket.start_ms >= apm.from_ms and self._buckets.get(bucket.start_ms) != bucket
        ]
        if changed:
            recorder.add_buckets(changed)
        self._buckets = {bucket.start_ms: bucket for bucket in buckets}
        if everything or self._ticks % GROUPS_EVERY == 0:
            recorder.add_groups(apm.groups)
            new = {trace: keys for trace, keys in apm.groups_of.items() if trace not in self._traces}
            recorder.add_trace_groups(new)
            self._traces.update(new)

    async def _keep_samples(self, source: ApmSource, keys: Iterable[str], number: int) -> None:
        await asyncio.gather(*(self._keep_samples_of(source, key, number) for key in keys))

    async def _keep_samples_of(self, source: ApmSource, key: str, number: int) -> None:
        assert self._recorder is not None
        for place in range(number):
            try:
                sample = await source.error_sample(key, place)
            except SourceError:
                return
            if sample is None:
                return
            self._recorder.add_sample(place, sample)
            if sample.trace_id is not None:
                await self._keep_traces(source, [sample.trace_id])

    async def _keep_traces(self, source: ApmSource, trace_ids: Iterable[str]) -> None:
        assert self._recorder is not None
        for trace_id in trace_ids:
            try:
                trace = await source.trace(trace_id)
            except SourceError:
                return
            if trace.spans:
                self._recorder.add_trace(trace)

    def _sweep(self) -> None:
        settings = self._session.settings
        now_ms = self._session.clock.wall_ms()
        sweep(
            self._folder,
            most_bytes=settings.runs_size_mib * MIB,
            oldest_ms=now_ms - settings.runs_age_days * DAY_MS,
        )


def _exemplar_traces(run: LiveRun) -> list[str]:
    faults = run.faults.top(TRACED_FAULTS)
    return [e.trace_id for fault in faults for e in fault.exemplars if e.trace_id is not None]
