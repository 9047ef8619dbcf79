"""A request whose body never comes whole is answered, and its handler goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from service import request
from service.app import App
from service.settings import Settings

TOKEN = "an admin token of the tests"
NOWHERE = {"STATS_DSN": "mysql://stats@127.0.0.1:1/stats", "STATS_PORT": "0", "STATS_ADMIN_TOKEN": TOKEN}
PUSH = b"POST /twirp/stats.StatsService/Push HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
KNOBS = f"PATCH /admin/knobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n".encode()


@pytest.fixture
async def app() -> AsyncIterator[App]:
    app = App(Settings.from_environment(NOWHERE))
    yield app
    app.ask_to_stop(0)
    await app.serve()


async def answered(app: App, begun: bytes, rest: bytes = b"") -> tuple[int, dict[str, object]]:
    """Status and body of the answer; the rest is sent once the call has begun."""
    port = int((await app.start()).rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(30):
        writer.write(begun)
        while rest and not app.status()["in_flight"]:  # noqa: ASYNC110  the app tells nobody
            await asyncio.sleep(0.01)
        writer.write(rest)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = json.loads(await reader.readexactly(length))
    writer.close()
    return int(head.split()[1]), body


class TestABodyThatNeverComesWhole:
    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(request, "BODY_WITHIN_S", 0.2)

    @pytest.mark.parametrize(
        ("begun", "rest"),
        [(b"Content-Length: 10\r\n\r\n{", b""), (b"Transfer-Encoding: chunked\r\n\r\n", b"no chunk\r\n")],
        ids=["stalled", "no chunk"],
    )
    async def test_of_a_push_is_a_deadline_in_twirps_words(self, app: App, begun: bytes, rest: bytes) -> None:
        status, body = await answered(app, PUSH + begun, rest)
        assert (status, body["code"]) == (408, "deadline_exceeded")
        assert body["msg"] == "the body did not come whole within 0.2 s"
        assert app.status()["in_flight"] == 0

    async def test_of_knobs_is_told(self, app: App) -> None:
        status, body = await answered(app, KNOBS + b"Content-Length: 10\r\n\r\n{")
        assert (status, body) == (408, {"error": "the body did not come whole within 0.2 s"})
