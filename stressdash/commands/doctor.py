"""`stressdash doctor`: what could be used here, what could not, and what helps."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from stressdash.commands import command_parser
from stressdash.credentials import add_credential_flags, credential_environment, credentials_given
from stressdash.flags import Parser
from stressdash.stdout import write_text
from stressdash.upkeep import add_place_flags, place_of

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash doctor`."""
    made = command_parser(
        "doctor", "exit codes: 0 what was asked for can be used, 2 bad usage, 3 something cannot"
    )
    add_place_flags(made)
    add = made.add_argument
    add("--target", metavar="URL", help="a service that runs already")
    add("--elasticsearch", metavar="URL", help="where APM data is")
    add_credential_flags(add)
    add("--dsn", metavar="NAME", help="environment variable that holds the DSN of the target's database")
    add("--json", action="store_true", help="print it for programs")
    return made


def run(words: Sequence[str]) -> int:
    """Print the findings; 3 when something that was asked for cannot be used."""
    options = parser().parse_all(words)
    place = place_of(options)

    from stressdash.doctor import Asked, examine
    from stressdash.load.target import parse_url
    from stressdash.settings import dsn_in

    if options.target is not None:
        parse_url(options.target)
    dsn = dsn_in(options.dsn, os.environ)
    environ = credential_environment(credentials_given(options), os.environ)
    asked = Asked(place.backend, place.state, options.target, options.elasticsearch, dsn, environ)
    examined = asyncio.run(examine(asked))
    write_text(examined.json() if options.json else examined.text())
    return 0 if examined.ok else 3
