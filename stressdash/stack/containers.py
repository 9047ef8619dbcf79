"""The containers of one compose project through the Docker SDK, which nothing else imports.

The SDK blocks, so every call runs in a thread of a pool of its own: a daemon that hangs keeps nobody else
from working. What Docker refuses is a `StackError` with its own words; a connection that broke is made anew
by the next call.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any, Final, TypeVar

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types.daemon import CancellableStream
from docker.utils import parse_repository_tag
from requests.exceptions import RequestException

from stressdash.errors import StackError
from stressdash.stack.container import ContainerUsage, Seen, seen, usage
from stressdash.stack.docker_endpoint import Endpoint, find_endpoint
from stressdash.stack.docker_progress import Pull
from stressdash.text import escape

__all__ = ["Containers", "any_container"]

ANSWER_S: Final = 20
QUICK_S: Final = 3
PULL_SILENCE_S: Final = 120
"""How long a pull may say nothing: layers are extracted in silence."""
THREADS: Final = 6
LOG_LINES: Final = 2_000
LINE_LIMIT: Final = 1_000
T = TypeVar("T")


class Containers:
    """Containers by the name of their compose service.

    Args:
        project: the compose project.
    """

    def __init__(self, project: str) -> None:
        self._project = project
        self._client: docker.DockerClient | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="docker")

    async def check(self) -> Endpoint:
        """Where Docker is, once it has answered.

        Raises:
            StackError: it does not; with the remedy.
        """
        await self._do(lambda client: client.ping())
        return find_endpoint(os.environ)

    async def seen(self) -> dict[str, Seen]:
        """Every container of the project, also those that do not run."""
        return await self._do(
            lambda client: {_service(one): seen(one.attrs) for one in _list(client, self._project)}
        )

    async def act(self, service: str, action: str, patience_s: int) -> None:
        """`start`, `stop`, `kill`, `pause` or `unpause` a container."""

        def run(client: docker.DockerClient) -> None:
            container = self._one(client, service)
            if action == "stop":
                container.stop(timeout=patience_s)
            else:
                getattr(container, action)()

        await self._do(run)

    async def usage(self, container: str) -> ContainerUsage:
        """What the container with an id has used since it started; takes older daemons a second."""
        return await self._do(lambda client: usage(client.api.stats(container, stream=False, one_shot=True)))

    async def log(self, container: str, since_s: float) -> list[tuple[str, str]]:
        """The last lines of the container with an id, not older than a wall-clock time.

        At most `LOG_LINES`. Each comes after its time as Docker writes it; it is untrusted, cut, and decoded
        with replacement.
        """

        def ask(client: docker.DockerClient) -> list[tuple[str, str]]:
            options: dict[str, Any] = {"since": since_s} if since_s else {}
            frames = client.api.logs(
                container, stream=True, follow=False, timestamps=True, tail=LOG_LINES, **options
            )
            return [line for frame in frames for line in _lines(frame)][-LOG_LINES:]

        return await self._do(ask)

    async def host_config(self, service: str) -> Mapping[str, Any]:
        """How a container was told to use the machine."""

        def ask(client: docker.DockerClient) -> Mapping[str, Any]:
            found: dict[str, Any] = self._one(client, service).attrs["HostConfig"]
            return found

        return await self._do(ask)

    async def variables(self, service: str) -> Mapping[str, str]:
        """The environment that a container was made with; secrets are among it."""

        def ask(client: docker.DockerClient) -> Mapping[str, str]:
            pairs = (line.partition("=") for line in self._one(client, service).attrs["Config"]["Env"])
            return {name: value for name, _, value in pairs}

        return await self._do(ask)

    async def update(self, service: str, changes: Mapping[str, Any]) -> None:
        """Change that while it runs, with the words of the SDK."""
        await self._do(lambda client: self._one(client, service).update(**changes))

    async def has_image(self, name: str) -> bool:
        """Whether an image is on this machine."""

        def ask(client: docker.DockerClient) -> bool:
            try:
                client.images.get(name)
            except ImageNotFound:
                return False
            return True

        return await self._do(ask)

    async def pull(self, image: str, progress: Callable[[str], None]) -> None:
        """Fetch an image, with a sentence for every bit of progress; who is cancelled ends the download.

        Raises:
            StackError: it cannot be had; with Docker's words.
        """
        loop = asyncio.get_running_loop()
        given_up = threading.Event()

        def run() -> None:
            with _explained(), closing(_connect(timeout=PULL_SILENCE_S)) as client:
                repository, tag = parse_repository_tag(image)
                pull = Pull(image)
                for event in client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
                    if given_up.is_set():
                        return
                    if words := event.get("error"):
                        raise StackError(escape(str(words), 300))
                    if sentence := pull.take(event):
                        loop.call_soon_threadsafe(progress, sentence)

        try:
            await loop.run_in_executor(self._threads, run)
        finally:
            given_up.set()

    def events(self) -> tuple[Iterator[Mapping[str, Any]], Callable[[], None]]:
        """What happens to the project's containers from now on, and how to stop listening. Blocks.

        Whoever has stopped it still hears it to its end, which comes at once.

        Raises:
            StackError: Docker cannot be reached.
        """
        with _explained():
            client = _connect(timeout=None)
            filters = {"type": "container", "label": _label(self._project)}
            try:
                stream: CancellableStream[dict[str, Any]] = client.events(decode=True, filters=filters)
            except DockerException:
                client.close()
                raise

        def stop() -> None:
            with suppress(OSError):  # the daemon may have hung up before
                stream.close()
            client.close()

        def heard() -> Iterator[Mapping[str, Any]]:
            # Private, and the only way to its socket, which would stay open until it is collected.
            response = stream._response  # type: ignore[attr-defined]  # noqa: SLF001
            with _explained(), closing(response):
                yield from stream

        return heard(), stop

    async def close(self) -> None:
        """Close the connection to Docker."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _one(self, client: docker.DockerClient, service: str) -> Container:
        for container in _list(client, self._project, service):
            return container
        raise StackError(
            f"the container of {service!r} is gone: somebody removed it; start it to make it anew"
        )

    async def _do(self, work: Callable[[docker.DockerClient], T]) -> T:
        def run() -> T:
            with _explained():
                endpoint = find_endpoint(os.environ)
                # The SDK would leave a socket behind for each connection that fails.
                if obstacle := endpoint.obstacle():
                    raise StackError(obstacle)
                if self._client is None:
                    self._client = _connect(timeout=ANSWER_S)
                return work(self._client)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)


