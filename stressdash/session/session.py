"""The session: owns the stack, the run and the watches; every command of screen and shell comes in here.

Nothing is fatal after `open`: what goes wrong later is a state and a sentence in the snapshot.
"""

from __future__ import annotations

import asyncio
import contextlib
from bisect import insort
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from stressdash.apm.source import ApmSource
from stressdash.errors import StressdashError, UsageError
from stressdash.metrics.database import DatabaseMeter
from stressdash.metrics.series import Timeline
from stressdash.metrics.thresholds import Outcome, Threshold
from stressdash.report.run_json import RunReport
from stressdash.samples import DatabaseProcess, FoundService, Knob, LogLine, Scope
from stressdash.samples.apm_page import ApmPage, TraceView
from stressdash.scenario import Scenario, find_scenario, scenario_thresholds
from stressdash.session.apmpages import apm_page, trace_view
from stressdash.session.apmwatch import ApmWatch
from stressdash.session.choose import with_scenario
from stressdash.session.clipboard import copied
from stressdash.session.clock import Clock
from stressdash.session.detail import open_error
from stressdash.session.errorlist import ErrorList
from stressdash.session.export import write_report
from stressdash.session.following import Following
from stressdash.session.guard import guard_run
from stressdash.session.lab import LabBook
from stressdash.session.life import see_through, start_run
from stressdash.session.ownership import Ownership, steers
from stressdash.session.plan import planned_seconds
from stressdash.session.polls import poll_apm, poll_owner, poll_processors, poll_status, polling
from stressdash.session.processors import Processors
from stressdash.session.recording import Recording
from stressdash.session.run import LiveRun
from stressdash.session.scoping import found_services, look_at
from stressdash.session.skew import SkewWatch
from stressdash.session.stackwatch import StackWatch
from stressdash.session.steer import steer_connections, steer_duration, steer_rate
from stressdash.session.trial import run_again
from stressdash.session.turn import act, turn_knob, turn_settings
from stressdash.session.view import take_snapshot
from stressdash.settings import Settings
from stressdash.snapshot import ErrorDetail, Mark, RunState, Snapshot
from stressdash.stack.backend import Stack
from stressdash.stack.knobs import EVERY_KNOB, find

__all__ = ["Session"]

LOOK_EVERY_S: Final = 0.5
"""How often every source is asked."""
KEEP_MARKS: Final = 500


