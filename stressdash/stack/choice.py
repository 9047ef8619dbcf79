"""Which stack is meant: the one place that knows all backends. Imports each only when it is asked for."""

from __future__ import annotations

from pathlib import Path

from stressdash.errors import UsageError
from stressdash.stack.backend import Stack

__all__ = ["open_stack"]


def open_stack(backend: str, *, state: Path, target_url: str | None = None) -> Stack:
    """A stack that is not up yet.

    Args:
        backend: `embedded`.
        state: the state folder.
        target_url: base URL of a service that already runs.

    Raises:
        UsageError: there is no such backend.
    """
    from stressdash.stack.folder import StateFolder
    from stressdash.stack.knobs import KNOBS
    from stressdash.stack.local import LocalStack
    from stressdash.stack.programs import EmbeddedEngine

    if backend in ("auto", "embedded"):
        return LocalStack("embedded", StateFolder(state), EmbeddedEngine(state / "database"), KNOBS)
    raise UsageError(f"there is no stack {backend!r}")
