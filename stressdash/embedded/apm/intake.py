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
from aiohttp import ClientPayloadError, web

from stressdash.embedded.apm.archive import Archive
from stressdash.embedded.apm.document import SERVER_VERSION
from stressdash.embedded.apm.rate import EventRate
from stressdash.embedded.apm.stream import IntakeResult, IntakeStream

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
    read_s: float = 30.0
    """How long a request may take to arrive."""
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
        self.invalid = 0
        """Events that were refused because of what they are."""
        self.turned_away = 0
        """Requests that were not read; how many events they held is not known."""
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
        if wrong := unacceptable(request):
            return refusal(400, wrong)
        if self.closing:
            return self._turn_away(503, "server is shutting down")
        if self._under_way >= self._limits.requests:
            return self._turn_away(503, "queue is full")
        if not self._rate.allows():
            return self._turn_away(429, "rate limit exceeded")
        self._under_way += 1
        try:
            async with asyncio.timeout(self._limits.read_s):
                return await self._read(request)
        except TimeoutError:
            return self._turn_away(503, "request timed out")
        finally:
            self._under_way -= 1

    async def _read(self, request: web.Request) -> web.Response:
        encoding = request.headers.get("Content-Encoding", "")
        stream = IntakeStream(self._archive, self._now_us(), encoding, self._limits.body_bytes)
        try:
            async for chunk in request.content.iter_any():
                for _ in stream.feed(chunk):
                    await asyncio.sleep(0)
                if stream.ended:
                    break
        except (ConnectionError, web.RequestPayloadError, ClientPayloadError) as error:
            # The sender hung up: what arrived whole counts, nobody is there to be told.
            stream.fail(f"the body was cut off: {error}")
        stream.finish()
        return self._answer(request, stream.result)

    def _answer(self, request: web.Request, result: IntakeResult) -> web.Response:
        self._rate.count(result.accepted + result.invalid)
        self.invalid += result.invalid
        if result.errors:
            return closing(400, {"accepted": result.accepted, "errors": result.errors})
        if "verbose" in request.query:
            return web.json_response({"accepted": result.accepted}, status=202)
        return web.Response(status=202)

    def _turn_away(self, status: int, message: str) -> web.Response:
        self.turned_away += 1
        return refusal(status, message)

    def trouble(self) -> str:
        """What went wrong so far, in words; empty when nothing did."""
        parts = []
        if self.invalid:
            parts.append(f"{self.invalid} invalid events were refused")
        if self.turned_away:
            parts.append(f"{self.turned_away} requests of agents were turned away")
        return ", ".join(parts)

    async def agent_config(self, request: web.Request) -> web.Response:
        """Central configuration: there is none, so it never changes."""
        unknown = {"Cache-Control": "max-age=300, must-revalidate"}
        if request.method not in {"GET", "POST"}:
            text = f"method not supported: {request.method}"
            return web.json_response({"error": text}, status=405, headers=unknown)
        if not await asking_service(request):
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


def unacceptable(request: web.Request) -> str:
    """What is wrong with a request before it is read; empty when nothing is."""
    if request.method != "POST":
        return "only POST requests are supported"
    content_type = request.headers.get("Content-Type", "")
    if content_type and "application/x-ndjson" not in content_type:
        return f"invalid content type: '{content_type}'"
    return ""


async def asking_service(request: web.Request) -> str:
    """Name of the service that asks for its configuration; empty when it does not tell."""
    if request.method == "GET":
        return request.query.get("service.name", "")
    try:
        name = (await request.json())["service"]["name"]
    except (ValueError, LookupError, TypeError):
        return ""
    return name if isinstance(name, str) else ""


def closing(status: int, body: dict[str, Any]) -> web.Response:
    """An answer after which the connection is closed, as agents expect it of errors."""
    response = web.json_response(body, status=status, headers={"X-Content-Type-Options": "nosniff"})
    response.force_close()
    return response


def refusal(status: int, message: str) -> web.Response:
    """The request as a whole was not taken in."""
    return closing(status, {"accepted": 0, "errors": [{"message": message}]})
