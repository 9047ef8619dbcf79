"""`stressdash logs`: what the components say, as far back as it is kept."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from stressdash.commands import command_parser
from stressdash.flags import Parser, parsed
from stressdash.upkeep import add_place_flags, attached, place_of

if TYPE_CHECKING:
    from stressdash.samples import LogLine
    from stressdash.stack.backend import Stack

__all__ = ["parser", "run"]

POLL_S: Final = 0.2
COMPONENT_WIDTH: Final = 13


def parser() -> Parser:
    """Flags of `stressdash logs`."""
    made = command_parser("logs", "exit codes: 0 printed, 2 bad usage, 3 no stack runs there")
    add = made.add_argument
    add("components", metavar="COMPONENT", nargs="*", help="whose (default: all)")
    add_place_flags(made)
    add("-f", "--follow", action="store_true", help="go on until interrupted or the stack ends")
    add("--since", metavar="TIME", help="only lines of the last, for instance, 30s or 10m")
    add("--grep", metavar="PATTERN", help="only lines that match this regular expression")
    return made


def run(words: Sequence[str]) -> int:
    """Print lines in the order of their time, everything unprintable made visible."""
    from stressdash.errors import BadInput
    from stressdash.quantities import parse_duration

    options = parser().parse_all(words)
    try:
        pattern = re.compile(options.grep or "")
    except re.error as error:
        raise BadInput(f"--grep: {options.grep!r} is no regular expression: {error}") from error
    since_ms = 0
    if options.since is not None:
        seconds = parsed("--since", parse_duration, options.since)
        since_ms = int((time.time() - seconds) * 1_000)

    def wanted(line: LogLine) -> bool:
        return line.at_ms >= since_ms and pattern.search(line.text) is not None

    async def work() -> None:
        stack = await attached(place_of(options))
        try:
            await _print(stack, tuple(options.components), wanted, follow=options.follow)
        finally:
            await stack.close()

    asyncio.run(work())
    return 0


async def _print(
    stack: Stack, names: tuple[str, ...], wanted: Callable[[LogLine], bool], *, follow: bool
) -> None:
    from stressdash.stack.link import LinkLost
    from stressdash.stdout import write_text

    seen = dict.fromkeys(names or [one.name for one in await stack.components()], 0)
    while True:
        lines: list[LogLine] = []
        text = ""
        for name, after in seen.items():
            try:
                new = await stack.logs(name, after)
            except LinkLost:
                sys.stderr.write("the stack has ended\n")
                return
            if after and new and (skipped := new[0].sequence - after - 1):
                text += f"... {skipped:,} lines of {name} came faster than they are kept\n"
            seen[name] = new[-1].sequence if new else after
            lines += filter(wanted, new)
        text += "".join(_shown(line) for line in sorted(lines, key=lambda line: line.at_ms))
        if text and not write_text(text):
            return
        if not follow:
            return
        await asyncio.sleep(POLL_S)


def _shown(line: LogLine) -> str:
    from stressdash.text import escape

    at = datetime.fromtimestamp(line.at_ms / 1_000).astimezone()
    stamp = f"{at:%Y-%m-%d %H:%M:%S}.{line.at_ms % 1_000:03d}"
    return f"{stamp} {line.component:<{COMPONENT_WIDTH}} {escape(line.text)}\n"
