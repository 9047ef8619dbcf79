"""The stack from the shell: where it is, which one is meant, and what is told of it.

Beneath the commands `up`, `down`, `status`, `logs` and `restart`. What they do goes through `Stack`, as it
does for the dashboard.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stressdash.errors import StackError

if TYPE_CHECKING:
    from stressdash.samples import Component, Knob
    from stressdash.stack.backend import Stack
    from stressdash.stack.owner import Owner

__all__ = ["Place", "Told", "add_place_flags", "attached", "find_stack", "narrate", "place_of", "told"]


def add_place_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says which stack is meant."""
    add = parser.add_argument
    add("--stack", metavar="KIND", help="embedded, process, docker or auto (default: auto)")
    add("--state", metavar="DIR", type=Path, help="folder of the stack")


@dataclass(frozen=True, slots=True)
class Place:
    """A state folder, and the backend that was asked for."""

    state: Path
    backend: str


def place_of(options: argparse.Namespace) -> Place:
    """From the flags of `add_place_flags` and the environment.

    Raises:
        UsageError: there is no such backend.
    """
    from stressdash.settings import from_environment, resolve

    flags = {
        name: (f"--{name}", value)
        for name in ("stack", "state")
        if (value := getattr(options, name)) is not None
    }
    settings = resolve(from_environment(os.environ), flags)
    return Place(settings.state.absolute(), settings.stack)


async def attached(place: Place) -> Stack:
    """The stack that stands there; nothing is started.

    Raises:
        StackError: there is none, or it cannot be asked.
    """
    stack = await find_stack(place)
    if stack is None:
        raise StackError(f"no stack runs in {place.state}; 'stressdash up' starts one")
    return stack


async def find_stack(place: Place) -> Stack | None:
    """As `attached`, None where there is none.

    Raises:
        UsageError: the state folder is none, or may not be looked into.
        StackError: whether there is one cannot be known, for instance because Docker's daemon does not run.
    """
    from stressdash.settings import state_to_read
    from stressdash.stack import open_stack
    from stressdash.stack.folder import StateFolder
    from stressdash.stack.standing import standing

    state_to_read(place.state)
    backend = place.backend
    if backend == "auto":
        found = await asyncio.to_thread(standing, StateFolder(place.state))
        backend = found.backend if found is not None else ""
    if not backend:
        return None
    stack, is_there = open_stack(backend, state=place.state), False
    try:
        is_there = await stack.attach()
    finally:
        if not is_there:
            await stack.close()
    return stack if is_there else None


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a stack, as `--json` prints it; no secret is in it."""

    state_folder: str
    backend: str
    reason: str
    """Why `auto` chose it; empty when it did not."""
    kept: bool
    """It runs on when nobody uses it."""
    supervisor_pid: int | None
    load_owner: Owner | None
    components: tuple[Component, ...]
    knobs: tuple[Knob, ...]

    @property
    def runs(self) -> bool:
        """Whether the service does, and every other component that there is."""
        states = {one.name: one.state.value for one in self.components}
        return states.get("service") == "running" and set(states.values()) <= {"running", "absent"}

    def json(self) -> str:
        """For programs."""
        from stressdash.wire import to_json

        return to_json(self).decode() + "\n"

    def text(self) -> str:
        """For people: a sentence and a table."""
        from stressdash.text import byte_size, clock, escape

        lines = [_headline(self)]
        header = ("component", "state", "pid", "uptime", "memory", "where or why")
        rows = [
            (
                one.name,
                one.state.value,
                str(one.pid or "–"),
                clock(None if one.uptime_s is None else round(one.uptime_s)),
                byte_size(one.rss_bytes),
                escape(one.detail, 200) or " ".join(one.endpoints.values()),
            )
            for one in self.components
        ]
        widths = [max(len(row[at]) for row in (header, *rows)) for at in range(len(header))]
        for row in (header, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines) + "\n"


async def told(stack: Stack, place: Place, reason: str = "") -> Told:
    """Ask a stack what it has to tell."""
    from stressdash.stack.folder import StateFolder
    from stressdash.stack.owner import owner_of
    from stressdash.stack.standing import standing

    folder = StateFolder(place.state)
    found = await asyncio.to_thread(standing, folder)
    knobs = await stack.knobs()  # whoever does not answer them is not well
    return Told(
        state_folder=str(place.state),
        backend=stack.name,
        reason=reason,
        kept=found is not None and found.kept,
        supervisor_pid=found.pid if found is not None else None,
        load_owner=owner_of(folder),
        components=await stack.components(),
        knobs=knobs,
    )


def narrate(sentence: str) -> None:
    """Tell the user on stderr what happens."""
    from stressdash.text import escape

    sys.stderr.write(f"{escape(sentence, 400)}\n")
    sys.stderr.flush()


def _headline(told: Told) -> str:
    how = "it runs until 'stressdash down'" if told.kept else "it ends with those who use it"
    line = f"stack {told.backend} in {told.state_folder}; {how}"
    if (owner := told.load_owner) is not None:
        since = datetime.fromtimestamp(owner.since_ms / 1_000).astimezone()
        line += f"\nload: owned by process {owner.pid} ({owner.what}) since {since:%H:%M:%S}"
    return line
