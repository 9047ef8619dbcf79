"""The service's admin endpoint as the dashboard uses it, against a server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from stressdash.errors import KnobRejected, StackError
from stressdash.stack.service_client import ServiceClient

TOKEN = "letmein"


class Admin:
    """Answers every request with `status` and `body`, and remembers the last one."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b"{}"
        self.seen: tuple[str, str, str | None, bytes] = ("", "", None, b"")

    async def answer(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization")
        self.seen = (request.method, request.path, token, await request.read())
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
def admin() -> Admin:
    return Admin()


@pytest.fixture
async def client(admin: Admin) -> AsyncIterator[ServiceClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", admin.answer)
    async with TestServer(app) as server:
        made = ServiceClient(str(server.make_url("")).rstrip("/"), TOKEN)
        yield made
        await made.close()


class TestStatus:
    async def test_is_read_by_field_names_and_asked_for_with_the_token(
        self, admin: Admin, client: ServiceClient
    ) -> None:
        admin.body = json.dumps({"sampling": 0.1, "conn_max_lifetime_s": 3, "news": "ignored"}).encode()
        status = await client.status()
        assert (status.sampling, status.conn_max_lifetime_s, status.pool) == (0.1, 3.0, None)
        assert admin.seen[:3] == ("GET", "/admin/status", f"Bearer {TOKEN}")

    async def test_that_is_refused_tells_the_services_words_escaped(
        self, admin: Admin, client: ServiceClient
    ) -> None:
        admin.status, admin.body = 401, b'{"error": "no \\u001b[31mtoken"}'
        with pytest.raises(StackError, match=r"refuses to tell its status: no \\x1b\[31mtoken"):
            await client.status()

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"sampling": "much"}', b"\xff"])
    async def test_that_is_no_status_is_a_sentence(
        self, admin: Admin, client: ServiceClient, body: bytes
    ) -> None:
        admin.body = body
        with pytest.raises(StackError, match="tells a status that cannot be read"):
            await client.status()

    async def test_of_a_service_that_is_gone_is_a_sentence(self) -> None:
        client = ServiceClient("http://127.0.0.1:1", TOKEN)
        with pytest.raises(StackError, match=r"http://127\.0\.0\.1:1 cannot be reached"):
            await client.status()
        await client.close()


class TestTurn:
    async def test_sends_the_one_knob_as_text(self, admin: Admin, client: ServiceClient) -> None:
        await client.turn("max_open", "800")
        method, path, _, body = admin.seen
        assert (method, path, json.loads(body)) == ("PATCH", "/admin/knobs", {"max_open": "800"})

    async def test_that_is_rejected_carries_the_services_words(
        self, admin: Admin, client: ServiceClient
    ) -> None:
        admin.status, admin.body = 422, b'{"error": "too many for me"}'
        with pytest.raises(KnobRejected, match="does not take max_open = 800: too many for me"):
            await client.turn("max_open", "800")


class TestObstacle:
    async def test_is_empty_when_the_service_is_ready(self, client: ServiceClient) -> None:
        assert await client.obstacle() == ""

    async def test_is_the_services_reason_when_it_is_not(self, admin: Admin, client: ServiceClient) -> None:
        admin.status, admin.body = 503, b'{"status": "not ready", "reason": "no database"}'
        assert await client.obstacle() == "no database"

    async def test_is_the_status_when_it_gives_none(self, admin: Admin, client: ServiceClient) -> None:
        admin.status, admin.body = 502, b"Bad Gateway"
        assert await client.obstacle() == "HTTP 502"
