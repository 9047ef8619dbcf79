"""The embedded database as a process, for tests that talk to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import TABLE, RunningDatabase, embedded


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningDatabase]:
    """One without tables; its files lie in `data`."""
    with embedded(tmp_path / "data") as running:
        yield running


@pytest.fixture
async def database(server: RunningDatabase) -> RunningDatabase:
    """One with the table that the service fills."""
    await server.admin(TABLE)
    return server
