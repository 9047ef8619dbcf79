"""The dashboard on this terminal: a session beneath the screens, until one of them quits.

What the screens need is imported in the guarded child only, so that the guard stays small.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from stressdash.errors import StressdashError, UsageError
from stressdash.terminal import guarded
from stressdash.text import escape

if TYPE_CHECKING:
    from stressdash.session import Session
    from stressdash.tui.app import StressdashApp

__all__ = ["show_dashboard", "tell_error"]

INTERRUPTED: Final = 130
FIXED_SIZE: Final = ("COLUMNS", "LINES")
"""Variables that stand for the size of the terminal, also after it has changed; readline sets them."""
PATIENCE_S: Final = 1.0
CLOSING: Final = "stressdash: ending the load and what was started for it …"
"""Told when that takes longer than a moment: the screens are gone by then."""


def show_dashboard(make: Callable[[], Session], *, tour: bool = False) -> int:
    """Show the session that `make` gives until the user quits; the exit code. `tour` leads through it.

    Raises:
        UsageError: stdin and stdout are no terminal, or one of which nothing is known.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the dashboard needs a terminal; 'stressdash run act1' does the same without one")
    if (kind := os.environ.get("TERM", "")) in ("", "dumb"):
        told = f"the terminal tells too little of itself (TERM={kind}); set TERM to its name"
        raise UsageError(f"{told}, or use 'stressdash run act1'")
    return guarded(lambda guard: _child(make, guard, tour=tour))


def tell_error(error: StressdashError) -> int:
    """Write the one sentence of an error to stderr; its exit code."""
    sys.stderr.write(f"stressdash: {escape(str(error), 2_000)}\n")
    return error.exit_code


def _child(make: Callable[[], Session], guard: int, *, tour: bool) -> int:
    try:
        gc.disable()  # imports make 100,000 objects that stay: to look for garbage takes a tenth of the start
        from stressdash.session.shelf import Shelf
        from stressdash.tui.app import StressdashApp
        from stressdash.tui.tour import Tour

        session = make()
        gc.freeze()
        gc.enable()
        for name in FIXED_SIZE:
            os.environ.pop(name, None)
        app = StressdashApp(session, Shelf(session.settings.state), Tour() if tour else None)
        return asyncio.run(_show(app, session, guard))
    except StressdashError as error:
        return tell_error(error)


async def _show(app: StressdashApp, session: Session, guard: int) -> int:
    """Run until it is quit, or until the descriptor `guard` reaches its end."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, partial(app.exit, return_code=INTERRUPTED))
    loop.add_reader(guard, app.exit)
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, app.exit)
    opening = asyncio.create_task(session.open())
    opening.add_done_callback(lambda task: _leave_on_defect(task, app))
    try:
        await app.run_async()
    finally:
        loop.remove_reader(guard)
        opening.cancel()
        try:
            with contextlib.suppress(StressdashError, asyncio.CancelledError):
                await opening
        finally:
            telling = loop.call_later(PATIENCE_S, sys.stderr.write, f"{CLOSING}\n")
            await session.close()
            telling.cancel()
    return app.return_code or 0


def _leave_on_defect(opening: asyncio.Task[None], app: StressdashApp) -> None:
    """What no screen can explain ends the dashboard, so that it is seen."""
    if not opening.cancelled() and not isinstance(opening.exception(), (StressdashError, type(None))):
        app.exit()
