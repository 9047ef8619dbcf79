"""What a command without a screen tells while it works, on stderr, and who hears that it should end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from stressdash.session import Session
from stressdash.snapshot import RunState, Snapshot
from stressdash.text import clock, duration_us, escape, percent, rate

__all__ = ["Progress", "on_signal"]

TICK_S: Final = 0.25
WIDTH: Final = 78


class Progress:
    """One line on stderr, rewritten in place; nothing when stderr is not a terminal."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._prefix = ""

    def say(self, text: str) -> None:
        """Show a sentence."""
        if self._shown:
            sys.stderr.write(f"\r\x1b[2K{escape(self._prefix + text, WIDTH)}")
            sys.stderr.flush()

    def begin(self, prefix: str) -> None:
        """Show this before every sentence from now on."""
        self._prefix = prefix

    def clear(self) -> None:
        """Leave no trace of the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    @contextlib.asynccontextmanager
    async def following(self, session: Session) -> AsyncIterator[None]:
        """While inside, show the run's figures."""
        task = asyncio.create_task(self._follow(session))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self, session: Session) -> None:
        while True:
            if session.loading:
                self.say(_line(session.snapshot(span_s=1.0)))
            await asyncio.sleep(TICK_S)


@contextlib.contextmanager
def on_signal(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call this for every signal that asks the process to end."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _line(snapshot: Snapshot) -> str:
    if snapshot.state is RunState.DRAINING:
        return "load has stopped; waiting for answers, APM and the audit"
    client = snapshot.client
    spans = clock(int(snapshot.elapsed_s))
    if snapshot.duration_s is not None:
        spans += f"/{clock(snapshot.duration_s)}"
    return (
        f"{spans}  {rate(client.requests_per_s)} req/s  ok {rate(client.goodput_per_s)}/s  "
        f"p50 {duration_us(client.p50_us)}  p99 {duration_us(client.p99_us)}  "
        f"fail {percent(client.failed_share)}"
    )
