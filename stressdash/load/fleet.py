"""The parent's side of the engine: a run of load over worker processes, started, steered, stopped, read.

All workers share one grid of windows, which begins at `started_ns`. The fleet owns the run's clock: workers
are told when the run ends, again after each pause, so that paused time never counts.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from stressdash.errors import BadInput, EngineError, UsageError
from stressdash.load.capacity import check_capacity, doubts_of, workers_needed
from stressdash.load.control import Assignment, Command
from stressdash.load.kernel import listen_overflows
from stressdash.load.ledger import Ledger, map_page_file, new_page_file
from stressdash.load.plan import MAX_CONNECTIONS, MAX_RATE, MIN_RATE, Plan
from stressdash.load.process import WorkerProcess
from stressdash.load.resolver import LookUp, Resolver
from stressdash.load.scriptstage import ScriptStage
from stressdash.load.secret import read_secrets
from stressdash.load.shape import Stage, stage_at
from stressdash.load.target import Address, is_loopback, parse_url, resolve
from stressdash.load.tls import make_context
from stressdash.samples import Window

__all__ = ["LEAD_NS", "Fleet"]

READY_S: Final = 60.0
"""How long a worker may take to start on a loaded machine."""
LEAD_NS: Final = 20_000_000
"""From the start command to the start, so that all workers begin together."""
GRACE_S: Final = 5.0
"""What a worker may take beyond the time its work is bounded by."""
CLOSE_S: Final = 2.0
SHAPE_STEP_S: Final = 0.05


class Fleet:
    """One run. Make a new fleet for the next."""

    def __init__(self, plan: Plan, *, on_window: Callable[[Window], None], look_up: LookUp = resolve) -> None:
        """A fleet that has not started.

        Args:
            plan: what to do.
            on_window: called in the event loop with each worker's windows as they come.
            look_up: finds the addresses of the plan's host.
        """
        self._plan = plan
        self._on_window = on_window
        self._workers: list[WorkerProcess] = []
        self._listeners: list[asyncio.Task[None]] = []
        self._ledger_files: list[int] = []
        self._deaths: list[EngineError] = []
        self._secrets: dict[str, str] = {}
        self.failure: UsageError | None = None
        """What the plan's script failed with."""
        self._printed: list[bytes] = []
        self.stage: ScriptStage | None = None
        """The plan's script on this side, when it has one."""
        self._segment = 0
        self._shape: asyncio.Task[None] | None = None
        self._resolver = Resolver(plan, look_up)
        self._resolving: asyncio.Task[None] | None = None
        self._duration_s = plan.length_s
        self._ports_from = 1
        """Addresses that take local ports."""
        self._doubts: list[str] = []
        self._overflows: int | None = None
        self._paused_ns = 0
        self._pause_began_ns: int | None = None
        self.started_ns = 0
        """Monotonic time at which the grid of windows begins."""
        self.started_wall_ms = 0
        """The same moment as milliseconds since 1970."""
        self.interrupted = False
        """Whether `stop` ended it before its plan's own end."""
        self.ledger: Ledger | None = None
        """After the end, when the plan's bodies tell requests apart."""

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Process ids of the workers."""
        return tuple(worker.pid for worker in self._workers)

    @property
    def follows_shape(self) -> bool:
        """Whether the plan's shape steers, and nobody has taken over by hand."""
        return self._shape is not None and not self._shape.done() and not self._shape.cancelling()

    @property
    def deaths(self) -> tuple[EngineError, ...]:
        """How workers, or what steers them, ended before their time; what was measured was handed on."""
        return tuple(self._deaths)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the result must know of how it was come by."""
        before, now = self._overflows, listen_overflows()
        if before is None or now is None or now <= before or not self.started_ns:
            return tuple(self._doubts)
        lost = f"{now - before:,} connections found a listen queue of this machine full since the start"
        return (*self._doubts, f"{lost}: they wait a second or more for the kernel to try again")

    @property
    def printed(self) -> bytes:
        """What the plan's script has printed, here and in the workers."""
        return b"".join([*self._printed, self.stage.printed if self.stage is not None else b""])

    async def start(self) -> None:
        """Check the target, spawn the workers, and start them together.

        Raises:
            TargetError: the host cannot be resolved.
            TargetRefused: the guard said no.
            UsageError: the plan asks for more than this machine can hold.
            EngineError: a worker could not be started.
        """
        self._secrets = read_secrets(
            (header for request in self._plan.requests for header in request.secrets), os.environ
        )
        addresses = await self._resolver.first()
        if parse_url(self._plan.url).secure:
            make_context(self._plan.transport)  # what is wrong with a file is told here, not by a worker
        most = max(1, round(self._plan.peak("connections")))
        count = min(self._plan.workers or workers_needed(most, self._plan.peak("rate")), most)
        self._ports_from = sum(address.family != socket.AF_UNIX for address in addresses)
        check_capacity(most, count, self._ports_from)
        self._doubts = doubts_of(self._plan, addresses)
        self._overflows = listen_overflows() if any(map(is_loopback, addresses)) else None
        if self._plan.script is not None:
            self.stage = await asyncio.to_thread(ScriptStage, self._plan, addresses)
            await asyncio.to_thread(self.stage.setup, count)
        try:
            await self._spawn(count)
            await self._brief(addresses)
        except BaseException:
            await self.close()
            raise
        self.started_ns = time.monotonic_ns() + LEAD_NS
        self.started_wall_ms = (time.time_ns() + LEAD_NS) // 1_000_000
        self._tell_all(Command("start", at_ns=self.started_ns, end_ns=self._end_ns()))
        if self._plan.stages:
            self._shape = self._beside("the load's shape", self._follow_shape(self._plan.stages))
        self._resolving = self._beside("looking the host up", self._follow_addresses(addresses))

    def _beside(self, name: str, chore: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do this while the load goes on."""
        task = asyncio.create_task(chore, name=name)
        task.add_done_callback(self._miss)
        return task

    def _miss(self, chore: asyncio.Task[None]) -> None:
        """What went on beside the load is over; if it broke, the load is no longer the plan's, and ends."""
        if not chore.cancelled() and (error := chore.exception()) is not None:
            self._deaths.append(EngineError(f"{chore.get_name()} failed, so the load was ended: {error!r}"))
            self._tell_all(Command("stop", mode="abort"))

    async def _spawn(self, count: int) -> None:
        if self._plan.has_identity:
            self._ledger_files = [new_page_file() for _ in range(count)]
        files: Sequence[int | None] = self._ledger_files or [None] * count
        spawning = [asyncio.create_task(WorkerProcess.spawn(file)) for file in files]
        try:
            await asyncio.gather(*spawning, return_exceptions=True)
        finally:  # whoever gave up meanwhile closes those that are there
            ended = [task for task in spawning if not task.cancelled()]
            self._workers = [task.result() for task in ended if task.exception() is None]
        for task in spawning:
            task.result()

    async def _brief(self, addresses: tuple[Address, ...]) -> None:
        """Give each worker its part of the plan, and wait until all are ready."""
        count = len(self._workers)
        rate, slope, level = self._first_level()
        connections = _shares(max(count, round(level)), count)
        limit = self._plan.max_requests
        budgets = [None] * count if limit is None else _shares(limit, count)
        readies = [asyncio.Event() for _ in self._workers]
        for number, (worker, ready) in enumerate(zip(self._workers, readies, strict=True)):
            self._listeners.append(asyncio.create_task(self._listen(number, worker, ready)))
            worker.tell(
                Assignment(
                    plan=self._plan,
                    worker=number,
                    workers=count,
                    addresses=self.stage.addresses(number, addresses) if self.stage else addresses,
                    connections=connections[number],
                    max_requests=budgets[number],
                    rate=rate,
                    slope=slope,
                    secrets=self._secrets,
                    given=self.stage.given(number) if self.stage else None,
                )
            )
        try:
            async with asyncio.timeout(READY_S):
                await asyncio.gather(*(ready.wait() for ready in readies))
        except TimeoutError as error:
            raise EngineError(f"a load worker was not ready within {READY_S:g} s; try again") from error
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self._deaths:
            raise self._deaths[0]

    def _first_level(self) -> tuple[float | None, float, float]:
        """Rate, its slope, and connections to begin with."""
        plan = self._plan
        if not plan.stages:
            return plan.rate, 0.0, plan.connections
        first = plan.stages[0]
        if plan.shapes == "rate":
            return first.start, first.slope, plan.connections
        return plan.rate, 0.0, first.start

    async def _listen(self, number: int, worker: WorkerProcess, ready: asyncio.Event) -> None:
        """Hand on a worker's windows until it has ended."""
        async for report in worker.reports():
            if report.window is not None:
                self._on_window(report.window)
            elif report.verb == "ready":
                ready.set()
            elif report.verb == "ended":
                self.interrupted |= report.interrupted and not (self._deaths or self.failure)
                self._printed.append(report.printed)
                if self.stage is not None:
                    self.stage.keep(number, report.values)
                return
            elif report.verb == "failed":
                self.failure = self.failure or BadInput(report.reason)
                break
        else:
            self._deaths.append(await worker.death())
        ready.set()
        self._tell_all(Command("stop", mode="abort"))

    # --- steering -------------------------------------------------------------------------------------

    async def set_connections(self, connections: int) -> None:
        """Change the number of connections; begins a segment.

        Raises:
            UsageError: more than this machine can hold, or less than one per worker.
        """
        least = len(self._workers)
        if not least <= connections <= MAX_CONNECTIONS:
            raise UsageError(f"{connections} connections cannot be held; give {least} to {MAX_CONNECTIONS}")
        check_capacity(connections, least, self._ports_from)
        self._leave_shape()
        self._segment += 1
        self._tell_connections(connections)

    def _tell_connections(self, connections: int) -> None:
        shares = _shares(connections, len(self._workers))
        for worker, share in zip(self._workers, shares, strict=True):
            worker.tell(Command("connections", segment=self._segment, connections=share))

    async def set_rate(self, rate: float | None) -> None:
        """Change the arrivals per second, or close the loop with None; begins a segment.

        Raises:
            UsageError: a rate that cannot be kept.
        """
        if rate is not None and not MIN_RATE <= rate <= MAX_RATE:
            raise UsageError(f"a rate of {rate:g}/s cannot be kept; give {MIN_RATE:g} to {MAX_RATE:g}")
        self._leave_shape()
        self._segment += 1
        self._tell_all(Command("rate", segment=self._segment, rate=rate))

    def _leave_shape(self) -> None:
        """Who steers by hand takes over from the plan's shape."""
        if self._shape is not None:
            self._shape.cancel()

    async def _follow_addresses(self, known: tuple[Address, ...]) -> None:
        async for command in self._resolver.changes(known):
            self._tell_all(command)

    async def _follow_shape(self, stages: Sequence[Stage]) -> None:
        """Keep the load at the shape's level; each stage is a segment."""
        last = 0
        while True:
            number, seconds = stage_at(stages, self._elapsed_s())
            begins = number != last
            self._segment += begins
            last = number
            if self._plan.shapes == "connections":
                self._tell_connections(max(len(self._workers), round(stages[number].level(seconds))))
            elif begins:
                slope = stages[number].slope
                rate = stages[number].level(seconds)
                self._tell_all(Command("rate", segment=self._segment, rate=rate, slope=slope))
            await asyncio.sleep(SHAPE_STEP_S)

    def _elapsed_s(self) -> float:
        """Measured time since the start, without pauses."""
        until_ns = self._pause_began_ns or time.monotonic_ns()
        return max(0, until_ns - self.started_ns - self._paused_ns) / 1e9

    async def set_duration(self, seconds: float | None) -> None:
        """Move the end of the run, counted from its start without pauses; None runs until stopped."""
        self._duration_s = seconds
        if self._pause_began_ns is None:
            self._tell_all(Command("end", end_ns=self._end_ns()))

    async def new_segment(self) -> int:
        """Begin a segment, because something other than the load was changed; returns its number."""
        self._segment += 1
        self._tell_all(Command("segment", segment=self._segment))
        return self._segment

    async def pause(self) -> None:
        """Send nothing new; what is in flight finishes."""
        if self._pause_began_ns is None:
            self._pause_began_ns = time.monotonic_ns()
            self._tell_all(Command("pause"))

    async def resume(self) -> None:
        """Go on; the end of the run moves by the length of the pause."""
        if self._pause_began_ns is not None:
            self._paused_ns += time.monotonic_ns() - self._pause_began_ns
            self._pause_began_ns = None
            self._tell_all(Command("resume", end_ns=self._end_ns()))

    # --- the end --------------------------------------------------------------------------------------

    async def stop(self, mode: str | None = None) -> None:
        """End the load by `drain` or `abort`; returns when no worker runs any more.

        Args:
            mode: the plan's own way when None.
        """
        self._tell_all(Command("stop", mode=mode or self._plan.stop))
        patience_s = self._plan.timeout_s + self._plan.connect_timeout_s + GRACE_S
        if self._listeners:
            await asyncio.wait(self._listeners, timeout=patience_s)
        await self.close()

    async def wait(self) -> None:
        """Return when the run has ended, by its plan or by `stop`.

        Raises:
            EngineError: a worker died. What was measured until then was handed on.
        """
        if self._listeners:
            await asyncio.wait(self._listeners)
        await self.close()
        for listener in self._listeners:
            if not listener.cancelled():
                listener.result()
        self._raise_failure()

    async def close(self) -> None:
        """Let go of everything; ends the workers if they still run. May be called again."""
        chores = [*self._listeners, *filter(None, (self._resolving, self._shape))]
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await asyncio.gather(*(worker.close(CLOSE_S) for worker in self._workers))
        if self._ledger_files:
            self.ledger = Ledger([map_page_file(file) for file in self._ledger_files])
            for file in self._ledger_files:
                os.close(file)
            self._ledger_files = []

    def _end_ns(self) -> int | None:
        if self._duration_s is None:
            return None
        return self.started_ns + self._paused_ns + round(self._duration_s * 1e9)

    def _tell_all(self, command: Command) -> None:
        for worker in self._workers:
            worker.tell(command)


def _shares(total: int, parts: int) -> list[int]:
    """The total in whole parts that differ by one at most."""
    return [total // parts + (part < total % parts) for part in range(parts)]
