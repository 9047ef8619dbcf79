"""The intake as a web application: routes, the secret token, and errors that leak nothing."""

from __future__ import annotations

import hmac
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Middleware

from stressdash.embedded.apm.archive import Archive
from stressdash.embedded.apm.forwarding import Forwarding
from stressdash.embedded.apm.intake import Intake, Limits
from stressdash.embedded.apm.questions import Questions
from stressdash.embedded.apm.spill import SpillLost
from stressdash.embedded.apm.upstream import Upstream
from stressdash.errors import BadInput

__all__ = ["application", "runner"]

INTAKE: Final = web.AppKey("intake", Intake)
UNAUTHORIZED: Final = (
    "authentication failed: missing or improperly formatted Authorization header: "
    "expected 'Authorization: Bearer secret_token'"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(
    token: str, max_events: int, limits: Limits | None = None, upstream: Upstream | None = None
) -> web.Application:
    """The whole intake.

    Args:
        token: secret that agents and the dashboard send as bearer; empty for none.
        max_events: how many events can be opened; the oldest are forgotten first.
        limits: what agents may send at most.
        upstream: the Elasticsearch that gets every event as well.
    """
    forwarding = Forwarding(upstream, tell)
    archive = Archive(max_events, lambda: time.time_ns() // 1_000_000, hand_on=forwarding.offer)
    intake = Intake(archive, limits or Limits(), lambda: time.time_ns() // 1000, time.monotonic)

    def trouble() -> tuple[int, str, str]:
        words = "; ".join(filter(None, (intake.trouble(), forwarding.trouble())))
        return intake.invalid, words, forwarding.told()

    questions = Questions(archive, trouble)
    app = web.Application(middlewares=[guard(token)])
    app[INTAKE] = intake
    app.add_routes(intake.routes())
    app.add_routes(questions.routes())
    app.add_routes(forwarding.routes())
    app.on_shutdown.append(refuse_from_now)
    app.cleanup_ctx.append(forwarding.running)
    return app


def tell(sentence: str) -> None:
    """Into the log of the component."""
    sys.stderr.write(f"forwarding: {sentence}\n")
    sys.stderr.flush()


def runner(app: web.Application) -> web.AppRunner:
    """How the application is served: without a log of requests, and with bodies as they come.

    The intake takes off compression itself, within its limits.
    """
    log = logging.getLogger("stressdash.embedded.apm")
    log.addFilter(ours)
    return web.AppRunner(app, logger=log, access_log=None, auto_decompress=False, shutdown_timeout=0.5)


def ours(record: logging.LogRecord) -> bool:
    """Whether a log record tells of a fault in this program, not of somebody who does not speak HTTP."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


async def refuse_from_now(app: web.Application) -> None:
    """What still comes is answered 503."""
    app[INTAKE].closing = True


def guard(token: str) -> Middleware:
    """Middleware: asks for the token, and turns what handlers raise into answers."""
    expected = token.encode()

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        known = scheme == "Bearer" and hmac.compare_digest(given.strip().encode(), expected)
        if expected and not known:
            if request.path == "/":
                return web.Response()
            return failure(401, UNAUTHORIZED)
        try:
            return await handler(request)
        except (BadInput, SpillLost) as error:
            return failure(503 if isinstance(error, SpillLost) else 400, str(error))
        except web.HTTPNotFound:
            return failure(404, "404 page not found")
        except web.HTTPMethodNotAllowed as error:
            return failure(405, f"method not supported: {error.method}")

    return guarded


def failure(status: int, message: str) -> web.Response:
    """A refusal in apm-server's form."""
    response = web.json_response({"error": message}, status=status)
    response.force_close()
    return response
