"""Runs of `stressdash` that leave nothing behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from command import Command


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder with a short path."""
    parent = Path(tempfile.mkdtemp(prefix="sd-"))
    yield parent / "s"
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
async def stressdash(state: Path) -> AsyncIterator[Callable[..., Awaitable[Command]]]:
    """`await stressdash("run", "act1", ...)` starts it."""
    commands: list[Command] = []

    async def start(*words: str, prefix: tuple[str, ...] = ()) -> Command:
        commands.append(await Command.start(*words, state=state, prefix=prefix))
        return commands[-1]

    yield start
    for command in commands:
        await command.close()
