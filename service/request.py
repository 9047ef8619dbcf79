"""A request that keeps its body: once a client has hung up, aiohttp lets nobody read it, whole or not.

A push that must finish whatever its client does (`cancellation = shield`) may be handled just after the
client has hung up, so what arrived together with the head is taken before that can happen. And a body that
never comes whole, because its sender stalls or sends no proper chunks, is given up after a while.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp.web import BaseRequest

__all__ = ["WholeRequest", "whole_request"]

BODY_WITHIN_S: Final = 30.0
"""How long a body of at most 1 MiB may take to come."""


class WholeRequest(BaseRequest):
    """aiohttp's request; `read` answers from what has arrived, if that was everything."""

    whole: bytes | None = None

    async def read(self) -> bytes:
        """The body.

        Raises:
            TimeoutError: it has not come whole within `BODY_WITHIN_S`, in a sentence.
        """
        if self.whole is not None:
            return self.whole
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                return await super().read()
        except TimeoutError:
            raise TimeoutError(f"the body did not come whole within {BODY_WITHIN_S:g} s") from None


def whole_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> WholeRequest:
    """Make a request, as aiohttp's server asks for it when a head has been parsed."""
    request = WholeRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())
    if payload.is_eof():
        request.whole = payload.read_nowait()
    return request
