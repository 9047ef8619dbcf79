"""Whom events are handed on to: nobody, or one Elasticsearch, which can be named while the intake runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from aiohttp import web

from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.forward import Forwarder
from stressdash.embedded.apm.upstream import Upstream
from stressdash.errors import BadInput
from stressdash.wire import from_json

__all__ = ["Forwarding"]

PATH: Final = "/stressdash/v1/forward"


class Forwarding:
    """Hands on through the forwarder of the present upstream.

    Args:
        upstream: the first one; None for nobody.
        tell: takes sentences for the log.
    """

    def __init__(self, upstream: Upstream | None, tell: Callable[[str], None]) -> None:
        self._upstream = upstream
        self._tell = tell
        self._forwarder: Forwarder | None = None
        self._running = AsyncExitStack()

    def offer(self, line: Line) -> None:
        """Hand a line on, if to anybody."""
        if self._forwarder is not None:
            self._forwarder.offer(line)

    def told(self) -> str:
        """How it goes, in words; empty when nothing is handed on."""
        return self._forwarder.told() if self._forwarder is not None else ""

    def trouble(self) -> str:
        """What goes wrong, in words; empty when nothing does."""
        return self._forwarder.trouble() if self._forwarder is not None else ""

    async def running(self, _app: Any = None) -> AsyncIterator[None]:
        """Hands on while it is open; at the end what is left, for a short while."""
        if self._upstream is not None:
            await self._begin(self._upstream)
        yield
        await self._running.aclose()

    async def name(self, request: web.Request) -> web.Response:
        """Hand on to the upstream whose environment is the body; answers once another has got what waited."""
        upstream = Upstream.of(from_json(await request.read(), dict[str, str]))
        if upstream is None:
            raise BadInput("STRESSDASH_FORWARD is missing")
        if upstream != self._upstream or self._forwarder is None:
            before = self._running
            await self._begin(upstream)
            await before.aclose()
        return web.json_response({"forwarding": self.told()})

    def routes(self) -> list[web.RouteDef]:
        """The route by which an upstream is named."""
        return [web.put(PATH, self.name)]

    async def _begin(self, upstream: Upstream) -> None:
        forwarder = Forwarder(upstream, self._tell)
        self._running = AsyncExitStack()
        await self._running.enter_async_context(asynccontextmanager(forwarder.running)())
        self._upstream, self._forwarder = upstream, forwarder
