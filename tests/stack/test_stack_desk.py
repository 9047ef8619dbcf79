"""Where the supervisor's clients are served: whatever goes wrong, whoever asked gets an answer."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from stressdash.stack.desk import Desk
from stressdash.stack.messages import Reply, Request, Verb
from stressdash.stack.supervision import Supervisor
from stressdash.wire import from_json, to_json


@asynccontextmanager
async def client(supervisor: Supervisor) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the desk of a supervisor."""
    desk = Desk(supervisor)
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        path = f"{folder}/s"
        server = await asyncio.start_unix_server(desk.serve, path)
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            yield reader, writer
        finally:
            writer.close()
            server.close()
            await desk.close()


async def test_a_mistake_of_ours_is_an_answer_and_a_line_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor(tmp_path, tmp_path, lambda: 0.0, lambda: 0)

    async def broken(_name: str) -> None:
        raise LookupError("a part is missing")

    monkeypatch.setattr(supervisor, "start", broken)
    async with asyncio.timeout(30), client(supervisor) as (reader, writer):
        writer.write(to_json(Request(7, Verb.START, "service")) + b"\n")
        reply = from_json(await reader.readline(), Reply)
        writer.write(to_json(Request(8, Verb.STATUS)) + b"\n")
        assert from_json(await reader.readline(), Reply) == Reply(8)
    assert reply.id == 7
    assert "the supervisor failed at this: LookupError('a part is missing')" in reply.error
    (record,) = [each for each in caplog.records if each.name == "stressdash.stack.desk"]
    assert record.exc_info is not None
    assert record.getMessage() == "start service failed"
