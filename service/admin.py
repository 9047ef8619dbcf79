"""The admin endpoint: status and knobs as JSON, for near peers that hold the token only."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp.web import BaseRequest, HTTPRequestEntityTooLarge, Response

from service.errors import BadConfiguration, SiblingSilent
from service.peer import is_loopback, is_private

__all__ = ["Admin", "answer_json"]


def answer_json(document: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status=status, body=json.dumps(document).encode(), content_type="application/json")


class Admin:
    """Guards the two admin operations.

    Args:
        token: what the caller must hold.
        status: tells all figures.
        turn: sets knobs given as text.
        private: take callers from private networks, too: in a container, the machine itself is one of them.
    """

    def __init__(
        self,
        token: str,
        status: Callable[[], Awaitable[Mapping[str, Any]]],
        turn: Callable[[Mapping[str, str]], Awaitable[None]],
        *,
        private: bool = False,
    ) -> None:
        self._is_near = is_private if private else is_loopback
        self._expected = f"Bearer {token}".encode()
        self._status = status
        self._turn = turn

    async def status(self, request: BaseRequest) -> Response:
        """`GET /admin/status`."""
        return self._refusal(request) or await self._told()

    async def knobs(self, request: BaseRequest) -> Response:
        """`PATCH /admin/knobs`: all of the given knobs are turned, or none."""
        refusal = self._refusal(request)
        if refusal:
            return refusal
        try:
            await self._turn(_texts(await request.read()))
        except (BadConfiguration, HTTPRequestEntityTooLarge) as error:
            return answer_json({"error": str(error)}, 422)
        except TimeoutError as error:
            return answer_json({"error": str(error)}, 408)
        except SiblingSilent as error:
            return answer_json({"error": str(error)}, 503)
        return await self._told()

    async def _told(self) -> Response:
        try:
            return answer_json(await self._status())
        except SiblingSilent as error:
            return answer_json({"error": str(error)}, 503)

    def _refusal(self, request: BaseRequest) -> Response | None:
        if not self._is_near(request.remote):
            return answer_json({"error": "the admin endpoint answers this machine only"}, 403)
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._expected):
            return answer_json({"error": "the admin endpoint needs its bearer token"}, 401)
        return None


def _texts(body: bytes) -> dict[str, str]:
    """Knob values as text, in the form that the environment has them in."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadConfiguration("the body must be a JSON object of knobs")
    return {name: _text(name, value) for name, value in document.items()}


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str | int | float):
        return str(value)
    raise BadConfiguration(f"{name} must be a number or a word")