def any_container(project: str) -> bool:
    """Whether the project has containers, running or not. Blocks.

    Raises:
        StackError: Docker cannot be asked.
    """
    with _explained(), closing(_connect(timeout=QUICK_S)) as client:
        return bool(_list(client, project))


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the SDK raises into one sentence."""
    try:
        yield
    except NotFound as error:
        raise StackError("the container is gone: somebody removed it; start it to make it anew") from error
    except APIError as error:
        raise StackError(f"Docker refused: {escape(str(error.explanation or error), 300)}") from error
    except (DockerException, RequestException) as error:
        endpoint = find_endpoint(os.environ)
        raise StackError(
            endpoint.obstacle()
            or f"Docker does not answer as it should ({endpoint.told}): {escape(str(error), 200)}"
        ) from error


def _connect(timeout: int | None) -> docker.DockerClient:
    endpoint = find_endpoint(os.environ)
    if obstacle := endpoint.obstacle():
        raise StackError(obstacle)
    environment = {**os.environ, "DOCKER_HOST": endpoint.url}
    return docker.from_env(timeout=timeout, environment=environment)  # type: ignore[arg-type]  # None: for ever


def _label(project: str) -> str:
    return f"com.docker.compose.project={project}"


def _list(client: docker.DockerClient, project: str, service: str = "") -> list[Container]:
    labels = [_label(project), *([f"com.docker.compose.service={service}"] if service else [])]
    return list(client.containers.list(all=True, filters={"label": labels}, ignore_removed=True))


def _service(container: Container) -> str:
    return str(container.labels.get("com.docker.compose.service", ""))


def _lines(frame: bytes) -> Iterator[tuple[str, str]]:
    """Time and text of each line of what Docker sends at once."""
    for line in frame.split(b"\n"):
        if line:
            stamp, _, text = line[: 4 * LINE_LIMIT].decode(errors="replace").partition(" ")
            yield stamp, text[:LINE_LIMIT].rstrip("\r")
