"""What of a stack stands in a state folder already. Found by looking: nothing is started, nothing held."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from stressdash.errors import BadInput, StackError
from stressdash.stack.folder import StateFolder
from stressdash.stack.messages import Reply, Request, Verb
from stressdash.wire import from_json, to_json

__all__ = ["Standing", "listens", "standing"]

ANSWER_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A stack that is there."""

    backend: str
    pid: int | None = None
    """Of its supervisor."""
    kept: bool = True
    """It runs on when nobody uses it."""


def standing(folder: StateFolder) -> Standing | None:
    """The stack of a folder; None where there is none.

    Raises:
        StackError: its containers, if there are any still, cannot be asked for; with the remedy.
    """
    where = folder.whereabouts()
    if where is not None and (told := _told(where.socket)) is not None and told.backend:
        return Standing(told.backend, where.pid, told.kept)
    return _containers(folder)


def listens(path: str) -> bool:
    """Whether somebody listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _told(path: str) -> Reply | None:
    """What the supervisor says of itself."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_S)
        try:
            line.connect(path)
            line.sendall(to_json(Request(1, Verb.STATUS)) + b"\n")
            with line.makefile("rb") as answers:
                return from_json(answers.readline(), Reply)
        except (OSError, BadInput):
            return None


def _containers(folder: StateFolder) -> Standing | None:
    """Containers that were made from this folder; Docker is asked only where some ever were."""
    if not (folder.path / "docker.env").exists():
        return None
    from stressdash.stack.containers import any_container
    from stressdash.stack.docker_project import Project

    project = Project(folder)
    try:
        return Standing("docker") if any_container(project.name) else None
    except StackError as error:
        if project.owner() is None:  # the last ones were taken down
            return None
        raise StackError(f"containers were brought up from {folder.path}, and {error}") from error
