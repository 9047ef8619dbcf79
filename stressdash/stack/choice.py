"""Which stack is meant, and why: the one place that knows all backends. Imports each when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stressdash.errors import StackError, UsageError
from stressdash.stack.backend import Addresses, Stack
from stressdash.stack.folder import StateFolder
from stressdash.stack.standing import standing

__all__ = ["BACKENDS", "Choice", "choose", "open_stack"]

BACKENDS = ("auto", "embedded", "process", "docker", "external")


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend, and what spoke for it."""

    backend: str
    why: str = ""
    """Ends the sentence that begins with its name; empty when the user named it."""

    @property
    def sentence(self) -> str:
        """For the user; empty when there is nothing to explain."""
        return f"stack {self.backend}: {self.why}" if self.why else ""


def choose(backend: str, *, state: Path, target_url: str | None = None) -> Choice:
    """What `auto` means here and now: what stands already, else a real database, else the embedded one.

    Containers are chosen only where they exist already: `auto` downloads nothing. Blocks for milliseconds.
    """
    if backend != "auto":
        return Choice(backend)
    if target_url:
        return Choice("external", "a URL was given, so it attaches to what runs there")
    unasked = ""
    try:
        if (found := standing(StateFolder(state))) is not None:
            return Choice(found.backend, f"one stands in {state} already")
    except StackError as error:
        unasked = f"; {error}"

    from stressdash.stack.server_program import find_server

    try:
        server = find_server()
    except StackError as error:
        return Choice("embedded", f"it needs nothing installed, and {error}{unasked}")
    return Choice("process", f"{server.product} is installed ({server.path}){unasked}")


def open_stack(
    backend: str,
    *,
    state: Path,
    target_url: str | None = None,
    apm_url: str | None = None,
    database_dsn: str | None = None,
    service_token: str | None = None,
    forward: Mapping[str, str] | None = None,
) -> Stack:
    """A stack that is not up yet.

    Args:
        backend: one of `BACKENDS`; what `auto` means is told by `choose`.
        state: the state folder.
        target_url: base URL of a service that already runs; for `external`, like the following.
        apm_url: where its APM data can be asked for.
        database_dsn: its database.
        service_token: token of its admin endpoint, where it is the service that comes with stressdash.
        forward: environment that makes the embedded APM intake hand on what it gets; for `embedded` and
            `process`.

    Raises:
        UsageError: there is no such backend, or it lacks something.
    """
    backend = choose(backend, state=state, target_url=target_url).backend
    if forward is not None and backend not in ("embedded", "process"):
        raise UsageError(
            f"--forward is for the embedded APM intake, which the stack {backend!r} does without"
        )
    if backend == "external":
        from stressdash.stack.external import ExternalStack

        if target_url is None:
            raise UsageError("the external stack needs the URL of a service that runs")
        addresses = Addresses(target_url, apm_url, None, database_dsn)
        return ExternalStack(addresses, service_token)
    if backend == "docker":
        from stressdash.stack.docker_stack import DockerStack

        return DockerStack(StateFolder(state))
    if backend in ("embedded", "process"):
        return _local(backend, state, forward)
    raise UsageError(f"there is no stack {backend!r}; the stacks are {', '.join(BACKENDS)}")


def _local(backend: str, state: Path, forward: Mapping[str, str] | None) -> Stack:
    from stressdash.stack.knobs import KNOBS, REAL_DATABASE_KNOBS
    from stressdash.stack.local import LocalStack

    if backend == "embedded":
        from stressdash.stack.programs import EmbeddedEngine

        return LocalStack(backend, StateFolder(state), EmbeddedEngine(state / "database"), KNOBS, forward)
    from stressdash.stack.private_server import PrivateServer

    server = PrivateServer(state / "server")
    return LocalStack(backend, StateFolder(state), server, REAL_DATABASE_KNOBS, forward)
