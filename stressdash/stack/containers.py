"""The containers of one compose project through the Docker SDK, which nothing else imports.

The SDK blocks, so every call runs in a thread. What Docker refuses is a `StackError` with its own words.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests.exceptions import RequestException

from stressdash.errors import StackError
from stressdash.text import escape

__all__ = ["Containers", "Seen", "any_container", "parse_time"]

ANSWER_S: Final = 20
QUICK_S: Final = 3
LOG_LINES: Final = 2_000
LINE_LIMIT: Final = 1_000
TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """One container as Docker tells of it."""

    id: str
    status: str
    """created, running, paused, restarting, removing, exited or dead."""
    health: str
    """starting, healthy, unhealthy, or empty where nothing checks it."""
    health_output: str
    exit_code: int | None
    """Of the process that ran last; None while it runs or before it has."""
    pid: int | None
    started: datetime | None
    restarts: int
    ports: dict[int, int]
    """Port inside to port on the loopback address."""
    error: str


class Containers:
    """Containers by the name of their compose service.

    Args:
        project: the compose project.
    """

    def __init__(self, project: str) -> None:
        self._project = project
        self._client: docker.DockerClient | None = None

    async def seen(self) -> dict[str, Seen]:
        """Every container of the project, also those that do not run."""
        return await self._do(lambda client: {_service(one): _seen(one) for one in self._list(client)})

    async def act(self, service: str, action: str, patience_s: int) -> None:
        """`start`, `stop`, `kill`, `pause` or `unpause` a container."""

        def run(client: docker.DockerClient) -> None:
            container = self._one(client, service)
            if action == "stop":
                container.stop(timeout=patience_s)
            else:
                getattr(container, action)()

        await self._do(run)

    async def usage(self, service: str) -> tuple[float | None, int | None]:
        """CPU seconds since the container started, and memory in bytes without the page cache."""

        def ask(client: docker.DockerClient) -> tuple[float | None, int | None]:
            stats = self._one(client, service).stats(stream=False, one_shot=True)
            assert isinstance(stats, dict)  # it is an iterator only when streamed
            cpu_ns = stats.get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage")
            memory = stats.get("memory_stats", {})
            used = memory.get("usage")
            cache = memory.get("stats", {}).get("inactive_file", 0)
            return None if cpu_ns is None else cpu_ns / 1e9, None if used is None else used - cache

        return await self._do(ask)

    async def log(self, service: str) -> list[tuple[str, str]]:
        """The last lines, each after its time as Docker writes it; untrusted, decoded with replacement."""

        def ask(client: docker.DockerClient) -> list[tuple[str, str]]:
            raw: bytes = self._one(client, service).logs(timestamps=True, tail=LOG_LINES)
            lines = (line.decode(errors="replace").partition(" ") for line in raw.split(b"\n") if line)
            return [(stamp, text[:LINE_LIMIT]) for stamp, _, text in lines]

        return await self._do(ask)

    async def close(self) -> None:
        """Close the connection to Docker."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    def _list(self, client: docker.DockerClient) -> list[Container]:
        label = f"com.docker.compose.project={self._project}"
        return list(client.containers.list(all=True, filters={"label": label}, ignore_removed=True))

    def _one(self, client: docker.DockerClient, service: str) -> Container:
        for container in self._list(client):
            if _service(container) == service:
                return container
        raise StackError(
            f"the container of {service!r} is gone: somebody removed it; bring the stack up again"
        )

    async def _do(self, work: Callable[[docker.DockerClient], T]) -> T:
        def run() -> T:
            if self._client is None:
                self._client = docker.from_env(timeout=ANSWER_S)
            return work(self._client)

        try:
            return await asyncio.to_thread(run)
        except NotFound as error:
            raise StackError(
                "the container is gone: somebody removed it; bring the stack up again"
            ) from error
        except APIError as error:
            raise StackError(f"Docker refused: {escape(str(error.explanation), 300)}") from error
        except (DockerException, RequestException) as error:
            raise StackError(
                f"Docker cannot be reached ({escape(str(error), 200)}): start it, check DOCKER_HOST and your "
                "rights on its socket, or use --stack process"
            ) from error


def any_container(project: str) -> bool:
    """Whether the project has containers, running or not. Blocks.

    Raises:
        StackError: Docker cannot be asked.
    """
    try:
        with closing(docker.from_env(timeout=QUICK_S)) as client:
            label = f"com.docker.compose.project={project}"
            return bool(client.containers.list(all=True, filters={"label": label}, ignore_removed=True))
    except (DockerException, RequestException) as error:
        raise StackError(f"Docker cannot be reached ({escape(str(error), 200)})") from error


def _service(container: Container) -> str:
    return str(container.labels.get("com.docker.compose.service", ""))


def _seen(container: Container) -> Seen:
    state: dict[str, Any] = container.attrs["State"]
    health: dict[str, Any] = state.get("Health") or {}
    log = health.get("Log") or [{}]
    status = str(state["Status"])
    ended = status in ("exited", "dead")
    bindings: dict[str, Any] = container.attrs["NetworkSettings"]["Ports"] or {}
    return Seen(
        id=str(container.id),
        status=status,
        health=str(health.get("Status", "")),
        health_output=str(log[-1].get("Output", "")).strip(),
        exit_code=int(state["ExitCode"]) if ended else None,
        pid=int(state["Pid"]) or None,
        started=parse_time(state["StartedAt"]),
        restarts=int(container.attrs.get("RestartCount", 0)),
        ports={int(inside.split("/")[0]): int(out[0]["HostPort"]) for inside, out in bindings.items() if out},
        error=str(state.get("Error", "")),
    )


def parse_time(text: str) -> datetime | None:
    """A time as Docker writes it, down to microseconds; the year 1 stands for never."""
    found = TIME.match(text)
    if found is None or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(f"{found[1]}.{(found[2] or '')[:6]:0<6}+00:00")
