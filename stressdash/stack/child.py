"""One component as a process: started, read, signalled and awaited. Knows nothing of when to do which."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from stressdash.errors import StackError
from stressdash.samples import ComponentState
from stressdash.stack.journal import Journal
from stressdash.stack.messages import Status
from stressdash.stack.plan import Part
from stressdash.stack.program import Program
from stressdash.stack.reservation import Reservation
from stressdash.stack.standstill import Standstill

__all__ = ["Child"]

READ_BYTES = 1 << 16
LAST_OUTPUT_S = 0.5
"""How long the output of an ended process may still be held open by somebody else."""
WARDEN = (sys.executable, "-m", "stressdash.stack.warden")
WARDEN_LINE = re.compile(r"warden: pid (\d+)")
PAUSED = "paused: it goes on when you start it"
OURS = ("STRESSDASH_", "STATS_", "ELASTIC_APM_")


class Child:
    """A component over all its lives: program, process, state and journal.

    Args:
        program: what the next start runs.
        journal: takes its output.
        folder: its working directory.
        clock: seconds, monotonic.
        changed: called after every change of state.
    """

    def __init__(
        self,
        program: Program,
        journal: Journal,
        folder: Path,
        clock: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self.program = program
        self.journal = journal
        self.wanted = False
        self.state = ComponentState.ABSENT
        self._folder = folder
        self._clock = clock
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._pid: int | None = None
        self._life: asyncio.Task[None] | None = None
        self._deadline_s: float | None = None
        self._started_s: float | None = None
        self._starts = 0
        self._exit_code: int | None = None
        self._heard = 0
        """Log line up to which there is nothing that could explain an end."""
        self._host = "127.0.0.1"
        self._port = program.port
        self._reservation = Reservation()
        self._late = False
        """It was killed because it had had its time."""
        self._doomed = False
        """It was killed, perhaps before it had a process."""
        self._detail = ""
        self._pausing = asyncio.Lock()
        self._standstill: Standstill | None = None

    @property
    def part(self) -> Part:
        """As `plan` wants to see it."""
        return Part(self.program.name, self.wanted, self.state, self._deadline_s)

    @property
    def status(self) -> Status:
        """As clients want to see it."""
        running = self.state in (ComponentState.STARTING, ComponentState.RUNNING, ComponentState.STOPPING)
        return Status(
            name=self.program.name,
            state=self.state if self._standstill is None else ComponentState.PAUSED,
            pid=self._pid if running else None,
            uptime_s=self._clock() - self._started_s if running and self._started_s is not None else None,
            restarts=max(0, self._starts - 1),
            exit_code=self._exit_code,
            host=self._host if self._port else None,
            port=self._port or None,
            detail=self._detail if self._standstill is None else PAUSED,
        )

    def close(self) -> None:
        """Let go of its log and its port."""
        self.journal.close()
        self._reservation.close()

    def want(self, *, up: bool) -> None:
        """What it should be from now on; asking for a failed one starts it again."""
        self.wanted = up
        if up and self.state is ComponentState.FAILED:
            self.state = ComponentState.STOPPED

    def start(self) -> None:
        """Begin a life; what happens in it is told by `changed`."""
        self._starts += 1
        self._started_s = self._clock()
        self._heard = self.journal.written
        self._late = self._doomed = False
        self._detail = ""
        self._become(ComponentState.STARTING, self.program.ready_within_s)
        self._life = asyncio.get_running_loop().create_task(self._live(self.program))

    def stop(self) -> None:
        """Ask it to end in its own time."""
        self._become(ComponentState.STOPPING, self.program.stop_within_s)
        self._signal(signal.SIGTERM)
        self._go_on()

    def end(self) -> None:
        """Close its standard input: it ends soon."""
        self._become(ComponentState.STOPPING, self.program.end_within_s)
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._go_on()

    def kill(self, *, overdue: bool = False) -> None:
        """End it now; `overdue` when it has had its time, to become ready or to stop."""
        self._late = overdue
        self._doomed = True
        self._deadline_s = None
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._go_on()

    async def pause(self) -> None:
        """Let it stand still; nothing changes when it does already.

        Raises:
            StackError: it does not run.
        """
        async with self._pausing:
            process = self._process
            if process is None or not self._is_running():
                raise StackError(f"the {self.program.name} does not run: start it first")
            if self._standstill is not None:
                return
            with suppress(ProcessLookupError):  # it ends by itself just now
                self._standstill = await Standstill.begin(process.pid)
            if not self._is_running():  # meanwhile it was asked to end
                self._go_on()
        self._changed()

    async def unpause(self) -> bool:
        """Let it go on; whether it stood still."""
        async with self._pausing:
            still, self._standstill = self._standstill, None
            if still is None:
                return False
            await still.end()
        self._changed()
        return True

    def _is_running(self) -> bool:
        return self.state is ComponentState.RUNNING

    def _go_on(self) -> None:
        still, self._standstill = self._standstill, None
        if still is not None:
            still.release()

    def _become(self, state: ComponentState, within_s: float | None = None) -> None:
        self.state = state
        self._deadline_s = None if within_s is None else self._clock() + within_s
        self._changed()

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):  # asyncio's `send_signal` may reap it, and its code is lost
                os.kill(self._process.pid, number)

    async def _live(self, program: Program) -> None:
        """From the start of a process to its end."""
        try:
            process = self._process = await self._spawn(program)
        except OSError as error:
            self.journal.note(f"cannot be started: {program.arguments[0]}: {error.strerror}")
            self._over(None)
            return
        self._pid = process.pid
        if self._doomed:
            self.kill(overdue=self._late)
        elif self.state is ComponentState.STOPPING:
            self._signal(signal.SIGTERM)
        reading = asyncio.get_running_loop().create_task(self._read(process, program))
        code = await process.wait()
        with suppress(ProcessLookupError):  # what it left behind in its session
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_OUTPUT_S):
                await reading
        self.journal.flush()
        self._over(code)

    async def _read(self, process: asyncio.subprocess.Process, program: Program) -> None:
        assert process.stdout is not None
        while data := await process.stdout.read(READ_BYTES):
            for line in self.journal.feed(data):
                if self.state is ComponentState.STARTING:
                    self._look_for_readiness(program, line)

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        port = await self._reservation.take(self._port)
        return await asyncio.create_subprocess_exec(
            *(WARDEN if program.warded else ()),
            *program.command(port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            cwd=self._folder,
            env=_inherited(os.environ) | program.variables(port),
        )

    def _look_for_readiness(self, program: Program, line: str) -> None:
        if program.warded and (found := WARDEN_LINE.fullmatch(line)):
            self._pid = int(found[1])
        elif (address := program.address(line)) is not None:
            self._host, self._port = address
            self._heard = self.journal.written
            self._become(ComponentState.RUNNING)

    def _over(self, code: int | None) -> None:
        """The process has ended: because it was asked to, or by itself."""
        asked = self.state is ComponentState.STOPPING
        self._go_on()
        self._process = self._pid = None
        self._exit_code = code
        self._detail = "" if asked else self._obituary(code)
        self.wanted = self.wanted and asked
        self._become(ComponentState.STOPPED if asked else ComponentState.FAILED)

    def _obituary(self, code: int | None) -> str:
        """How it ended, in a sentence with its last words."""
        if self._late:
            how = f"was not ready after {self.program.ready_within_s:g} s"
        elif code is None:
            return f"the {self.program.name} {self.journal.last_words(self._heard)}"
        elif code < 0:
            how = f"was ended by {_signal_name(-code)}"
        else:
            how = f"ended with exit code {code}"
        if self.state is ComponentState.STARTING and not self._late:
            how += " while it started"
        words = self.journal.last_words(self._heard)
        return f"the {self.program.name} {how}" + (f": {words}" if words else "")


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of our environment that a component may see: nothing that is meant for us or configures it."""
    kept = {name: value for name, value in environment.items() if not name.startswith(OURS)}
    return kept | {"PYTHONUNBUFFERED": "1"}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
