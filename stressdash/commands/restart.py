"""`stressdash restart`: one component, or all of them in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from stressdash.commands import command_parser
from stressdash.flags import Parser
from stressdash.stdout import write_text
from stressdash.upkeep import Place, Told, add_place_flags, attached, narrate, place_of, told

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash restart`."""
    made = command_parser("restart", "exit codes: 0 it runs again, 2 no such component, 3 it does not")
    made.add_argument("component", metavar="COMPONENT", nargs="?", help="which one (default: all)")
    add_place_flags(made)
    return made


def run(words: Sequence[str]) -> int:
    """Restart, wait until it is ready, and print what runs."""
    options = parser().parse_all(words)
    now = asyncio.run(_restart(place_of(options), options.component))
    write_text(now.text())
    return 0 if now.runs else 3


async def _restart(place: Place, component: str | None) -> Told:
    stack = await attached(place)
    try:
        # Components stand with the service first; it starts last, when what it needs is there.
        names = [component] if component else [one.name for one in reversed(await stack.components())]
        for name in names:
            narrate(f"restarting {name}")
            await stack.action(name, "restart")
        return await told(stack, place)
    finally:
        await stack.close()
