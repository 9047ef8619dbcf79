"""The compose command line: brings a project up and down and tells what it does while it does it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stressdash.errors import StackError
from stressdash.stack.docker_progress import build_step
from stressdash.text import escape

__all__ = ["Compose", "Images", "find_compose"]

LAST_LINES: Final = 40
REASON: Final = 400
REMEDIES: Final = (
    ("permission denied", "you may not use Docker's socket: join the group docker, or use --stack process"),
    ("connect to the Docker daemon", "the Docker daemon does not run: start it, or use --stack process"),
    ("connect to Docker daemon", "the Docker daemon does not run: start it, or use --stack process"),
    ("port is already allocated", "a port is taken: choose another by its variable, such as STATS_PORT"),
    ("address already in use", "a port is taken: choose another by its variable, such as STATS_PORT"),
    ("pull access denied", "an image cannot be pulled: name another by its variable, such as DB_IMAGE"),
    ("manifest unknown", "an image cannot be pulled: name another by its variable, such as DB_IMAGE"),
    ("no such host", "the registry cannot be reached: name a local image by its variable, such as DB_IMAGE"),
    (
        "name resolution",
        "the registry cannot be reached: name a local image by its variable, such as DB_IMAGE",
    ),
    ("no space left on device", "the disk is full: 'docker system prune' frees what nobody uses"),
)
"""What compose says, and what helps."""
COMPLAINT: Final = re.compile(r"(error|yaml:|validating|parsing|services\.)", re.IGNORECASE)
EMPTY_WORDS: Final = "Encountered errors while bringing up the project."


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
class Images:
    """What a project's services run, by service."""

    pulled: Mapping[str, str]
    """Image of each service that is not built here."""
    bases: Mapping[str, str]
    """Of each service that is built here, the image that its build begins with."""


@dataclass(frozen=True, slots=True)
class Compose:
    """One project.

    Args:
        command: see `find_compose`.
        files: the compose file, and what overrides it.
        project: its name; labels what belongs to it.
        variables: file with the values of its variables, secrets among them.
        environment: variables that count more than those of the file.
    """

    command: tuple[str, ...]
    files: tuple[Path, ...]
    project: str
    variables: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    async def run(self, *arguments: str, progress: Callable[[str], None]) -> None:
        """Run a compose command; every line that it says is progress.

        Raises:
            StackError: it failed; with the remedy where that is known, else with its own words.
        """
        await self._said(arguments, progress)

    async def images(self) -> Images:
        """The images of all services, after overrides and variables.

        Raises:
            StackError: a compose file or variable cannot be used; with compose's own words.
        """
        return _images(await self._said(("config",), lambda _: None, tongue=False))

    async def _said(
        self, arguments: tuple[str, ...], progress: Callable[[str], None], *, tongue: bool = True
    ) -> list[str]:
        """Run a command to its end and return what it said; `tongue`: its complaints among it."""
        process = await asyncio.create_subprocess_exec(
            *self.command,
            *(word for file in self.files for word in ("--file", str(file))),
            *("--project-name", self.project, "--project-directory", str(self.files[0].parent)),
            *("--env-file", str(self.variables), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if tongue else asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment, "COMPOSE_ANSI": "never", "BUILDKIT_PROGRESS": "plain"},
            limit=1 << 20,
        )
        assert process.stdout is not None
        said: list[str] = []
        try:
            if tongue:
                while line := await process.stdout.readline():
                    if text := build_step(line.decode(errors="replace")):
                        said = [*said[-LAST_LINES:], text]
                        progress(text)
                await process.wait()
                complaints = said
            else:
                out, err = await process.communicate()
                said = out.decode(errors="replace").splitlines()
                complaints = [escape(line.strip(), 300) for line in err.decode(errors="replace").splitlines()]
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
        if process.returncode:
            raise StackError(f"compose {arguments[0]} failed: {_reason(complaints)}")
        return said


def _reason(said: list[str]) -> str:
    """The remedy for what compose said, or its own words."""
    whole = "\n".join(said).lower()
    for words, remedy in REMEDIES:
        if words.lower() in whole:
            return remedy
    telling = [line for line in said if line and line != EMPTY_WORDS]
    first = next((number for number, line in enumerate(telling) if COMPLAINT.match(line)), -1)
    return escape(" ".join(telling[first:]), REASON) or "it said nothing"


def _images(config: list[str]) -> Images:
    """Read compose's own, normalised form of its file, of which two lines a service are needed.

    Both generations write services two spaces deep, their keys four, and the arguments of a build eight.
    """
    pulled: dict[str, str] = {}
    bases: dict[str, str] = {}
    built: set[str] = set()
    section = service = ""
    for line in config:
        indent, key, value = _key(line)
        if indent == 0:
            section = key
        elif section == "services" and indent == 2:
            service = key
        elif section == "services" and indent == 4 and key == "image":
            pulled[service] = value
        elif section == "services" and indent == 4 and key == "build":
            built.add(service)
        elif section == "services" and indent == 8 and key == "BASE":
            bases[service] = value
    return Images({name: image for name, image in pulled.items() if name not in built}, bases)


def _key(line: str) -> tuple[int, str, str]:
    """Indentation, key and value of a line of YAML's block style."""
    text = line.lstrip(" ")
    key, _, value = text.partition(":")
    return len(line) - len(text), key, value.strip().strip("\"'")
