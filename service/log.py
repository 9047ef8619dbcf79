"""Log lines on standard error: one line each, no control characters, few a second.

In one second a line appears once, and at most ten different ones appear. What was left out is counted, and
the next line that passes tells the count.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TextIO

__all__ = ["LineFormatter", "RateLimit", "configure"]

LINES_PER_SECOND = 10


class LineFormatter(logging.Formatter):
    """Level, logger and message on one line; tracebacks shrink to their last line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, its control characters escaped."""
        text = f"{record.levelname.lower()} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({type(record.exc_info[1]).__name__}: {record.exc_info[1]})"
        suppressed = getattr(record, "suppressed", 0)
        if suppressed:
            text += f" (and {suppressed} lines not shown)"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class RateLimit(logging.Filter):
    """Lets a number of different records a second pass; `clock` gives seconds."""

    def __init__(self, per_second: int, clock: Callable[[], float]) -> None:
        super().__init__()
        self._per_second = per_second
        self._clock = clock
        self._second = -1
        self._passed: set[str] = set()
        self._suppressed = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is written."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._passed.clear()
        text = record.getMessage()
        if text in self._passed or len(self._passed) >= self._per_second:
            self._suppressed += 1
            return False
        self._passed.add(text)
        record.suppressed, self._suppressed = self._suppressed, 0
        return True


def configure(stream: TextIO, clock: Callable[[], float]) -> None:
    """Send everything from WARNING on to a stream, in this module's form; `clock` gives seconds."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    handler.addFilter(RateLimit(LINES_PER_SECOND, clock))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # asyncmy repeats the server's notes (a table exists already); the agent tells how urllib3's retries end.
    for chatty in ("asyncmy", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
