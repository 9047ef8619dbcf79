"""State folders with short paths, and a watch over the processes that tests leave behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from stack_processes import processes_of, until

from stressdash.stack.folder import StateFolder
from stressdash.stack.link import Link
from stressdash.stack.messages import Verb


@pytest.fixture
async def folder(state_root: Path) -> AsyncIterator[StateFolder]:
    """A state folder that does not exist yet; whatever was started for it must be gone in the end."""
    path = Path(tempfile.mkdtemp(dir=state_root, prefix="")) / "s"
    yield StateFolder(path)
    try:
        await until(lambda: not processes_of(path))
    finally:
        for process in processes_of(path):
            process.kill()
        shutil.rmtree(path.parent, ignore_errors=True)


@pytest.fixture
async def connect(folder: StateFolder) -> AsyncIterator[Callable[[], Awaitable[Link]]]:
    """Opens leases on the folder's stack, which ends with the test."""
    async with AsyncExitStack() as open_links:

        async def opened() -> Link:
            link, _ = await Link.open(folder, "embedded")
            open_links.push_async_callback(link.leave, Verb.END)
            return link

        yield opened
