"""Twirp over aiohttp: a request becomes a call, its outcome an answer, an APM report and perhaps a log line.

Cancellation is the app's: with `inherit` aiohttp cancels the handler's task when the client hangs up, so
the insert is cancelled, and APM gets "twirp error internal: context canceled". With `shield` nobody cancels
it: it finishes and is reported as what it was, although its answer finds nobody.
"""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp.web import BaseRequest, HTTPRequestEntityTooLarge, Response

from service.books import Books
from service.call import Call
from service.peer import remote_ip
from service.reporter import Reporter
from service.twirp import JSON, Router, TwirpError, decode, encode, wrap

__all__ = ["RpcServer"]

_LOG = logging.getLogger(__name__)


class RpcServer:
    """Serves the methods of a router."""

    def __init__(self, router: Router, books: Books, reporter: Reporter) -> None:
        self._router = router
        self._books = books
        self._reporter = reporter

    async def serve(self, request: BaseRequest) -> Response:
        """Answer one request."""
        call = Call(
            began_s=time.time(),
            began=time.perf_counter(),
            remote_ip=remote_ip(request.headers, request.remote),
            verb=request.method,
            path=request.path,
            traceparent=request.headers.get("traceparent"),
        )
        return await self._perform(call, request)

    async def _perform(self, call: Call, request: BaseRequest) -> Response:
        self._books.begin()
        failure: TwirpError | None = None
        error: BaseException | None = None
        try:
            return await self._invoke(call, request)
        except asyncio.CancelledError as caught:
            error, failure = caught, TwirpError("internal", "context canceled")
            raise
        except Exception as caught:  # noqa: BLE001 - Twirp answers every exception
            error, failure = caught, wrap(caught)
            return Response(status=failure.status, body=failure.body(), content_type=JSON)
        finally:
            if failure is not None:
                _LOG.warning("%s %s: %s", call.verb, call.path, failure)
            self._reporter.finish(call, failure, error)
            self._books.end()

    async def _invoke(self, call: Call, request: BaseRequest) -> Response:
        method, media = self._router.route(call.verb, call.path, request.headers.get("Content-Type", ""))
        call.service, call.method = method.service, method.name
        try:
            body = await request.read()
        except HTTPRequestEntityTooLarge:
            raise TwirpError("malformed", "the request body is larger than 1 MiB") from None
        except TimeoutError as error:
            raise TwirpError("deadline_exceeded", str(error)) from None
        except OSError as error:
            raise TwirpError("malformed", "the request body could not be read") from error
        answer = await method.handler(decode(method, media, body), call)
        return Response(body=encode(media, answer), content_type=media)
