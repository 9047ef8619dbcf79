"""The commands of the shell: one module each, with `parser()` for its flags and `run(words)` for its work.

A command's module imports the rest lazily, within `run`, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import Final, Protocol, cast

from stressdash.flags import Parser

__all__ = ["COMMANDS", "EXIT_CODES", "Command", "command_parser", "load_command"]

COMMANDS: Final = {
    "run": "load a scenario or URL without the dashboard, and print the result",
    "up": "start service, database and APM, and leave them running",
    "down": "end what 'up' started, or what a killed stressdash left behind",
    "status": "tell what runs, how well, and who uses it",
    "logs": "print what the components say",
    "restart": "restart one component or all",
    "tour": "play the three acts in the dashboard, and say what to look at",
    "replay": "open the dashboard on a run that was recorded",
    "runs": "list, show, tag, delete, export and import the runs on disk",
    "doctor": "tell what can be used here, what cannot, and what helps",
    "compare": "tell how runs of two settings differ, and how sure that is",
    "experiment": "run values of a knob in turn and tell whether they differ",
    "knee": "find where throughput peaks, and the most under an objective",
    "init": "write a commented scenario file to start from",
    "hlog": "tell what an HdrHistogram interval log holds, tag by tag",
}
"""Name of each command, which is also its module here, and what it does."""

EXIT_CODES: Final = """\
exit codes:
  0    passed
  2    bad usage or input
  3    the stack or the target could not be used
  4    a threshold failed, or a stop rule ended the run
  5    void: the measurement cannot be trusted
  130  interrupted
"""


class Command(Protocol):
    """What a module of this package offers."""

    @staticmethod
    def parser() -> Parser:
        """Flags of the command."""

    @staticmethod
    def run(words: Sequence[str]) -> int:
        """Do it with the words after its name; the exit code.

        Raises:
            StressdashError: it cannot be done; the sentence is for the user.
        """


def load_command(name: str) -> Command:
    """Module of a command in `COMMANDS`."""
    return cast("Command", importlib.import_module(f"{__name__}.{name}"))


def command_parser(name: str, epilog: str | None = None, usage: str | None = None) -> Parser:
    """An empty parser for the command of this name; `usage` instead of a list of all flags."""
    return Parser(
        prog=f"stressdash {name}",
        usage=None if usage is None else f"stressdash {name} {usage}",
        description=f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
