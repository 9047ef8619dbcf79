"""`stressdash status`: what runs, how well, and who uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from stressdash.commands import command_parser
from stressdash.flags import Parser
from stressdash.stdout import write_text
from stressdash.upkeep import Place, Told, add_place_flags, attached, place_of, told

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash status`."""
    made = command_parser("status", "exit codes: 0 everything runs, 2 bad usage, 3 not everything runs")
    add_place_flags(made)
    made.add_argument("--json", action="store_true", help="print it for programs, with the knobs")
    return made


def run(words: Sequence[str]) -> int:
    """Print it; 3 unless every component runs."""
    options = parser().parse_all(words)
    now = asyncio.run(_status(place_of(options)))
    write_text(now.json() if options.json else now.text())
    return 0 if now.runs else 3


async def _status(place: Place) -> Told:
    stack = await attached(place)
    try:
        return await told(stack, place)
    finally:
        await stack.close()
