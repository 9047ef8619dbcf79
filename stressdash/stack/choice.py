"""Which stack is meant: the one place that knows all backends. Imports each only when it is asked for."""

from __future__ import annotations

from pathlib import Path

from stressdash.errors import UsageError
from stressdash.stack.backend import Addresses, Stack

__all__ = ["open_stack"]

BACKENDS = ("auto", "embedded", "process", "docker", "external")


def open_stack(
    backend: str,
    *,
    state: Path,
    target_url: str | None = None,
    apm_url: str | None = None,
    database_dsn: str | None = None,
    service_token: str | None = None,
) -> Stack:
    """A stack that is not up yet.

    Args:
        backend: one of `BACKENDS`; `auto` attaches where there is a `target_url`.
        state: the state folder.
        target_url: base URL of a service that already runs; for `external`, like the following.
        apm_url: where its APM data can be asked for.
        database_dsn: its database.
        service_token: token of its admin endpoint, where it is the service that comes with stressdash.

    Raises:
        UsageError: there is no such backend, or it lacks something.
    """
    if backend == "auto":
        backend = "external" if target_url else "embedded"
    if backend == "external":
        from stressdash.stack.external import ExternalStack

        if target_url is None:
            raise UsageError("the external stack needs the URL of a service that runs")
        addresses = Addresses(target_url, apm_url, None, database_dsn)
        return ExternalStack(addresses, service_token)
    if backend == "docker":
        from stressdash.stack.docker_stack import DockerStack
        from stressdash.stack.folder import StateFolder

        return DockerStack(StateFolder(state))
    if backend in ("embedded", "process"):
        return _local(backend, state)
    raise UsageError(f"there is no stack {backend!r}; the stacks are {', '.join(BACKENDS)}")


def _local(backend: str, state: Path) -> Stack:
    from stressdash.stack.folder import StateFolder
    from stressdash.stack.knobs import KNOBS, REAL_DATABASE_KNOBS
    from stressdash.stack.local import LocalStack

    if backend == "embedded":
        from stressdash.stack.programs import EmbeddedEngine

        return LocalStack(backend, StateFolder(state), EmbeddedEngine(state / "database"), KNOBS)
    from stressdash.stack.private_server import PrivateServer

    return LocalStack(backend, StateFolder(state), PrivateServer(state / "server"), REAL_DATABASE_KNOBS)
