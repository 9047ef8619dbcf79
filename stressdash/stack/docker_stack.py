"""The stack as a compose project: the compose command line for up and down, the Docker SDK for all else.

Containers belong to Docker: they survive a killed dashboard, and the next start adopts them. What was found
running is left running; what was brought up here goes down with us, its volumes apart.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
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
from stressdash.stack.containers import Containers, Seen, parse_time
from stressdash.stack.controls import Controls
from stressdash.stack.database import Database
from stressdash.stack.folder import Secrets, StateFolder, usable
from stressdash.stack.knobs import REAL_DATABASE_KNOBS
from stressdash.stack.service_client import ServiceClient
from stressdash.text import escape

__all__ = ["DockerStack"]

CONTAINERS: Final = {
    "service": "stats",
    "database": "db",
    "apm": "apm-server",
    "elasticsearch": "elasticsearch",
}
"""Component to compose service."""
PORTS: Final = {"service": 3000, "database": 3306, "apm": 8200, "elasticsearch": 9200}
VARIABLES: Final = {
    "service": "STATS_PORT",
    "database": "DB_PORT",
    "apm": "APM_SERVER_PORT",
    "elasticsearch": "ELASTICSEARCH_PORT",
}
WITHOUT_APM: Final = ("service", "database")
READY_S: Final = 300.0
STOP_S: Final = 12
POLL_S: Final = 0.25
KEPT_LINES: Final = 2_000


class DockerStack:
    """Implements `Stack` on containers.

    Args:
        folder: holds the project's variables.
        components: names of `CONTAINERS` to run.
    """

    name = "docker"

    def __init__(self, folder: StateFolder, components: tuple[str, ...] = tuple(CONTAINERS)) -> None:
        self._folder = folder
        self._components = components
        # One project for each state folder: passwords live in the folder and, with the data, in the volumes.
        self.project = f"stressdash-{hashlib.sha256(os.fsencode(folder.path)).hexdigest()[:8]}"
        self._containers = Containers(self.project)
        self._controls = Controls(REAL_DATABASE_KNOBS)
        self._compose: Compose | None = None
        self._secrets: Secrets | None = None
        self._ours = False
        """We brought it up and shall take it down."""
        self._seen: dict[str, Seen] = {}
        self._ports: dict[str, int] = {}
        self._stopped: set[str] = set()
        """Components that we were asked to stop: their exit code is no failure."""
        self._lives: dict[str, list[datetime]] = {}
        self._usage: dict[str, tuple[float | None, int | None]] = {}
        self._measuring: dict[str, asyncio.Task[None]] = {}
        self._lines: dict[str, list[LogLine]] = {}
        self._last_stamp: dict[str, str] = {}

    # --- life -------------------------------------------------------------------------------------------

    async def up(self, progress: Callable[[str], None]) -> None:
        """Bring the project up, or adopt it, and wait until every container is well."""
        compose = await self._find()
        states = [self._state(name) for name in self._components]
        if set(states) == {ComponentState.RUNNING}:
            progress("adopting the containers that run")
        else:
            self._ours = self._ours or ComponentState.RUNNING not in states
            self._lives.clear()
            services = [CONTAINERS[name] for name in self._components]
            await compose.run(
                *("up", "--detach", *(() if os.environ.get("STATS_IMAGE") else ("--build",)), *services),
                progress=progress,
                extra={"SERVICE_DIR": str(bundled("service"))} | self._without_apm(),
            )
        for name in self._components:
            progress(f"waiting for {name}")
            await self._await_health(name)
        await self._aim()
        for name in self._components:
            await self._controls.reapply(name)
        await asyncio.gather(*map(self._measure, self._components))
        progress("the stack is ready")

    def addresses(self) -> Addresses:
        """Where things are published."""
        if self._secrets is None or not self._seen:
            raise StackError("the stack has not been started yet")
        elasticsearch = "elasticsearch" in self._components
        return Addresses(
            target_url=self._url("service"),
            apm_url=self._url("elasticsearch") if elasticsearch else None,
            apm_token=self._secrets.apm if elasticsearch else None,
            database_dsn=self._dsn(),
        )

    async def close(self, *, keep: bool = False) -> None:
        """Take down what we brought up, unless it is to be kept."""
        await self._controls.close()
        await asyncio.gather(*self._measuring.values())
        compose, self._compose = self._compose, None
        if compose is not None and self._ours and not keep:
            await compose.run("down", progress=lambda _: None)
        await self._containers.close()

    async def attach(self) -> bool:
        """Take the containers as they are."""
        await self._find()
        if "service" in self._ports and "database" in self._ports:
            await self._aim()
        return bool(self._seen)

    async def down(self, *, erase: bool = False) -> None:
        """Take everything down, whoever brought it up."""
        compose = self._compose or await self._find()
        self._ours = False
        await compose.run("down", *(("--volumes",) if erase else ()), progress=lambda _: None)
        await self.close()

    # --- components -------------------------------------------------------------------------------------

    async def components(self) -> tuple[Component, ...]:
        """State, health and use of each container."""
        try:
            await self._look()
        except StackError as error:
            return tuple(
                Component(name, self.name, ComponentState.UNHEALTHY, str(error)) for name in self._components
            )
        return tuple(self._component(name) for name in self._components)

    async def action(self, component: str, action: str) -> None:
        """`start`, `stop`, `restart` or `kill` a container."""
        self._check(component)
        if action not in ACTIONS:
            raise UsageError(f"there is no action {action!r}; the actions are {', '.join(ACTIONS)}")
        await self._look()
        running = self._state(component) in (ComponentState.RUNNING, ComponentState.UNHEALTHY)
        service = CONTAINERS[component]
        if action == "kill" and running:
            self._stopped.discard(component)
            await self._containers.act(service, "kill", STOP_S)
        if action in ("stop", "restart") and running:
            self._stopped.add(component)
            await self._containers.act(service, "stop", STOP_S)
        if action in ("start", "restart"):
            self._stopped.discard(component)
            await self._containers.act(service, "start", STOP_S)
            await self._await_health(component)
            await self._controls.reapply(component)
        self._controls.forget()
        await self._look()

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:
        """Log lines as Docker keeps them, numbered by us."""
        self._check(component)
        kept = self._lines.setdefault(component, [])
        last = self._last_stamp.get(component, "")
        number = kept[-1].sequence if kept else 0
        for stamp, text in await self._containers.log(CONTAINERS[component]):
            if stamp > last and (at := parse_time(stamp)) is not None:
                number += 1
                kept.append(LogLine(component, number, int(at.timestamp() * 1000), text))
                self._last_stamp[component] = stamp
        del kept[:-KEPT_LINES]
        return tuple(line for line in kept if line.sequence > after)

    # --- knobs and status -------------------------------------------------------------------------------

    async def knobs(self) -> tuple[Knob, ...]:
        """All knobs."""
        return await self._controls.knobs()

    async def set_knob(self, name: str, value: str) -> Knob:
        """Turn a knob now; after every later start it is turned again."""
        await self._look()
        running = self._state(self._controls.component_of(name)) is ComponentState.RUNNING
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

    # --- inside -----------------------------------------------------------------------------------------

    async def _find(self) -> Compose:
        """The project of this folder, and what Docker has of it."""
        self._folder.make()
        self._secrets = self._folder.secrets()
        self._compose = Compose(
            await find_compose(), bundled("docker-compose.yml"), self.project, self._variables(self._secrets)
        )
        await self._look()
        return self._compose

    async def _look(self) -> None:
        """Ask Docker for all containers, and note who has begun a new life."""
        by_service = await self._containers.seen()
        self._seen = {
            name: by_service[service] for name, service in CONTAINERS.items() if service in by_service
        }
        for name, seen in self._seen.items():
            if port := seen.ports.get(PORTS[name]):
                self._ports[name] = port
            lives = self._lives.setdefault(name, [])
            if seen.started is not None and seen.started not in lives:
                lives.append(seen.started)

    def _component(self, name: str) -> Component:
        seen = self._seen.get(name)
        if seen is None:
            detail = "there is no container: bring the stack up again"
            return Component(name, self.name, ComponentState.ABSENT, detail)
        runs = seen.status == "running"
        if runs and (name not in self._measuring or self._measuring[name].done()):
            self._measuring[name] = asyncio.create_task(self._measure(name))
        cpu_seconds, rss_bytes = self._usage.get(name, (None, None)) if runs else (None, None)
        return self._controls.judged(
            Component(
                name=name,
                backend=self.name,
                state=self._state(name),
                detail=self._detail(name, seen),
                pid=seen.pid,
                uptime_s=_age_s(seen.started) if runs else None,
                cpu_seconds=cpu_seconds,
                rss_bytes=rss_bytes,
                restarts=max(0, len(self._lives.get(name, ())) - 1),
                exit_code=seen.exit_code,
                endpoints={"address": self._url(name)} if name in self._ports else {},
            )
        )

    async def _measure(self, name: str) -> None:
        """Ask what a container uses, which takes older daemons a second."""
        with suppress(StackError):  # it may end at any moment
            self._usage[name] = await self._containers.usage(CONTAINERS[name])

    def _state(self, name: str) -> ComponentState:
        seen = self._seen.get(name)
        if seen is None:
            return ComponentState.ABSENT
        if seen.status == "running":
            return {
                "starting": ComponentState.STARTING,
                "unhealthy": ComponentState.UNHEALTHY,
            }.get(seen.health, ComponentState.RUNNING)
        if seen.status in ("created", "restarting"):
            return ComponentState.STARTING
        if seen.status == "paused":
            return ComponentState.UNHEALTHY
        asked = name in self._stopped or seen.exit_code == 0
        return ComponentState.STOPPED if asked else ComponentState.FAILED

    def _detail(self, name: str, seen: Seen) -> str:
        state = self._state(name)
        if state is ComponentState.FAILED:
            return f"the {name} ended with exit code {seen.exit_code}" + (
                f": {seen.error}" if seen.error else ""
            )
        if seen.status == "paused":
            return "paused"
        return escape(seen.health_output, 300) if state is ComponentState.UNHEALTHY else ""

    async def _await_health(self, name: str) -> None:
        """Wait until a container is well.

        Raises:
            ComponentFailed: it ended, or takes too long; with its last words.
        """
        state = ComponentState.STARTING
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_S):
                while True:
                    await self._look()
                    state = self._state(name)
                    if state not in (ComponentState.STARTING, ComponentState.UNHEALTHY):
                        break
                    await asyncio.sleep(POLL_S)
        if state is not ComponentState.RUNNING:
            lines = await self.logs(name)
            words = next((line.text for line in reversed(lines) if line.text.strip()), "it said nothing")
            raise ComponentFailed(f"the {name} is {state} and not ready: {escape(words, 300)}")

    async def _aim(self) -> None:
        assert self._secrets is not None
        service = ServiceClient(self._url("service"), self._secrets.service)
        await self._controls.aim(service, Database(self._dsn()))

    def _variables(self, secrets: Secrets) -> Path:
        """The project's variables in a private file; written once, so that ports and passwords stay."""
        path = self._folder.path / "docker.env"
        with usable(self._folder.path):
            if not path.exists():
                values = {
                    "DB_ROOT_PASSWORD": secrets.database_admin,
                    "DB_PASSWORD": secrets.database,
                    "STATS_ADMIN_TOKEN": secrets.service,
                    "APM_SECRET_TOKEN": secrets.apm,
                    "ELASTIC_PASSWORD": secrets.apm,
                    "KIBANA_PASSWORD": secrets.apm,
                } | {variable: str(_free_port()) for variable in VARIABLES.values()}
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.writelines(f"{name}={value}\n" for name, value in values.items())
        return path

    def _without_apm(self) -> dict[str, str]:
        return {} if "apm" in self._components else {"ELASTIC_APM_SERVER_URL": ""}

    def _check(self, component: str) -> None:
        if component not in self._components:
            known = ", ".join(self._components)
            raise UsageError(f"there is no component {component!r}; the components are {known}")

    def _url(self, name: str) -> str:
        scheme = "mysql" if name == "database" else "http"
        return f"{scheme}://127.0.0.1:{self._port(name)}"

    def _dsn(self) -> str:
        assert self._secrets is not None
        return f"mysql://root:{self._secrets.database_admin}@127.0.0.1:{self._port('database')}/stats"

    def _port(self, name: str) -> int:
        """Where a component is published, or was before it went down."""
        if name not in self._ports:
            raise StackError(f"the {name} publishes no port: start it")
        return self._ports[name]


def _age_s(started: datetime | None) -> float | None:
    return None if started is None else (datetime.now(UTC) - started).total_seconds()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
