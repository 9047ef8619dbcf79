"""The containers of a project as components: looked at when there is news, measured, and waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from stressdash.errors import ComponentFailed, StackError
from stressdash.samples import Component, ComponentState, LogLine
from stressdash.stack.container import ContainerUsage, Seen
from stressdash.stack.containers import LOG_LINES, Containers
from stressdash.stack.docker_log import DockerLog
from stressdash.stack.docker_project import APM_PARTS, PARTS
from stressdash.stack.docker_watch import DockerWatch
from stressdash.text import escape

__all__ = ["ALIVE", "DockerParts"]

READY_S: Final = 300.0
ILL_S: Final = 30.0
"""How long a container may be unhealthy before nobody waits for it any more."""
POLL_S: Final = 0.25
LOOK_ANEW_S: Final = 5.0
"""Containers are looked at after this time even when no event was heard."""
ALIVE: Final = (
    *(ComponentState.RUNNING, ComponentState.UNHEALTHY),
    *(ComponentState.STARTING, ComponentState.PAUSED),
)
BACKEND: Final = "docker"


class DockerParts:
    """What is known of a project's containers.

    Args:
        containers: where to ask.
        names: components, of `PARTS`.
    """

    def __init__(self, containers: Containers, names: Sequence[str]) -> None:
        self._containers = containers
        self.every = tuple(names)
        self._watch = DockerWatch(containers.events)
        self.lacking: dict[str, str] = {}
        """Components that cannot be had, and why."""
        self._seen: dict[str, Seen] = {}
        self._seen_s = 0.0
        self._ports: dict[str, int] = {}
        self._ended: set[str] = set()
        """Components that were asked to end: their exit code is no failure."""
        self._lives: dict[str, list[datetime]] = {}
        self._usage: dict[str, ContainerUsage] = {}
        self._measuring: dict[str, asyncio.Task[None]] = {}
        self._logs: dict[str, DockerLog] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Components that can be had."""
        return tuple(name for name in self.every if name not in self.lacking)

    @property
    def any(self) -> bool:
        """Whether there is any container, running or not."""
        return bool(self._seen)

    async def look(self, *, news_only: bool = False) -> None:
        """Ask Docker for all containers, and note who has begun a new life.

        Args:
            news_only: not when no event was heard since the last time.
        """
        self._watch.start()
        now_s = time.monotonic()
        if not self._watch.take() and news_only and now_s - self._seen_s < LOOK_ANEW_S:
            return
        by_service = await self._containers.seen()
        self._seen_s = now_s
        services = {name: PARTS[name].service for name in self.every}
        self._seen = {name: by_service[one] for name, one in services.items() if one in by_service}
        for name, seen in self._seen.items():
            if port := seen.ports.get(PARTS[name].port):
                self._ports[name] = port
            lives = self._lives.setdefault(name, [])
            if seen.started is not None and seen.started not in lives:
                lives.append(seen.started)

    def state(self, name: str) -> ComponentState:
        """State of a component when it was looked at last."""
        if (seen := self._seen.get(name)) is not None:
            return seen.state(asked=name in self._ended)
        removed = self._seen and name not in APM_PARTS
        return ComponentState.FAILED if removed else ComponentState.ABSENT

    def exists(self, name: str) -> bool:
        """Whether it has a container, running or not."""
        return name in self._seen

    def port(self, name: str) -> int | None:
        """Where a component is published, or was before it went down."""
        return self._ports.get(name)

    def url(self, name: str) -> str:
        """Its address.

        Raises:
            StackError: it publishes no port.
        """
        if name not in self._ports:
            raise StackError(f"the {name} publishes no port: start it")
        return f"{'mysql' if name == 'database' else 'http'}://127.0.0.1:{self._ports[name]}"

    def expect(self, name: str, *, end: bool) -> None:
        """Say whether the next end of a component is one that was asked for."""
        (self._ended.add if end else self._ended.discard)(name)

    def begin(self) -> None:
        """Count restarts from now on."""
        self._lives.clear()

    def all(self) -> tuple[Component, ...]:
        """Every component as it was when it was looked at last; begins to measure those that run."""
        return tuple(self._component(name) for name in self.every)

    def unreachable(self, why: str) -> tuple[Component, ...]:
        """Every component while Docker does not answer."""
        return tuple(Component(name, BACKEND, ComponentState.UNHEALTHY, why) for name in self.every)

    async def measure(self) -> None:
        """Ask what each container uses."""
        await asyncio.gather(*map(self._measure, self.names))

    async def log(self, name: str, after: int) -> tuple[LogLine, ...]:
        """Lines of a component's log behind this one."""
        log = self._logs.setdefault(name, DockerLog(name, LOG_LINES))
        if (seen := self._seen.get(name)) is not None:
            log.take(await self._containers.log(seen.id, log.since_s))
        return log.after(after)

    async def await_health(self, name: str, progress: Callable[[str], None]) -> None:
        """Wait until a container is well.

        Raises:
            ComponentFailed: it ended, stays unhealthy, or takes too long; with its last words.
        """
        began_s = time.monotonic()
        ill_s: float | None = None
        told = ""
        while True:
            await self.look()
            state, now_s = self.state(name), time.monotonic()
            if state is ComponentState.RUNNING:
                return
            ill_s = (ill_s or now_s) if state is ComponentState.UNHEALTHY else None
            is_late = now_s - began_s > READY_S or (ill_s is not None and now_s - ill_s > ILL_S)
            if is_late or state not in (ComponentState.STARTING, ComponentState.UNHEALTHY):
                raise ComponentFailed(await self._obituary(name, state))
            if (detail := self._detail(name)) and detail != told:
                told = detail
                progress(f"waiting for the {name}: {detail}")
            await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        """Stop to listen and to measure."""
        await asyncio.to_thread(self._watch.close)
        await asyncio.gather(*self._measuring.values(), return_exceptions=True)

    async def _obituary(self, name: str, state: ComponentState) -> str:
        words = self._detail(name)
        with suppress(StackError):
            lines = await self.log(name, 0)
            last = next((line.text for line in reversed(lines) if line.text.strip()), "it said nothing")
            words = f"{words}; its last words: {escape(last, 300)}" if words else escape(last, 300)
        return f"the {name} is {state} and not ready: {words}"

    def _component(self, name: str) -> Component:
        seen, state = self._seen.get(name), self.state(name)
        if seen is None:
            return Component(name, BACKEND, state, self._detail(name))
        runs = state in ALIVE
        if runs and (name not in self._measuring or self._measuring[name].done()):
            self._measuring[name] = asyncio.create_task(self._measure(name))
        used = self._usage.get(name, ContainerUsage()) if runs else ContainerUsage()
        return Component(
            name=name,
            backend=BACKEND,
            state=state,
            detail=self._detail(name),
            pid=seen.pid,
            uptime_s=_age_s(seen.started) if runs else None,
            cpu_seconds=used.cpu_seconds,
            rss_bytes=used.memory_bytes,
            restarts=max(0, len(self._lives.get(name, ())) - 1),
            exit_code=seen.exit_code,
            endpoints={"address": self.url(name)} if name in self._ports else {},
            received_bytes=used.received_bytes,
            sent_bytes=used.sent_bytes,
            read_bytes=used.read_bytes,
            written_bytes=used.written_bytes,
        )

    def _detail(self, name: str) -> str:
        if (seen := self._seen.get(name)) is not None:
            return seen.detail(self.state(name))
        return self.lacking.get(name) or "it has no container: start it to make one"

    async def _measure(self, name: str) -> None:
        with suppress(StackError):  # it may end at any moment
            if (seen := self._seen.get(name)) is not None:
                self._usage[name] = await self._containers.usage(seen.id)


def _age_s(started: datetime | None) -> float | None:
    return None if started is None else (datetime.now(UTC) - started).total_seconds()
