"""Follows what happens to a project's containers, so that they are looked at when there is something to see.

The stream of events blocks, so it has a thread of its own; a stream that breaks is opened again, slower from
time to time. While there is none, every look is taken to be worth while.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from stressdash.errors import StackError

__all__ = ["DockerWatch"]

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 10.0
QUIET: Final = frozenset({"top", "exec_create", "exec_start", "exec_die", "attach", "resize"})
"""Events that change nothing; health checks are made of them."""

Listen = Callable[[], tuple[Iterator[Mapping[str, Any]], Callable[[], None]]]


class DockerWatch:
    """Tells whether something has happened.

    Args:
        listen: opens the stream and gives it with what closes it; raises `StackError`.
    """

    def __init__(self, listen: Listen) -> None:
        self._listen = listen
        self._news = threading.Event()
        self._ended = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None
        self.listening = False
        """Whether events would be heard now."""

    def start(self) -> None:
        """Begin to listen; idempotent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="docker-events", daemon=True)
            self._thread.start()

    def take(self) -> bool:
        """Whether anything may have happened since this was asked last."""
        if self._news.is_set():
            self._news.clear()
            return True
        return not self.listening

    def close(self) -> None:
        """Stop listening."""
        self._ended.set()
        self._stop()
        if self._thread is not None:
            self._thread.join(LONGEST_PAUSE_S)

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._ended.is_set():
            with suppress(StackError, OSError, ValueError):  # it ended under our hands
                stream, self._stop = self._listen()
                self._news.set()  # whatever happened before
                self.listening = True
                pause_s = FIRST_PAUSE_S
                if self._ended.is_set():
                    self._stop()
                for event in stream:
                    if str(event.get("Action", "")).partition(":")[0] not in QUIET:
                        self._news.set()
                    if self._ended.is_set():
                        break
            self.listening = False
            with suppress(OSError):
                self._stop()
            self._ended.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
