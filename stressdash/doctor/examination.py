"""Everything that is checked, in the order in which it is read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stressdash.doctor import backends, ends, machine
from stressdash.doctor.finding import Examined, Finding, Level
from stressdash.errors import StressdashError
from stressdash.stack import choose
from stressdash.stack.folder import StateFolder

__all__ = ["Asked", "examine"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user wants to use; the rest is only told of."""

    stack: str
    state: Path
    target: str | None = None
    elasticsearch: str | None = None
    dsn: str | None = None
    """The DSN itself."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    """With the credentials of Elasticsearch."""


async def examine(asked: Asked) -> Examined:
    """Check it all. Starts nothing and changes nothing, but makes the state folder."""
    folder = StateFolder(asked.state)
    choice = await asyncio.to_thread(choose, asked.stack, state=asked.state, target_url=asked.target)
    findings = [*machine.check_python(), *machine.check_limits(), *machine.check_folder(asked.state)]
    findings += machine.check_terminal()
    findings += [one async for one in backends.check_docker(asked=asked.stack == "docker")]
    findings += [one async for one in backends.check_server(asked=asked.stack == "process")]
    findings += ends.check_agent()
    findings += await asyncio.to_thread(lambda: list(backends.check_standing(folder)))
    findings += await asyncio.to_thread(lambda: list(backends.check_leftovers(folder)))
    if asked.target is not None:
        findings += [one async for one in ends.check_target(asked.target)]
    if asked.elasticsearch is not None:
        findings += [one async for one in ends.check_elasticsearch(asked.elasticsearch, asked.environ)]
    if asked.dsn is not None:
        findings += await _database(asked.dsn)
    means = choice.why or "as asked"
    findings.append(Finding("choice", Level.OK, f"--stack {asked.stack} is {choice.backend}: {means}"))
    return Examined(tuple(findings), choice.backend, choice.why)


async def _database(dsn: str) -> list[Finding]:
    try:
        return [one async for one in ends.check_database(dsn)]
    except StressdashError as error:  # the DSN itself cannot be read
        return [Finding("dsn", Level.BAD, str(error), "mysql://user:password@host:port/database")]
