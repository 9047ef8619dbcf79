"""`stressdash down`: the end of a stack, with everything that it left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from stressdash.commands import command_parser
from stressdash.flags import Parser
from stressdash.stdout import write_text
from stressdash.upkeep import Place, add_place_flags, find_stack, place_of

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash down`."""
    made = command_parser("down", "exit codes: 0 nothing runs any more, 2 bad usage, 3 it could not be ended")
    add_place_flags(made)
    made.add_argument("--data", action="store_true", help="remove what its databases stored, too")
    return made


def run(words: Sequence[str]) -> int:
    """End the stack, whoever started it; nothing to end is no error."""
    options = parser().parse_all(words)
    place = place_of(options)
    for sentence in asyncio.run(_down(place, erase=options.data)):
        write_text(f"{sentence}\n")
    return 0


async def _down(place: Place, *, erase: bool) -> list[str]:
    from stressdash.stack import open_stack
    from stressdash.stack.folder import StateFolder
    from stressdash.stack.leftovers import leftovers
    from stressdash.text import escape

    done = []
    stack = await find_stack(place)
    if stack is None:
        done.append(f"no stack runs in {place.state}")
        for backend in ("embedded", "process") if erase else ():
            await open_stack(backend, state=place.state).down(erase=True)
    else:
        names = ", ".join(one.name for one in await stack.components())
        await stack.down(erase=erase)
        done.append(f"ended {names} of the stack {stack.name} in {place.state}")
    for left in await asyncio.to_thread(leftovers, StateFolder(place.state)):
        await asyncio.to_thread(left.clear)
        done.append(f"removed {left.what}")
    if erase:
        done.append("removed the data of its databases")
    return [escape(sentence, 400) for sentence in done]
