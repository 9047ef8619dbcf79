"""An intake that is told to forward: it does, or a sentence says why not."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from stressdash.errors import StackError
from stressdash.stack.intake_client import forward_events

UPSTREAM = {"STRESSDASH_FORWARD": "http://127.0.0.1:9200", "STRESSDASH_ES_API_KEY": "s3cret"}


def intake(status: int, text: str) -> TestServer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return TestServer(app)


class TestForwardEvents:
    async def test_one_that_cannot_says_why_and_what_helps(self) -> None:
        async with intake(404, '{"error": "404 page not found\x1b[31m"}') as server:
            with pytest.raises(StackError, match="'stressdash restart apm' starts one that does") as refused:
                await forward_events(f"http://127.0.0.1:{server.port}", "t", UPSTREAM)
        assert "404 page not found" in str(refused.value)
        assert "\x1b" not in str(refused.value)
        assert "s3cret" not in str(refused.value)

    async def test_one_that_is_gone_is_told(self) -> None:
        async with intake(200, "") as server:
            url = f"http://127.0.0.1:{server.port}"
        with pytest.raises(StackError, match="does not answer"):
            await forward_events(url, "t", UPSTREAM)
