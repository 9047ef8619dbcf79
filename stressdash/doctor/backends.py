"""What could run a stack here, what runs one already, and what an earlier one has left behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from stressdash.doctor.finding import Finding, Level
from stressdash.errors import StackError, StressdashError
from stressdash.stack.folder import StateFolder
from stressdash.stack.leftovers import leftovers
from stressdash.stack.owner import owner_of
from stressdash.stack.private_server import account_for_root
from stressdash.stack.server_program import find_server
from stressdash.stack.standing import Standing, standing

__all__ = ["check_docker", "check_leftovers", "check_server", "check_standing"]

ANSWER_S: Final = 10.0


async def check_docker(*, asked: bool) -> AsyncIterator[Finding]:
    """Daemon, rights on its socket, and compose."""
    from stressdash.stack.compose import find_compose
    from stressdash.stack.docker_endpoint import find_endpoint

    missing = Level.BAD if asked else Level.NOTE
    try:
        obstacle = await asyncio.to_thread(find_endpoint(os.environ).obstacle)
    except StackError as error:
        obstacle = str(error)
    if obstacle:
        yield Finding("docker", missing, obstacle, "" if asked else "needed for --stack docker only")
    else:
        yield await _daemon(missing)
    try:
        command = await find_compose()
        said = await _output([*command, "version", "--short"])
        yield Finding("compose", Level.OK, f"{' '.join(command)} {said}")
    except StressdashError as error:
        yield Finding("compose", missing, str(error), "" if asked else "needed for --stack docker only")


async def check_server(*, asked: bool) -> AsyncIterator[Finding]:
    """The database program of the process backend."""
    missing = Level.BAD if asked else Level.NOTE
    remedy = "" if asked else "needed for --stack process only"
    try:
        server = await asyncio.to_thread(find_server)
        account = account_for_root() if os.geteuid() == 0 else None
    except StackError as error:
        yield Finding("database", missing, str(error), remedy)
        return
    runs_as = f", run as {account.pw_name}" if account is not None else ""
    yield Finding("database", Level.OK, f"{server.product} ({server.path}){runs_as}")


def check_standing(folder: StateFolder) -> Iterator[Finding]:
    """What runs there already, and who loads it."""
    try:
        found = standing(folder)
    except StackError as error:
        yield Finding("stack", Level.NOTE, str(error))
    else:
        yield Finding("stack", Level.OK, _told(found))
    if (owner := owner_of(folder)) is not None:
        remedy = "others can only watch until it ends"
        yield Finding("load", Level.NOTE, f"owned by process {owner.pid} ({owner.what})", remedy)


def _told(found: Standing | None) -> str:
    if found is None:
        return "none runs yet"
    how = "kept until 'stressdash down'" if found.kept else "ends with those who use it"
    supervisor = f" (supervisor {found.pid})" if found.pid else ""
    return f"{found.backend} runs{supervisor}, {how}"


def check_leftovers(folder: StateFolder) -> Iterator[Finding]:
    """What a killed stack has left behind."""
    for left in leftovers(folder):
        remedy = "'stressdash down' or the next start removes it"
        yield Finding("left behind", Level.NOTE, left.what, remedy)


async def _daemon(missing: Level) -> Finding:
    """Whether what listens there is a Docker daemon that answers us."""
    from stressdash.stack.containers import Containers

    containers = Containers("stressdash-doctor")
    try:
        endpoint = await containers.check()
    except StressdashError as error:
        return Finding("docker", missing, str(error))
    finally:
        await containers.close()
    return Finding("docker", Level.OK, f"a daemon answers at {endpoint.told}")


async def _output(command: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(ANSWER_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return "does not tell its version"
    return said.decode(errors="replace").strip()
