"""The stack as a compose project: the compose command line for up and down, the Docker SDK for all else.

Containers belong to Docker: they survive a killed dashboard, and the next start adopts them. What was found
running is left running; what was brought up here, or by a dashboard that was killed, goes down with us, its
volumes apart.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from stressdash.errors import ComponentFailed, StackError, UsageError
from stressdash.paths import bundled
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
from stressdash.stack.compose import Compose, find_compose
from stressdash.stack.container_limits import ContainerLimits
from stressdash.stack.containers import Containers
from stressdash.stack.controls import Controls
from stressdash.stack.docker_images import fetch_images
from stressdash.stack.docker_making import Making
from stressdash.stack.docker_parts import ALIVE, DockerParts
from stressdash.stack.docker_project import PARTS, WITHOUT_APM, Owner, Project
from stressdash.stack.ends import database_end, service_end
from stressdash.stack.folder import Secrets, StateFolder
from stressdash.stack.knobs import EVERY_KNOB

__all__ = ["DockerStack"]

STOP_S: Final = 12
ANSWER_S: Final = 30.0
POLL_S: Final = 0.1


class DockerStack:
    """Implements `Stack` on containers.

    Args:
        folder: holds the project's variables.
        components: names of `PARTS` to run.
    """

    name = "docker"

    def __init__(self, folder: StateFolder, components: tuple[str, ...] = tuple(PARTS)) -> None:
        self._folder = folder
        self._project = Project(folder)
        self._containers = Containers(self._project.name)
        self._parts = DockerParts(self._containers, components)
        self._controls = Controls(EVERY_KNOB)
        self._making = Making(self._containers, self._parts, self._controls)
        self._compose: Compose | None = None
        self._secrets: Secrets | None = None
        self._ours = False
        """We shall take it down."""

    @property
    def project(self) -> str:
        """Name of the compose project."""
        return self._project.name

    # --- life -------------------------------------------------------------------------------------------

    async def up(self, progress: Callable[[str], None], *, as_it_is: bool = False) -> None:
        """Bring the project up, or adopt it, and wait until every container is well."""
        compose = await self._find(progress)
        if as_it_is and all(map(self._parts.port, WITHOUT_APM)):
            await self._aim()
            return
        paused = [name for name in self._parts.names if await self._unpause(name)]
        for name in paused:
            progress(f"the {name} was paused: it goes on")
        for name in paused:  # Docker calls it unhealthy until its next check, and compose would go by that
            await self._parts.await_health(name, progress)
        states = [self._parts.state(name) for name in self._parts.names]
        orphaned = self._parts.any and self._is_orphaned()
        ours = self._ours or orphaned or not any(state in ALIVE for state in states)
        if orphaned:
            progress("adopting the containers of a stressdash that was killed")
        elif not ours:
            progress("adopting the containers that run")
        complete = all(state is ComponentState.RUNNING for state in states)
        if not complete:
            self._parts.begin()
            await fetch_images(compose, self._containers, self._parts, progress)
        if ours:
            self._ours = True
            self._project.own(Owner.me())
        if not complete:
            await self._compose_up(compose, self._parts.names, progress)
        for name in self._parts.names:
            progress(f"waiting for the {name}")
            await self._parts.await_health(name, progress)
        await self._aim()
        for name in self._parts.names:
            await self._controls.reapply(name)
        await self._parts.measure()
        why = next(iter(self._parts.lacking.values()), "")
        progress(f"the stack is ready, without APM: {why}" if why else "the stack is ready")

    def addresses(self) -> Addresses:
        """Where things are published."""
        if self._secrets is None or not self._parts.any:
            raise StackError("the stack has not been started yet")
        has_apm = self._parts.port("elasticsearch") is not None
        return Addresses(
            target_url=self._parts.url("service"),
            apm_url=self._parts.url("elasticsearch") if has_apm else None,
            apm_token=self._secrets.elastic("elastic") if has_apm else None,
            database_dsn=self._dsn(),
        )

    async def attach(self) -> bool:
        """Take the containers as they are."""
        await self._find(lambda _: None)
        if self._parts.port("service") and self._parts.port("database"):
            await self._aim()
        return self._parts.any

    async def close(self, *, keep: bool = False) -> None:
        """Take down what is ours, unless it is to be kept."""
        compose, self._compose = self._compose, None
        try:
            if keep and self._parts.any:
                self._project.own(Owner.me(kept=True))
            elif self._ours and compose is not None and (owner := self._project.owner()) and owner.is_me:
                await self._take_down(compose)
        finally:
            self._ours = False
            await self._controls.close()
            await self._parts.close()
            await self._containers.close()

    async def down(self, *, erase: bool = False) -> None:
        """Take everything down, whoever brought it up."""
        compose = self._compose or await self._find(lambda _: None)
        self._ours = False
        await self._take_down(compose, *(["--volumes"] if erase else []))
        await self.close()

    # --- components -------------------------------------------------------------------------------------

    async def components(self) -> tuple[Component, ...]:
        """State, health and use of each container."""
        try:
            await self._parts.look(news_only=True)
        except StackError as error:
            return self._parts.unreachable(str(error))
        return tuple(self._controls.judged(one) for one in self._parts.all())

    async def action(self, component: str, action: str) -> None:
        """One of `ACTIONS`; to start a container that was removed makes it anew."""
        self._check(component)
        if action not in ACTIONS:
            raise UsageError(f"there is no action {action!r}; the actions are {', '.join(ACTIONS)}")
        await self._parts.look()
        if action in ("stop", "restart", "kill"):
            await self._end(component, "kill" if action == "kill" else "stop")
        if action in ("start", "restart"):
            await self._start(component)
        if action == "pause":
            await self._pause(component)
        if action == "unpause":
            if not await self._unpause(component):
                raise StackError(f"the {component} is not paused")
            await self._controls.reapply(component)  # what was turned meanwhile
        self._controls.forget()
        await self._parts.look()

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:
        """Log lines as Docker keeps them, numbered by us."""
        self._check(component)
        return await self._parts.log(component, after)

    # --- knobs and status -------------------------------------------------------------------------------

    async def knobs(self) -> tuple[Knob, ...]:
        """All knobs."""
        return await self._controls.knobs()

    async def set_knob(self, name: str, value: str) -> Knob:
        """Turn a knob now; after every later start it is turned again."""
        await self._parts.look()
        running = self._parts.state(self._controls.component_of(name)) is ComponentState.RUNNING
        return await self._controls.turn(name, value, live=running)

    async def service_status(self) -> ServiceStatus | None:
        """What the service tells."""
        return await self._controls.service_status()

    async def database_status(self) -> DatabaseStatus | None:
        """What the database tells."""
        return await self._controls.database_status()

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        """Who is connected to the database."""
        return await self._controls.processlist()

    # --- up and down ------------------------------------------------------------------------------------

    async def _find(self, progress: Callable[[str], None]) -> Compose:
        """The compose project of the folder, and what of it there is."""
        self._folder.make()
        self._secrets = self._folder.secrets()
        endpoint = await self._containers.check()
        command = await find_compose()
        await self._parts.look()
        runs = any(self._parts.state(name) in ALIVE for name in self._parts.names)
        for sentence in self._project.prepare(self._secrets, renew_ports=not runs):
            progress(sentence)
        self._compose = Compose(
            command=command,
            files=self._project.files,
            project=self.project,
            variables=self._project.variables,
            environment={"DOCKER_HOST": endpoint.url, "SERVICE_DIR": str(bundled("service"))},
        )
        return self._compose

    def _is_orphaned(self) -> bool:
        """Whether who brought the containers up was killed."""
        owner = self._project.owner()
        return owner is not None and not owner.kept and not owner.lives

    async def _compose_up(
        self, compose: Compose, names: tuple[str, ...], progress: Callable[[str], None], *options: str
    ) -> None:
        """Make and start containers of these components."""
        environment = {**compose.environment, **await self._making.variables()}
        if "apm" not in self._parts.names:
            environment["ELASTIC_APM_SERVER_URL"] = ""
        compose = replace(compose, environment=environment)
        build = [] if os.environ.get("STATS_IMAGE") or "--no-build" in options else ["--build"]
        services = [PARTS[name].service for name in names]
        await compose.run("up", "--detach", *build, *options, *services, progress=progress)

    async def _take_down(self, compose: Compose, *options: str) -> None:
        await self._parts.look()
        for name in self._parts.names:
            await self._unpause(name)  # Docker stops none that is paused
        await compose.run("down", *options, progress=lambda _: None)
        self._project.own(None)

    # --- inside -----------------------------------------------------------------------------------------

    async def _end(self, component: str, action: str) -> None:
        """Stop or kill a container that runs."""
        await self._unpause(component)
        if self._parts.state(component) in ALIVE:
            self._parts.expect(component, end=action == "stop")
            await self._containers.act(PARTS[component].service, action, STOP_S)

    async def _start(self, component: str) -> None:
        """Start a container, go on with one that is paused, make one that was removed; then wait for it."""
        self._parts.expect(component, end=False)
        await self._parts.look()
        if await self._making.is_due(component):
            compose = self._compose or await self._find(lambda _: None)
            options = ("--no-deps", *(["--no-build"] if self._parts.exists(component) else []))
            await self._compose_up(compose, (component,), lambda _: None, *options)
            self._parts.lacking.pop(component, None)
        elif not await self._unpause(component):
            await self._containers.act(PARTS[component].service, "start", STOP_S)
        await self._parts.await_health(component, lambda _: None)
        if component == "service":
            await self._await_answer()
        await self._controls.reapply(component)

    async def _pause(self, component: str) -> None:
        state = self._parts.state(component)
        if state not in ALIVE:
            raise StackError(f"the {component} does not run: start it first")
        if state is not ComponentState.PAUSED:
            await self._containers.act(PARTS[component].service, "pause", STOP_S)

    async def _unpause(self, component: str) -> bool:
        """Let a container go on; whether it was paused."""
        if self._parts.state(component) is not ComponentState.PAUSED:
            return False
        await self._containers.act(PARTS[component].service, "unpause", STOP_S)
        await self._parts.look()
        return True

    async def _await_answer(self) -> None:
        """Wait until all processes of a service tell their status: it is well once one of them answers."""
        try:
            async with asyncio.timeout(ANSWER_S):
                while True:
                    try:
                        await self._controls.service_status()
                    except StackError:
                        await asyncio.sleep(POLL_S)
                    else:
                        return
        except TimeoutError as error:
            raise ComponentFailed(f"the service is up and does not tell its status: {error}") from error

    async def _aim(self) -> None:
        assert self._secrets is not None
        service = service_end(self._parts.url("service"), self._secrets.service)
        limits = ContainerLimits(
            self._containers, {name: PARTS[name].service for name in ("service", "database")}
        )
        await self._controls.aim(service, database_end(self._dsn()), limits)

    def _check(self, component: str) -> None:
        if component not in self._parts.every:
            known = ", ".join(self._parts.every)
            raise UsageError(f"there is no component {component!r}; the components are {known}")

    def _dsn(self) -> str:
        assert self._secrets is not None
        return f"mysql://root:{self._secrets.database_admin}@127.0.0.1:{self._parts.port('database')}/stats"
