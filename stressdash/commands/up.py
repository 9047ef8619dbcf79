"""`stressdash up`: a stack that runs until `stressdash down`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from stressdash.commands import command_parser
from stressdash.credentials import add_credential_flags, credential_environment, credentials_given
from stressdash.flags import Parser, parse_knobs
from stressdash.stdout import write_text
from stressdash.upkeep import Place, Told, add_place_flags, narrate, place_of, told

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash up`."""
    made = command_parser("up", "exit codes: 0 everything runs, 2 bad usage, 3 it could not be started")
    add_place_flags(made)
    add = made.add_argument
    add("--knob", metavar="NAME=VALUE", action="append", default=[], help="turn a knob; may be repeated")
    add("--forward", metavar="URL", help="hand what the APM intake gets on to this Elasticsearch")
    add_credential_flags(add)
    add("--json", action="store_true", help="print what runs for programs")
    add("--quiet", action="store_true", help="do not tell what happens")
    return made


def run(words: Sequence[str]) -> int:
    """Start what does not run, adopt what does, and leave all of it running."""
    from stressdash.apm.connection import forwarding
    from stressdash.settings import resolve

    options = parser().parse_all(words)
    environ = credential_environment(credentials_given(options), os.environ)
    if options.forward is not None:
        resolve({"forward": ("--forward", options.forward)})  # a slip of the pen costs no start
    place, knobs = place_of(options), parse_knobs(options.knob)
    now = asyncio.run(_up(place, knobs, forwarding(options.forward, environ), quiet=options.quiet))
    write_text(now.json() if options.json else now.text())
    return 0


async def _up(
    place: Place, knobs: Mapping[str, str], forward: Mapping[str, str] | None, *, quiet: bool
) -> Told:
    from stressdash.errors import UsageError
    from stressdash.stack import choose, open_stack
    from stressdash.stack.knobs import EVERY_KNOB, find
    from stressdash.stack.turns import turn_knobs

    choice = await asyncio.to_thread(choose, place.backend, state=place.state)
    if choice.backend == "external":
        raise UsageError(
            "an external stack is run by somebody else; 'stressdash --target URL' attaches to it"
        )
    for name, value in knobs.items():
        find(EVERY_KNOB, name).parse(value)  # a slip of the pen costs no start
    tell = (lambda _: None) if quiet else narrate
    if choice.why:
        tell(choice.sentence)
    stack = open_stack(choice.backend, state=place.state, forward=forward)
    kept = False
    try:
        await stack.up(tell)
        await turn_knobs(stack, knobs)
        now = await told(stack, place, choice.why)
        kept = True
    finally:
        await stack.close(keep=kept)
    return replace(now, kept=True)
