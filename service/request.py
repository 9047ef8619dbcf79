"""A request that keeps its body: once a client has hung up, aiohttp lets nobody read it, whole or not.

A push that must finish whatever its client does (`cancellation = shield`) may be handled just after the
client has hung up, so what arrived together with the head is taken before that can happen.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp.web import BaseRequest

__all__ = ["WholeRequest", "whole_request"]


class WholeRequest(BaseRequest):
    """aiohttp's request; `read` answers from what has arrived, if that was everything."""

    whole: bytes | None = None

    async def read(self) -> bytes:
        """The body."""
        return await super().read() if self.whole is None else self.whole


def whole_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> WholeRequest:
    """Make a request, as aiohttp's server asks for it when a head has been parsed."""
    request = WholeRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())
    if payload.is_eof():
        request.whole = payload.read_nowait()
    return request
