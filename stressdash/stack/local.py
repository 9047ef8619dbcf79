"""The stack of our own processes: service, APM intake and a database engine, under the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from stressdash.errors import ComponentFailed, StackError, UsageError
from stressdash.samples import (
    Component,
    ComponentState,
    DatabaseProcess,
    DatabaseStatus,
    Knob,
    LogLine,
    ServiceStatus,
)
from stressdash.stack.backend import ACTIONS, Addresses
from stressdash.stack.controls import Controls
from stressdash.stack.ends import database_end, service_end
from stressdash.stack.engine import Engine
from stressdash.stack.folder import Secrets, StateFolder
from stressdash.stack.knobs import KnobSpec
from stressdash.stack.link import Link, LinkLost
from stressdash.stack.messages import Reply, Status, Verb
from stressdash.stack.program import Program
from stressdash.stack.programs import apm_program, service_program
from stressdash.stack.usage import Usages
from stressdash.text import escape

__all__ = ["LocalStack"]

COMPONENTS: Final = ("service", "database", "apm")
START_ORDER: Final = ("database", "apm", "service")
DATABASE: Final = "stats"
READY_S: Final = 30.0
"""How long the service may take from listening to being able to take requests."""
POLL_S: Final = 0.05


class LocalStack:
    """Implements `Stack` for the backends whose components are processes of ours.

    Args:
        name: `embedded` or `process`.
        folder: where everything of it lies.
        engine: its database.
        specs: its knobs.
        forward: environment that makes the APM intake hand its events on to an Elasticsearch.
    """

    def __init__(
        self,
        name: str,
        folder: StateFolder,
        engine: Engine,
        specs: Sequence[KnobSpec],
        forward: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._forward = forward
        self._folder = folder
        self._engine = engine
        self._controls = Controls(specs)
        self._usages = Usages()
        self._secrets: Secrets | None = None
        self._link: Link | None = None
        self._last: dict[str, Status] = {}
        """What a supervisor said last; outlives the supervisor, so that ports stay."""
        self._declared: frozenset[str] = frozenset()
        """What the present supervisor knows how to run."""

    # --- life -------------------------------------------------------------------------------------------

    async def up(self, progress: Callable[[str], None], *, as_it_is: bool = False) -> None:
        """Start or adopt the supervisor and its components."""
        progress("starting the supervisor")
        adopted = await self._open_link(progress)
        progress("adopting what runs" if adopted else f"starting {self._engine.name} and the APM intake")
        if as_it_is and adopted and all(map(self._has_address, COMPONENTS)):
            await self._aim()
            return
        if adopted and self._forward is not None:
            await self._declare("apm")
        try:
            async with asyncio.TaskGroup() as starts:
                starts.create_task(self._ensure("database"))
                starts.create_task(self._ensure("apm"))
        except ExceptionGroup as failures:  # the caller wants one sentence
            raise failures.exceptions[0] from failures
        if adopted and self._forward is not None:
            from stressdash.stack.intake_client import forward_events

            assert self._secrets is not None
            await forward_events(self._url("apm"), self._secrets.apm, self._forward)
        progress("starting the service")
        await self._declare_all()
        await self._ensure("service")
        await self._aim()
        await self._await_readiness()
        progress("the stack is ready")

    def addresses(self) -> Addresses:
        """Where things are."""
        if self._secrets is None or not all(self._has_address(name) for name in COMPONENTS):
            raise StackError("the stack has not been started yet")
        return Addresses(
            target_url=self._url("service"),
            apm_url=self._url("apm"),
            apm_token=self._secrets.apm,
            database_dsn=self._dsn("stressdash", self._secrets.database_admin),
        )

    async def close(self, *, keep: bool = False) -> None:
        """Give the lease back; with `keep` everything runs on without it."""
        await self._controls.close()
        link, self._link = self._link, None
        if link is None:
            return
        if keep:
            try:
                await link.ask(Verb.KEEP)
            finally:
                await link.close()
        else:
            await link.leave(Verb.RELEASE)

    async def attach(self) -> bool:
        """Take what runs as it is, without a lease."""
        self._link = await Link.look(self._folder)
        if self._link is None:
            return False
        self._secrets = self._folder.secrets()
        await self._ask(Verb.STATUS)
        if self._has_address("database"):
            await self._aim()
        return True

    async def down(self, *, erase: bool = False) -> None:
        """End everything, kept or not, whoever else holds it."""
        await self._controls.close()
        link, self._link = self._link, None
        if link is None:
            link = await Link.look(self._folder)
        if link is not None:
            await link.leave(Verb.END)
        if erase:
            await asyncio.to_thread(self._engine.erase)

    # --- components -------------------------------------------------------------------------------------

    async def components(self) -> tuple[Component, ...]:
        """State of each from the supervisor, what it uses from the system, its health from itself."""
        lost = ""
        try:
            await self._ask(Verb.STATUS)
        except LinkLost as error:
            lost = str(error)
        return tuple(self._component(name, lost) for name in COMPONENTS)

    async def action(self, component: str, action: str) -> None:
        """One of `ACTIONS`."""
        self._check(component)
        if action not in ACTIONS:
            raise UsageError(f"there is no action {action!r}; the actions are {', '.join(ACTIONS)}")
        await self._open_link()
        if action == "kill":
            await self._ask(Verb.KILL, component)
        if action in ("stop", "restart"):
            await self._ask(Verb.STOP, component)
        if action in ("start", "restart"):
            await self._ensure(component)
            if component == "service":
                await self._await_readiness()
        if action in ("pause", "unpause"):
            await self._ask(Verb(action), component)
        if action == "unpause":
            await self._controls.reapply(component)
        self._controls.forget()

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:
        """Log lines from the supervisor, of all lives of the component."""
        self._check(component)
        return (await self._ask(Verb.LOGS, component, after=after)).lines

    # --- knobs and status -------------------------------------------------------------------------------

    async def knobs(self) -> tuple[Knob, ...]:
        """All knobs."""
        return await self._controls.knobs()

    async def set_knob(self, name: str, value: str) -> Knob:
        """Turn a knob now, and for every later start of its component."""
        component = self._controls.component_of(name)
        await self._ask(Verb.STATUS)
        running = self._last[component].state is ComponentState.RUNNING
        knob = await self._controls.turn(name, value, live=running)
        await self._declare(component)
        return knob

    async def service_status(self) -> ServiceStatus | None:
        """What the service tells."""
        return await self._controls.service_status()

    async def database_status(self) -> DatabaseStatus | None:
        """What the database tells."""
        return await self._controls.database_status()

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        """Who is connected to the database."""
        return await self._controls.processlist()

    # --- inside -----------------------------------------------------------------------------------------

    async def _open_link(self, progress: Callable[[str], None] = lambda _: None) -> bool:
        """Take a lease, from a new supervisor if need be; tells whether anything ran already."""
        if self._link is not None and not self._link.lost:
            return True
        if self._link is not None:
            await self._link.close()
        self._folder.make()
        self._secrets = self._folder.secrets()
        self._declared = frozenset()
        self._link, adopted = await Link.open(self._folder, self.name)
        await self._ask(Verb.STATUS)
        if not self._declared:
            await self._engine.prepare(self._secrets, progress)
        await self._declare_all()
        return adopted

    async def _ask(
        self, verb: Verb, name: str = "", *, program: Program | None = None, after: int = 0
    ) -> Reply:
        if self._link is None:
            raise StackError("the stack has not been started yet")
        reply = await self._link.ask(verb, name, program=program, after=after)
        if reply.components:
            self._last |= {status.name: status for status in reply.components}
            self._declared = frozenset(status.name for status in reply.components)
        return reply

    async def _declare_all(self) -> None:
        """Tell the supervisor, in the order of their start, what it does not know and we do."""
        for name in START_ORDER:
            known = name != "service" or (self._has_address("database") and self._has_address("apm"))
            if known and name not in self._declared:
                await self._declare(name)

    async def _declare(self, name: str) -> None:
        """Tell the supervisor what the next start of a component runs."""
        assert self._secrets is not None
        knobs = await self._controls.starting_values()
        if name == "database":
            await self._engine.find()
            program = self._engine.program(self._secrets, knobs)
        elif name == "apm":
            program = apm_program(self._secrets, self._forward)
        else:
            dsn = self._dsn("stats", self._secrets.database)
            program = service_program(dsn, self._url("apm"), self._secrets, knobs)
        if self._has_address(name):
            program = replace(program, port=self._last[name].port or 0)
        await self._ask(Verb.DECLARE, program=program)

    async def _ensure(self, name: str) -> None:
        """Start a component unless it runs, and wait until it is ready."""
        await self._ask(Verb.START, name)
        status = self._last[name]
        if status.state is not ComponentState.RUNNING:
            raise ComponentFailed(escape(status.detail, 600) or f"the {name} is {status.state}")

    async def _aim(self) -> None:
        """Point status and knobs at what runs now."""
        secrets = self._secrets
        assert secrets is not None
        service = service_end(self._url("service"), secrets.service) if self._has_address("service") else None
        await self._controls.aim(service, database_end(self._dsn("stressdash", secrets.database_admin)))

    async def _await_readiness(self) -> None:
        """Wait until the service can take requests, or say in its words why it cannot."""
        assert self._secrets is not None
        client = service_end(self._url("service"), self._secrets.service)
        obstacle = "it did not answer"
        try:
            async with asyncio.timeout(READY_S):
                while obstacle := await client.obstacle():  # noqa: ASYNC110  another process has no event
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            raise ComponentFailed(f"the service runs but cannot take requests: {obstacle}") from error
        finally:
            await client.close()

    def _component(self, name: str, lost: str) -> Component:
        status = self._last.get(name)
        if status is None:
            return Component(name, self.name, ComponentState.ABSENT)
        if lost:
            return Component(name, self.name, ComponentState.FAILED, lost)
        usage = self._usages.of(status.pid)
        seen = Component(
            name=name,
            backend=self.name,
            state=status.state,
            detail=status.detail,
            pid=status.pid,
            uptime_s=status.uptime_s,
            cpu_seconds=usage.cpu_seconds,
            rss_bytes=usage.rss_bytes,
            restarts=status.restarts,
            exit_code=status.exit_code,
            endpoints={"address": self._url(name)} if status.port else {},
        )
        return self._controls.judged(seen)

    def _check(self, component: str) -> None:
        if component not in COMPONENTS:
            raise UsageError(
                f"there is no component {component!r}; the components are {', '.join(COMPONENTS)}"
            )

    def _has_address(self, name: str) -> bool:
        return name in self._last and bool(self._last[name].port)

    def _url(self, name: str) -> str:
        status = self._last[name]
        scheme = "mysql" if name == "database" else "http"
        return f"{scheme}://{status.host}:{status.port}"

    def _dsn(self, user: str, password: str) -> str:
        status = self._last["database"]
        return f"mysql://{user}:{password}@{status.host}:{status.port}/{DATABASE}"
