"""The APM intake as the stack steers it: whom it hands its events on to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp

from stressdash.errors import StackError
from stressdash.text import escape

__all__ = ["forward_events"]

PATH: Final = "/stressdash/v1/forward"
ANSWER: Final = aiohttp.ClientTimeout(total=10.0)


async def forward_events(url: str, token: str, upstream: Mapping[str, str]) -> None:
    """Make an intake that runs hand on what it gets from now on.

    Args:
        url: of the intake.
        token: its secret token.
        upstream: the environment that it would be started with.

    Raises:
        StackError: it does not answer, or cannot.
    """
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=ANSWER, headers=headers) as session,
            session.put(url + PATH, json=dict(upstream), allow_redirects=False) as answer,
        ):
            said, status = await answer.text(errors="replace"), answer.status
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise StackError(f"the APM intake at {url} does not answer, so it forwards nothing") from error
    if status != 200:
        raise StackError(
            f"the APM intake that runs does not forward: {escape(said, 200)}; 'stressdash restart apm' "
            "starts one that does, and forgets what the old one holds"
        )
