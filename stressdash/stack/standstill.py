"""A process that stands still, with all that it has started, for no longer than its owner wants or lives.

What stands still cannot see that its owner is gone. So a sentry watches instead: a shell that waits for the
end of its standard input, which only the owner holds, and then lets the processes go on.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Final, Self

__all__ = ["Standstill"]

SENTRY: Final = 'read -r _; kill -s CONT -- "-$0"'


class Standstill:
    """One process group that stands still. Made by `begin`."""

    def __init__(self, sentry: asyncio.subprocess.Process) -> None:
        self._sentry = sentry

    @classmethod
    async def begin(cls, group: int) -> Self:
        """Stop every process of a group.

        Raises:
            ProcessLookupError: there is none.
        """
        sentry = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", SENTRY, str(group)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        still = cls(sentry)
        try:
            os.killpg(group, signal.SIGSTOP)
        except ProcessLookupError:
            still.release()
            raise
        return still

    def release(self) -> None:
        """Let them go on, in a moment."""
        assert self._sentry.stdin is not None
        self._sentry.stdin.close()

    async def end(self) -> None:
        """Let them go on."""
        self.release()
        await self._sentry.wait()
