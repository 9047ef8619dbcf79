"""Stand-in programs, and what runs for a state folder."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from stressdash.samples import ComponentState
from stressdash.stack.folder import StateFolder
from stressdash.stack.link import Link
from stressdash.stack.messages import Status, Verb
from stressdash.stack.program import PORT, Program

STANDIN = Path(__file__).with_name("standin.py")
PATIENCE_S = 30.0


def standin(name: str, *flags: str, **more: Any) -> Program:
    """A program that behaves as its flags say, with patience unless told; see `standin.py`."""
    patience = {"ready_within_s": PATIENCE_S, "stop_within_s": PATIENCE_S, "end_within_s": PATIENCE_S}
    return Program(
        name=name,
        arguments=(sys.executable, str(STANDIN), name, "--port", PORT, *flags),
        environment={"STANDIN_SECRET": "hush"},
        ready=r"ready on (?P<host>[^\s:]+):(?P<port>\d+)",
        **patience | more,
    )


def processes_of(path: Path) -> list[psutil.Process]:
    """Every living process that works in a state folder or was told of it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            told = any(str(path) in argument for argument in process.cmdline())
            works_there = process.cwd().startswith(str(path))
            if (told or works_there) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def supervisor_pid(folder: StateFolder) -> int:
    where = folder.whereabouts()
    assert where is not None
    return where.pid


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that only looking can tell."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  other processes have no events
            await asyncio.sleep(0.02)


async def started(link: Link, program: Program) -> Status:
    """Declare and start a program; how that ended."""
    await link.ask(Verb.DECLARE, program=program)
    await link.ask(Verb.START, program.name)
    return await status(link, program.name)


async def status(link: Link, name: str) -> Status:
    reply = await link.ask(Verb.STATUS)
    return {part.name: part for part in reply.components}[name]


async def until_state(link: Link, name: str, state: ComponentState) -> Status:
    async with asyncio.timeout(PATIENCE_S):
        while (now := await status(link, name)).state is not state:  # noqa: ASYNC110  see `until`
            await asyncio.sleep(0.02)
    return now
