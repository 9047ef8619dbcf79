"""The client of the embedded intake, when things go wrong: one sentence, never a hang."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from stressdash.apm import embedded
from stressdash.apm.embedded import EmbeddedSource
from stressdash.errors import SourceError
from stressdash.samples import Scope

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Answer], Awaitable[EmbeddedSource]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """A source whose intake answers everything in the given way."""
    closers: list[Any] = []

    async def start(answer: Answer) -> EmbeddedSource:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        source = EmbeddedSource(f"http://127.0.0.1:{runner.addresses[0][1]}/", "s3cret", Scope("my service"))
        closers.extend((runner.cleanup, source.aclose))
        return source

    yield start
    for close in reversed(closers):
        await close()


class TestTrouble:
    async def test_an_intake_that_is_not_there_cannot_be_reached(self) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            source = EmbeddedSource(f"http://127.0.0.1:{nobody.getsockname()[1]}")
            with pytest.raises(SourceError, match="cannot be reached"):
                await source.services()
            health = await source.health()
            assert not health.ok
            assert "cannot be reached" in health.detail
            await source.aclose()

    async def test_a_wrong_token_is_told(self, serve: Serve) -> None:
        async def refuse(_: web.Request) -> web.Response:
            return web.Response(status=401)

        source = await serve(refuse)
        with pytest.raises(SourceError, match="refused the secret token"):
            await source.series(0, 1000, 1000)

    async def test_other_statuses_are_told_with_what_was_said(self, serve: Serve) -> None:
        async def fail(_: web.Request) -> web.Response:
            return web.Response(status=400, text="step must be positive")

        source = await serve(fail)
        with pytest.raises(SourceError, match="status 400: step must be positive"):
            await source.series(0, 1000, 0)

    @pytest.mark.parametrize("text", ["", "<html>", "[]", '{"parts": 3}'])
    async def test_a_stranger_on_the_port_is_recognised(self, serve: Serve, text: str) -> None:
        async def chat(_: web.Request) -> web.Response:
            return web.Response(text=text)

        source = await serve(chat)
        with pytest.raises(SourceError, match="not the embedded intake"):
            await source.breakdown(0, 1000)

    async def test_an_intake_that_hangs_is_given_up(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given_up = asyncio.Event()

        async def hang(_: web.Request) -> web.Response:
            await given_up.wait()
            return web.json_response(["too late"])

        monkeypatch.setattr(embedded, "TIMEOUT", aiohttp.ClientTimeout(total=0.05))
        source = await serve(hang)
        with pytest.raises(SourceError, match=r"did not answer within 0\.05 s"):
            await source.services()
        given_up.set()

    async def test_a_connection_that_breaks_is_told_and_the_next_question_tries_again(
        self, serve: Serve
    ) -> None:
        asked = 0

        async def break_once(request: web.Request) -> web.Response:
            nonlocal asked
            asked += 1
            if asked == 1:
                assert request.transport is not None
                request.transport.abort()
            return web.json_response(["stats"])

        source = await serve(break_once)
        with pytest.raises(SourceError):
            await source.groups_of(["t"])
        assert await source.services() == ("stats",)


class TestQuestions:
    async def test_the_token_and_the_service_go_with_every_question(self, serve: Serve) -> None:
        seen: list[tuple[str, str]] = []

        async def note(request: web.Request) -> web.Response:
            seen.append((request.headers["Authorization"], request.query["service"]))
            return web.json_response([])

        await (await serve(note)).error_groups(0, 1000)
        assert seen == [("Bearer s3cret", "my service")]

    async def test_untrusted_ids_stay_within_their_part_of_the_path(self, serve: Serve) -> None:
        paths: list[str] = []

        async def note(request: web.Request) -> web.Response:
            paths.append(request.rel_url.raw_path)
            return web.json_response([])

        await (await serve(note)).trace("../../health?x=1#")
        assert paths == ["/stressdash/v1/traces/..%2F..%2Fhealth%3Fx=1%23"]

    async def test_closing_twice_is_fine(self) -> None:
        source = EmbeddedSource("http://127.0.0.1:9")
        await source.aclose()
        await source.aclose()
