"""stressdash with a probe in its event loop: `LAG_FILE=PATH python -m benchmarks.lagged FLAGS...`.

A timer asks to be called every 10 ms; how late it is called is the lag. About once a second the file gets one
more line of JSON: the lags since the last line, in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from stressdash.cli import main

EVERY_S = 0.010


class Probe:
    """Measures one loop from its first turn to its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, path: str) -> None:
        self._loop = loop
        self._path = path
        self._lags_ms: list[float] = []
        self._ask()

    def _ask(self) -> None:
        self._due_s = self._loop.time() + EVERY_S
        self._loop.call_at(self._due_s, self._called)

    def _called(self) -> None:
        self._lags_ms.append(round((self._loop.time() - self._due_s) * 1e3, 3))
        if len(self._lags_ms) * EVERY_S >= 1:
            with Path(self._path).open("a") as file:
                file.write(json.dumps(self._lags_ms) + "\n")
            self._lags_ms.clear()
        self._ask()


class ProbedLoops(asyncio.DefaultEventLoopPolicy):
    """Event loops that carry a probe."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        Probe(loop, os.environ["LAG_FILE"])
        return loop


if __name__ == "__main__":
    asyncio.set_event_loop_policy(ProbedLoops())
    sys.exit(main())
