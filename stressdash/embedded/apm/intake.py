"""HTTP for agents: intake v2, agent configuration, server information.

Statuses, bodies and limits are those of apm-server: 202 with nothing to say, 400 with what was wrong (also
for what is too large and for wrong methods), 401, 429, 503; whatever is refused closes the connection.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import xxhash
from aiohttp import web

from stressdash.embedded.apm.archive import Archive
from stressdash.embedded.apm.body import Inflater, LineSplitter
from stressdash.embedded.apm.document import SERVER_VERSION
from stressdash.embedded.apm.rate import EventRate
from stressdash.embedded.apm.stream import IntakeStream
from stressdash.errors import BadInput

__all__ = ["Intake", "Limits"]

CONFIG_MAX_AGE_S: Final = 30
STARTED: Final = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass(frozen=True, slots=True)
class Limits:
    """What the intake takes at most."""

    body_bytes: int = 64 * 1024 * 1024
    """Of one request, decompressed; the agent flushes at 768 KiB compressed."""
    requests: int = 200
    """Under way at once; more are answered 503, `queue is full`."""
    events_per_second: float = 50_000.0
    """Above what one core can read, so only a runaway sender is answered 429."""


class Intake:
    """Handlers of the agent's routes.

    Args:
        archive: where events go.
        limits: see `Limits`.
        now_us: wall clock in microseconds since 1970.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(
        self, archive: Archive, limits: Limits, now_us: Callable[[], int], monotonic: Callable[[], float]
    ) -> None:
        self._archive = archive
        self._limits = limits
        self._now_us = now_us
        self._rate = EventRate(limits.events_per_second, monotonic)
        self._under_way = 0
        self.refused = 0
        """Requests that were turned away unread; how many events they held is not known."""
        self.closing = False
        """Set when the process ends: what comes then is answered 503."""

    def routes(self) -> list[web.RouteDef]:
        """Routes of the agent's protocol."""
        return [
            web.route("*", "/intake/v2/events", self.events),
            web.route("*", "/config/v1/agents", self.agent_config),
            web.route("*", "/", self.information),
        ]

    async def events(self, request: web.Request) -> web.Response:
        """Take in one request's events."""
        if request.method != "POST":
            return refusal(400, "only POST requests are supported")
        content_type = request.headers.get("Content-Type", "")
        if content_type and "application/x-ndjson" not in content_type:
            return refusal(400, f"invalid content type: '{content_type}'")
        if self.closing:
            return self._turn_away(503, "server is shutting down")
        if self._under_way >= self._limits.requests:
            return self._turn_away(503, "queue is full")
        if not self._rate.allows():
            return self._turn_away(429, "rate limit exceeded")
        self._under_way += 1
        try:
            return await self._read(request)
        finally:
            self._under_way -= 1

    async def _read(self, request: web.Request) -> web.Response:
        stream = IntakeStream(self._archive, self._now_us())
        inflater = Inflater(request.headers.get("Content-Encoding", ""), self._limits.body_bytes)
        splitter = LineSplitter()
        try:
            async for chunk in request.content.iter_any():
                for piece in inflater.feed(chunk):
                    for line in splitter.feed(piece):
                        stream.take(line)
                        if stream.failed:
                            return self._answer(request, stream)
                    await asyncio.sleep(0)
            for line in splitter.feed(inflater.finish()):
                stream.take(line)
            for line in splitter.finish():
                stream.take(line)
        except BadInput as error:
            stream.result.reject(str(error))
        return self._answer(request, stream)

    def _answer(self, request: web.Request, stream: IntakeStream) -> web.Response:
        result = stream.result
        self._rate.count(result.accepted + result.invalid)
        self._archive.accepted += result.accepted
        self._archive.rejected += result.invalid
        if result.errors:
            return closing(400, {"accepted": result.accepted, "errors": result.errors})
        if "verbose" in request.query:
            return web.json_response({"accepted": result.accepted}, status=202)
        return web.Response(status=202)

    def _turn_away(self, status: int, message: str) -> web.Response:
        self.refused += 1
        return refusal(status, message)

    async def agent_config(self, request: web.Request) -> web.Response:
        """Central configuration: there is none, so it never changes."""
        unknown = {"Cache-Control": "max-age=300, must-revalidate"}
        if request.method == "GET":
            name = request.query.get("service.name", "")
        elif request.method == "POST":
            try:
                name = (await request.json())["service"]["name"]
            except (ValueError, LookupError, TypeError):
                name = ""
        else:
            return web.json_response(
                {"error": f"method not supported: {request.method}"}, status=405, headers=unknown
            )
        if not name or not isinstance(name, str):
            return web.json_response({"error": "service.name is required"}, status=400, headers=unknown)
        settings: dict[str, str] = {}
        etag = f'"{xxhash.xxh64_hexdigest(json.dumps(settings).encode())}"'
        headers = {
            "Cache-Control": f"max-age={CONFIG_MAX_AGE_S}, must-revalidate",
            "Etag": etag,
            "Access-Control-Expose-Headers": "Etag",
        }
        if request.headers.get("If-None-Match", "").strip('"') == etag.strip('"'):
            return web.Response(status=304, headers=headers)
        return web.json_response(settings, headers=headers)

    async def information(self, request: web.Request) -> web.Response:
        """What the agent reads before its first request."""
        if request.method not in {"GET", "HEAD"}:
            text = "method not supported: this is the server information endpoint; events go elsewhere"
            return web.json_response({"error": text}, status=405)
        about = {
            "build_date": STARTED,
            "build_sha": "stressdash",
            "publish_ready": not self.closing,
            "version": SERVER_VERSION,
        }
        return web.json_response(about)


def closing(status: int, body: dict[str, Any]) -> web.Response:
    """An answer after which the connection is closed, as agents expect it of errors."""
    response = web.json_response(body, status=status, headers={"X-Content-Type-Options": "nosniff"})
    response.force_close()
    return response


def refusal(status: int, message: str) -> web.Response:
    """The request as a whole was not taken in."""
    return closing(status, {"accepted": 0, "errors": [{"message": message}]})
