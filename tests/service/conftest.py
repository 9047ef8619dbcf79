"""A private MariaDB for the session, and the service as a process."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from service_harness import Intake, MariaDb, Running, run_mariadb, serve_intake, spawn


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    if not (shutil.which("mariadbd") and shutil.which("mariadb-install-db")):
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs mariadbd (apt-get install mariadb-server)")
        pytest.skip("mariadbd is not installed (apt-get install mariadb-server)")
    folder = Path(tempfile.mkdtemp(prefix="sd-"))
    try:
        yield from run_mariadb(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def running() -> Callable[..., Any]:
    @asynccontextmanager
    async def start(*flags: str, **settings: str) -> AsyncIterator[Running]:
        process = await spawn(*flags, **{"STATS_ADMIN_TOKEN": "open sesame"} | settings)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(60):
                line = (await process.stdout.readline()).decode()
            assert line.startswith("listening on "), line + (await process.communicate())[1].decode()
            yield Running(process, line.removeprefix("listening on ").strip(), "open sesame")
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            process._transport.close()  # type: ignore[attr-defined]

    return start


@pytest.fixture
async def intake() -> AsyncIterator[Intake]:
    async with serve_intake() as recorder:
        yield recorder
