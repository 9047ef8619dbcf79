"""What tests of screens share: the text on the screen, and waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.pilot import Pilot

PATIENCE_S = 30.0


def screen_text(app: App[Any]) -> str:
    """All that the terminal shows, a line each, trailing blanks cut."""
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


async def shown(pilot: Pilot[Any]) -> None:
    """Wait for the first picture."""
    await until(pilot, lambda: "gen OK 31%" in screen_text(pilot.app) and pilot.app.focused is not None)


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Let the app run until something is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await pilot.pause(0.01)