class Session:
    """Everything that runs beneath a screen or a headless run; implements `SessionApi`."""

    def __init__(
        self,
        settings: Settings,
        scenario: Scenario | None,
        stack: Stack,
        *,
        source: Callable[[Stack, Scope], ApmSource | None],
        scope: Scope | None = None,
        thresholds: tuple[Threshold, ...] = (),
        clock: Clock | None = None,
        ownership: Ownership | None = None,
        choice: str = "",
    ) -> None:
        """`source` makes the APM source once the stack is up, `choice` says why it is this stack."""
        self.settings = settings
        self.scenario = scenario
        self.stack = stack
        self.clock = clock or Clock()
        self.ownership = ownership or Ownership(None, "", self.clock.wall_ms)
        self.choice = choice
        self.timeline = Timeline()
        self.database_meter = DatabaseMeter()
        self.processors = Processors(self.clock)
        self.watch = StackWatch(stack, lambda label: self.mark(label, "component"))
        self.apm: ApmWatch | None = None
        self.source: ApmSource | None = None
        self.scope = scope or Scope(settings.apm_service)
        self.skew = SkewWatch(self.clock)
        self.make_source: Callable[[Stack, Scope], ApmSource | None] = lambda stack, scope: (
            self.skew.corrected(source(stack, scope))
        )
        self.retired: list[ApmSource] = []
        self.errors = ErrorList(self.clock)
        self.run: LiveRun | None = None
        self.state = RunState.STARTING
        self.notice = "starting the stack"
        self.connections = settings.connections
        self.rate = settings.rate
        self.duration_s = planned_seconds(settings)
        self.marks: list[Mark] = []
        self._said_thresholds = thresholds
        self.outcomes: tuple[Outcome, ...] = ()
        self.report: RunReport | None = None
        self.lab_book = LabBook()
        self.runs = 0
        """Runs that were asked for so far."""
        self.begun, self.ended = asyncio.Event(), asyncio.Event()
        """No run is just starting; everything about the last one is known."""
        self.begun.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sequence = 0
        self._starts_when_ready = False
        self.recording = Recording(self)
        self.following = Following(self)

    # --- life -------------------------------------------------------------------------------------------

    async def open(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Start or adopt the stack, turn the scenario's knobs, and begin to watch.

        Raises:
            UsageError: a knob that is to be turned does not exist, or has no such value.
            StackError: the stack cannot be used; it is closed again.
        """

        def tell(text: str) -> None:
            self.notice = text
            progress(text)

        try:
            for name, value in self.settings.knobs.items():
                find(EVERY_KNOB, name).parse(value)  # a slip of the pen costs no start
            if self.choice:
                tell(self.choice)
            if not self.ownership.claim():
                self.following.look_back()
            await self.stack.up(tell, as_it_is=self.ownership.owner is not None)
            self.source = self.make_source(self.stack, self.scope)
            if self.source is not None:
                since_ms = self.clock.origin_wall_ms if self.ownership.owner is not None else None
                self.apm = ApmWatch(self.source, self.clock, since_ms)
            await self.watch.poll_components()
            if self.ownership.owner is None:
                await turn_settings(self)
        except StressdashError as error:
            self.state, self.notice = RunState.FAILED, str(error)
            raise
        self.state, self.notice = RunState.READY, ""
        polls: list[Callable[[], Awaitable[None]]] = [self.watch.poll_components, self.recording.tick]
        polls += [partial(poll, self) for poll in (poll_status, poll_processors, poll_owner)]
        if self.apm is not None:
            polls.append(partial(poll_apm, self))
        for poll in polls:
            self._spawn(polling(LOOK_EVERY_S, poll))
        if self._starts_when_ready:
            await self.start_load()

    async def close(self) -> None:
        """End the run, the watches and, unless it is to be kept, the stack. Idempotent."""
        async with contextlib.AsyncExitStack() as closing:  # from the last to the first, whatever fails
            closing.push_async_callback(self.stack.close, keep=self.settings.keep)
            closing.callback(self.ownership.release)
            for source in filter(None, (*self.retired, self.source)):
                closing.push_async_callback(source.aclose)
            closing.push_async_callback(self.recording.close)
            closing.push_async_callback(self._end_tasks)
            if self.run is not None:
                closing.push_async_callback(self.run.fleet.close)

    async def _end_tasks(self) -> None:
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.notice = f"{type(error).__name__}: {error}"

    # --- watching ---------------------------------------------------------------------------------------

    def mark(self, label: str, kind: str) -> None:
        """Leave a labelled mark on the charts."""
        self.take_mark(Mark(self.clock.now_s(), label, kind))

    def take_mark(self, mark: Mark) -> None:
        """Put a mark of any time among the others."""
        insort(self.marks, mark, key=lambda one: one.at_s)
        del self.marks[:-KEEP_MARKS]

    def snapshot(self, span_s: float | None = 60.0) -> Snapshot:
        """The newest picture; its series reach back `span_s`, or over the whole session."""
        self._sequence += 1
        return self.ownership.seen(take_snapshot(self, self._sequence, span_s))

    # --- load -------------------------------------------------------------------------------------------

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """What the next run must hold: by the scenario, and by what was said beside it."""
        return (*scenario_thresholds(self.scenario), *self._said_thresholds)

    @property
    def loading(self) -> bool:
        """Whether a run is going on."""
        return self.state in (RunState.RUNNING, RunState.PAUSED, RunState.DRAINING)

    @steers
    async def start_load(self) -> None:
        """Start a run with the present connections, duration and knobs, or do so once the stack is ready.

        Raises:
            StressdashError: the plan, the target or the engine cannot be used.
        """
        if self.loading:
            raise UsageError("load is running already; stop it first")
        if self.state is RunState.STARTING:
            self._starts_when_ready = True
            return
        run = await start_run(self)
        self._spawn(see_through(self, run))
        self._spawn(guard_run(self, run))

    async def finished(self) -> RunReport | None:
        """Wait until the run has ended and everything about it is known."""
        await self.ended.wait()
        return self.report

    @steers
    async def stop_load(self) -> None:
        """Stop the run in the plan's way."""
        if (run := await self.steerable()) is not None:
            run.stopping = True
            self.state = RunState.DRAINING
            await run.fleet.stop()

    @steers
    async def run_again(self) -> None:
        """Stop the run that goes on, if one does, and start the next, on an empty table and a stack at rest.

        Raises:
            StressdashError: as `start_load`.
        """
        await run_again(self, {})

    @steers
    async def run_changed(self, name: str, value: str) -> None:
        """As `run_again`, with this knob turned."""
        await run_again(self, {name: value})

    @steers
    async def pause(self) -> None:
        """Send nothing new; what is in flight finishes."""
        if (run := await self.steerable()) is not None and self.state is RunState.RUNNING:
            await run.fleet.pause()
            self.state = RunState.PAUSED
            self.mark("pause", "steer")

    @steers
    async def resume(self) -> None:
        """Go on after `pause`."""
        if (run := await self.steerable()) is not None and self.state is RunState.PAUSED:
            await run.fleet.resume()
            self.state = RunState.RUNNING
            self.mark("resume", "steer")

    @steers
    async def set_connections(self, connections: int) -> None:
        """Steer the run, and what the next run starts with."""
        await steer_connections(self, connections)

    @steers
    async def set_rate(self, rate: float | None) -> None:
        """Steer the arrivals per second of this run and the next; None closes the loop."""
        await steer_rate(self, rate)

    @steers
    async def set_duration(self, seconds: float | None) -> None:
        """Move the end of the run, and of the next one; None runs until stopped."""
        await steer_duration(self, seconds)

    async def steerable(self) -> LiveRun | None:
        """The run that can be steered, once it has started; None where none goes on."""
        await self.begun.wait()
        run = self.run
        return run if self.loading and run is not None and not run.stopping and run.ended_s is None else None

    @steers
    async def load_scenario(self, name: str) -> None:
        """Make a scenario the next run's plan and turn its knobs."""
        if self.loading:
            raise UsageError("load is running; stop it before choosing another scenario")
        scenario = find_scenario(name)
        self.settings = with_scenario(self.settings, scenario)
        self.scenario = scenario
        self.connections = self.settings.connections
        self.rate = self.settings.rate
        self.duration_s = planned_seconds(self.settings)
        if self.state is RunState.FINISHED:
            self.state = RunState.READY
        await turn_settings(self)

    # --- stack ------------------------------------------------------------------------------------------

    @steers
    async def set_knob(self, name: str, value: str) -> Knob:
        """Turn a knob; under load it starts a new segment and leaves a mark."""
        return await turn_knob(self, name, value)

    @steers
    async def component_action(self, component: str, action: str) -> None:
        """One of the stack's `ACTIONS`."""
        await act(self, component, action)

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        """Who is connected to the database, by its own account."""
        return await self.stack.processlist()

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:
        """Log lines of a component with a sequence above `after`."""
        return await self.stack.logs(component, after)

    # --- looking closer ---------------------------------------------------------------------------------

    async def error_detail(self, row_id: str, sample: int | None = None) -> ErrorDetail:
        """Open an error row."""
        return await open_error(self, row_id, sample)

    async def apm_page(self, tab: str, name: str | None, band: tuple[int, int | None]) -> ApmPage:
        """A tab of the APM views."""
        return await apm_page(self, tab, name, band)

    async def found_services(self) -> tuple[FoundService, ...]:
        """What the service's view can be narrowed down to."""
        return await found_services(self)

    async def look_at(self, scope: Scope) -> None:
        """Narrow it down."""
        await look_at(self, scope)

    async def trace(self, trace_id: str) -> TraceView:
        """A trace."""
        return await trace_view(self, trace_id)

    async def copy_text(self, what: str, subject: str = "") -> str:
        """`curl` and `wrk` of the plan; `value`, `query` and `kibana` of a row or a tab of the APM views."""
        return await copied(self, what, subject)

    async def play(self, how: str) -> None:  # noqa: ARG002  the interface
        """Refused: only a replay can be moved in."""
        raise UsageError("this is live; open a run of the list of runs to move in it")

    async def export(self) -> str:
        """Write the last run's JSON into the state folder and return the path."""
        if self.report is None:
            raise UsageError("there is no finished run to export")
        return str(write_report(self.report, self.settings.state / "exports"))
