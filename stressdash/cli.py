"""The command line: flags in, settings out; starts the dashboard or a headless run.

Imports the rest lazily, so that `--help` answers at once. stdout carries data, stderr narration. Every
`StressdashError` ends as its one sentence and its exit code.
"""

from __future__ import annotations

import argparse
import select
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from stressdash import __version__
from stressdash.commands import COMMANDS, EXIT_CODES, load_command
from stressdash.errors import EngineError, StressdashError, UsageError
from stressdash.flags import Parser, add_load_flags, hint_for, settings_of
from stressdash.stdout import replace_closed_streams

if TYPE_CHECKING:
    from stressdash.session import Session

__all__ = ["dashboard_parser", "main"]

ABOUT: Final = "Puts a service under load; shows what breaks, why, and whether the fix helped."
EXAMPLES: Final = """\
examples:
  stressdash --scenario act1                 the dashboard on an example
  stressdash --target http://127.0.0.1:8080  the dashboard on a service of yours
  stressdash run http://127.0.0.1:8080 -c 100 -d 30s
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    replace_closed_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _refuse_other_systems(words)
        if words and words[0] in COMMANDS:
            return load_command(words[0]).run(words[1:])
        if words and not words[0].startswith("-"):
            raise UsageError(_unknown_command(words[0]))
        return _dashboard(words)
    except StressdashError as error:
        from stressdash.dashboard import tell_error

        return tell_error(error)
    except KeyboardInterrupt:
        return 130


def _refuse_other_systems(words: Sequence[str]) -> None:
    """Only help and version can be had where the engine cannot poll."""
    if not hasattr(select, "epoll") and not {"-h", "--help", "--version"}.intersection(words):
        raise EngineError(
            f"the load engine needs Linux: it polls with epoll, and {sys.platform} has none; "
            "run it in a Linux container or virtual machine"
        )


def _unknown_command(word: str) -> str:
    hint = hint_for(word, COMMANDS, f"a scenario or URL is loaded by 'stressdash run {word}'")
    return f"unknown command {word!r}; {hint}"


def dashboard_parser() -> Parser:
    """Flags of `stressdash` without a command."""
    column = max(map(len, COMMANDS)) + 2
    commands = "\n".join(f"  {name:<{column}}{text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog="stressdash",
        usage="stressdash [FLAG]...            the dashboard\n       stressdash COMMAND [WORD]...",
        description=f"{ABOUT}\n\ncommands:\n{commands}\n\n{EXAMPLES}",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"stressdash {__version__}", help="print the version")
    add("--scenario", metavar="NAME|FILE", default="act1", help="what s starts (default: act1)")
    add("--target", metavar="URL", help="load this URL instead of a scenario")
    add_load_flags(parser)
    return parser


def _dashboard(words: Sequence[str]) -> int:
    options = dashboard_parser().parse_all(words)
    options.target = options.target or options.scenario
    settings, scenario = settings_of(options)

    from stressdash.dashboard import show_dashboard

    def make() -> Session:
        from stressdash.session import make_session

        return make_session(settings, scenario)

    return show_dashboard(make)


if __name__ == "__main__":
    sys.exit(main())
