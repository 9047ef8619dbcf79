"""A port that stays a component's own over all its lives, also while it is down.

The system gives a free port to whoever asks for any. On Linux a socket that is bound and never listens keeps
it from doing so, and is in nobody's way who binds the port on purpose with SO_REUSEADDR, as servers do.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from contextlib import suppress
from typing import Final

__all__ = ["Reservation"]

PATIENCE_S: Final = 5.0
"""How long a component of a killed supervisor may take to let go of the port."""
POLL_S: Final = 0.02
LOOPBACK: Final = "127.0.0.1"


class Reservation:
    """One port, or none yet."""

    def __init__(self) -> None:
        self._port = 0
        self._socket: socket.socket | None = None

    async def take(self, port: int) -> int:
        """Reserve a port, 0 for any, and give its number.

        One that somebody else holds is waited for, and then left to them: the component will tell.
        """
        if self._port and port in (0, self._port):
            return self._port
        self.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not self._bind(port):  # noqa: ASYNC110  another process has no event
                    await asyncio.sleep(POLL_S)
        return self._port or port

    def close(self) -> None:
        """Leave it to others."""
        kept, self._socket, self._port = self._socket, None, 0
        if kept is not None:
            kept.close()

    def _bind(self, port: int) -> bool:
        """Whether that is done, or never will be."""
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((LOOPBACK, port))
        except OSError as error:
            bound.close()
            return error.errno != errno.EADDRINUSE
        self._port = int(bound.getsockname()[1])
        if sys.platform == "linux":
            self._socket = bound
        else:  # there it would be in the component's way
            bound.close()
        return True
