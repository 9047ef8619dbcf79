"""What tests of screens share: the text on the screen, and waiting for it and for rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual._context import active_app
from textual.app import App
from textual.message_pump import MessagePump
from textual.pilot import Pilot

PATIENCE_S = 60.0
FRAME_S = 1 / 60
"""What Textual puts off, it does when it draws next, which is a timer of the same event loop."""
QUIET_ROUNDS = 5
"""A key that nobody takes goes up from widget to widget, a message each."""


def screen_text(app: App[Any]) -> str:
    """All that the terminal shows, a line each, trailing blanks cut."""
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


async def at_rest(*_: float) -> None:
    """Wait until no widget has a message to deal with, in the place of Textual's `wait_for_idle`.

    That one goes by the processor time of this process, so on a busy machine it takes waiting for a turn for
    rest, and keys overtake what earlier keys do.
    """
    app = active_app.get()
    quiet = 0
    async with asyncio.timeout(PATIENCE_S):
        while quiet < QUIET_ROUNDS and app.is_running and not app._exit:
            await asyncio.sleep(FRAME_S)
            pumps = [app, *app.screen.walk_children(with_self=True)]
            await messages_taken(app, pumps)
            quiet = 0 if any(pump.message_queue_size for pump in pumps) else quiet + 1


async def messages_taken(app: App[Any], pumps: list[MessagePump]) -> None:
    """Wait until each of them has dealt with the messages that it has now, or is gone."""
    taken: set[MessagePump] = set()

    def take(pump: MessagePump) -> None:
        taken.add(pump)

    waiting = {pump for pump in pumps if pump.call_later(take, pump)}
    while waiting and not app._exit:
        await asyncio.sleep(0)
        waiting = {pump for pump in waiting - taken if pump.is_running and not pump._closing}


async def shown(pilot: Pilot[Any]) -> None:
    """Wait for the first picture."""
    await until(pilot, lambda: "gen OK 31%" in screen_text(pilot.app) and pilot.app.focused is not None)


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Let the app run until something is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await pilot.pause(0.01)
