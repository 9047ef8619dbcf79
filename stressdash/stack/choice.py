"""Which stack is meant: the one place that knows all backends. Imports each only when it is asked for."""

from __future__ import annotations

from pathlib import Path

from stressdash.errors import UsageError
from stressdash.stack.backend import Addresses, Stack

__all__ = ["open_stack"]


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
        backend: `auto`, `embedded` or `external`; `auto` attaches where there is a `target_url`.
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
    if backend == "embedded":
        from stressdash.stack.folder import StateFolder
        from stressdash.stack.knobs import KNOBS
        from stressdash.stack.local import LocalStack
        from stressdash.stack.programs import EmbeddedEngine

        return LocalStack("embedded", StateFolder(state), EmbeddedEngine(state / "database"), KNOBS)
    raise UsageError(f"there is no stack {backend!r}; the stacks are auto, embedded and external")
