"""The owner of a stack's processes: starts, watches, logs and ends them, while somebody holds a lease.

When the last lease is gone and nobody asked to keep the stack, the components end in order, within 2 s. They
also end when their standard input closes, which only this process holds: should it be killed, they go too.
`desk` is how clients reach it, `supervisor` the program around both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Final

from stressdash.errors import StackError, UsageError
from stressdash.samples import ComponentState, LogLine
from stressdash.stack.child import Child
from stressdash.stack.journal import Journal
from stressdash.stack.messages import Status
from stressdash.stack.plan import DOWN, Deed, next_deadline, plan
from stressdash.stack.program import Program

__all__ = ["Supervisor"]

EXPECTING_S: Final = 1.5
"""How long it waits for its first client; one that comes later starts another supervisor."""
CHANGING: Final = (ComponentState.STARTING, ComponentState.STOPPING)


class Supervisor:
    """Components and leases. Make it inside an event loop, then `run`.

    Args:
        folder: working directory of the components.
        logs: folder of their logs.
        clock: seconds, monotonic.
        wall_ms: milliseconds since 1970, for log lines.
    """

    def __init__(
        self, folder: Path, logs: Path, clock: Callable[[], float], wall_ms: Callable[[], int]
    ) -> None:
        self._folder = folder
        self._logs = logs
        self._clock = clock
        self._wall_ms = wall_ms
        self.backend = ""
        self._children: dict[str, Child] = {}
        self._leases: set[Hashable] = set()
        self._expecting_until_s: float | None = clock() + EXPECTING_S
        """None once the first client has come."""
        self.kept = False
        self._wake = asyncio.Event()
        self._changed = asyncio.Condition()
        self.ending = False
        """Nothing is taken on any more."""

    async def run(self) -> None:
        """Keep components as they are wanted until the stack is given up and nothing of it runs."""
        while not (self.ending and self._is_down()):
            await self._reconcile()
        self._forget_children()

    # --- leases -----------------------------------------------------------------------------------------

    def claim(self, holder: Hashable, backend: str) -> bool:
        """Take a lease and tell whether anything ran already.

        Raises:
            StackError: what runs is of another backend.
        """
        running = not self._is_down()
        if backend != self.backend:
            if running or self._leases:
                raise StackError(
                    f"the state folder holds a stack of the backend {self.backend}, not of {backend}; "
                    "end it with 'stressdash down' or name another folder in STRESSDASH_STATE"
                )
            self._forget_children()
            self.backend = backend
        self._leases.add(holder)
        self._expecting_until_s = None
        return running

    def release(self, holder: Hashable) -> None:
        """Give a lease back; a holder without one is no error."""
        self._leases.discard(holder)
        self._consider_ending()

    def keep(self) -> None:
        """Let everything run on when the last lease is gone."""
        self.kept = True

    def end(self) -> None:
        """End everything, whoever holds it."""
        if self.ending:
            return
        self.ending = True
        self._wake.set()
        for child in self._children.values():
            child.want(up=False)
            if child.state is ComponentState.STOPPING:
                child.end()

    # --- components -------------------------------------------------------------------------------------

    def declare(self, program: Program) -> None:
        """Make this what the next start of the component runs."""
        if child := self._children.get(program.name):
            child.program = program
            return
        journal = Journal(program.name, self._logs, self._wall_ms)
        self._children[program.name] = Child(program, journal, self._folder, self._clock, self._wake.set)

    async def start(self, name: str) -> None:
        """Start it, unless it runs, and wait until it is ready or has failed; what is paused goes on."""
        child = self._child(name)
        if self.ending:
            raise StackError("the stack is ending; start it again in a moment")
        await child.unpause()
        child.want(up=True)
        await self._settled(child)

    async def stop(self, name: str) -> None:
        """Stop it, unless it is down, and wait until it has ended."""
        child = self._child(name)
        child.want(up=False)
        await self._settled(child)

    async def kill(self, name: str) -> None:
        """Kill it, as a crash would end it, and wait until it has ended."""
        child = self._child(name)
        child.kill()
        await self._settled(child, until=DOWN)

    async def pause(self, name: str) -> None:
        """Let it stand still.

        Raises:
            StackError: it does not run.
        """
        await self._child(name).pause()

    async def unpause(self, name: str) -> None:
        """Let it go on.

        Raises:
            StackError: it is not paused.
        """
        if not await self._child(name).unpause():
            raise StackError(f"the {name} is not paused")

    def statuses(self) -> tuple[Status, ...]:
        """All components in the order of their start."""
        return tuple(child.status for child in self._children.values())

    def lines(self, name: str, after: int) -> tuple[LogLine, ...]:
        """Kept log lines of a component with a higher sequence."""
        return self._child(name).journal.after(after)

    def _child(self, name: str) -> Child:
        if child := self._children.get(name):
            return child
        known = ", ".join(self._children) or "none yet"
        raise UsageError(f"there is no component {name!r}; the components are: {known}")

    async def _settled(self, child: Child, until: tuple[ComponentState, ...] = ()) -> None:
        self._wake.set()

        def settled() -> bool:
            if until:
                return child.state in until
            at_rest = child.state not in CHANGING
            return at_rest and child.wanted == (child.state is ComponentState.RUNNING)

        async with self._changed:
            await self._changed.wait_for(settled)

    # --- the loop ---------------------------------------------------------------------------------------

    async def _reconcile(self) -> None:
        """Do what the plan says, tell those who wait, and sleep until something happens."""
        self._wake.clear()
        for action in plan([child.part for child in self._children.values()], self._clock()):
            self._do(action.deed, self._children[action.name])
        async with self._changed:
            self._changed.notify_all()
        self._consider_ending()
        deadlines = [
            next_deadline([child.part for child in self._children.values()]),
            self._expecting_until_s,
        ]
        first_s = min((deadline for deadline in deadlines if deadline is not None), default=None)
        try:
            async with asyncio.timeout(None if first_s is None else max(0, first_s - self._clock())):
                await self._wake.wait()
        except TimeoutError:
            pass  # a deadline has come, and the plan knows what is due

    def _do(self, deed: Deed, child: Child) -> None:
        if deed is Deed.START:
            child.start()
        elif deed is Deed.KILL:
            child.kill(overdue=True)
        elif self.ending:
            child.end()
        else:
            child.stop()

    def _forget_children(self) -> None:
        for child in self._children.values():
            child.close()
        self._children.clear()

    def _is_down(self) -> bool:
        return all(child.state in DOWN for child in self._children.values())

    def _consider_ending(self) -> None:
        """End when nobody holds the stack, unless it is kept and something of it runs."""
        expecting = self._expecting_until_s is not None and self._clock() < self._expecting_until_s
        if not self._leases and not expecting and (not self.kept or self._is_down()):
            self._expecting_until_s = None
            self.end()
