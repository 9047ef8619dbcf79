"""The compose command line: brings a project up and down and tells what it does while it does it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stressdash.errors import StackError
from stressdash.text import escape

__all__ = ["Compose", "find_compose"]

ANSWER_S: Final = 20.0
LAST_LINES: Final = 40
ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
REMEDIES: Final = (
    ("permission denied", "you may not use Docker's socket: join the group docker, or use --stack process"),
    (
        "Cannot connect to the Docker daemon",
        "the Docker daemon does not run: start it, or use --stack process",
    ),
    ("Couldn't connect to Docker daemon", "the Docker daemon does not run: start it, or use --stack process"),
    ("port is already allocated", "a port is taken: choose another by its variable, such as STATS_PORT"),
    ("address already in use", "a port is taken: choose another by its variable, such as STATS_PORT"),
    ("pull access denied", "an image cannot be pulled: name another by its variable, such as DB_IMAGE"),
    ("manifest unknown", "an image cannot be pulled: name another by its variable, such as DB_IMAGE"),
    ("no such host", "the registry cannot be reached: name a local image by its variable, such as DB_IMAGE"),
    (
        "Temporary failure in name resolution",
        "the registry cannot be reached: name a local image, as by DB_IMAGE",
    ),
)
"""What compose says, and what helps."""


async def find_compose() -> tuple[str, ...]:
    """The command of compose: the plugin of docker where it is there, else docker-compose.

    Raises:
        StackError: neither is installed.
    """
    if docker := shutil.which("docker"):
        process = await asyncio.create_subprocess_exec(
            docker,
            "compose",
            "version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if await process.wait() == 0:
            return (docker, "compose")
    if program := shutil.which("docker-compose"):
        return (program,)
    raise StackError(
        "neither 'docker compose' nor docker-compose is installed: install one, or use --stack process"
    )


@dataclass(frozen=True, slots=True)
class Compose:
    """One project.

    Args:
        command: see `find_compose`.
        file: the compose file.
        project: its name; labels what belongs to it.
        variables: file with the values of its variables, secrets among them.
    """

    command: tuple[str, ...]
    file: Path
    project: str
    variables: Path

    async def run(
        self, *arguments: str, progress: Callable[[str], None], extra: Mapping[str, str] | None = None
    ) -> None:
        """Run a compose command; every line that it says is progress.

        Raises:
            StackError: it failed; with the remedy where that is known, else its last words.
        """
        process = await asyncio.create_subprocess_exec(
            *self.command,
            *("--file", str(self.file), "--project-name", self.project),
            *("--project-directory", str(self.file.parent), "--env-file", str(self.variables)),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **(extra or {}), "COMPOSE_ANSI": "never", "BUILDKIT_PROGRESS": "plain"},
            limit=1 << 20,
        )
        assert process.stdout is not None
        said: list[str] = []
        try:
            while line := await process.stdout.readline():
                if text := escape(ANSI.sub("", line.decode(errors="replace")).strip(), 300):
                    said = [*said[-LAST_LINES:], text]
                    progress(text)
            await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
        if process.returncode:
            raise StackError(_reason(arguments[0], said))


def _reason(verb: str, said: list[str]) -> str:
    """The remedy for what compose said, or its last words."""
    whole = "\n".join(said)
    for words, remedy in REMEDIES:
        if words.lower() in whole.lower():
            return f"compose {verb} failed: {remedy}"
    return f"compose {verb} failed: {said[-1] if said else 'it said nothing'}"
