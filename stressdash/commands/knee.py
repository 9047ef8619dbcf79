"""`stressdash knee`: where throughput peaks."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from stressdash.commands import command_parser
from stressdash.flags import Parser

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash knee`."""
    made = command_parser("knee")
    made.add_argument("--from-csv", metavar="FILE", required=True, help="lines of 'concurrency,throughput'")
    made.add_argument("--json", action="store_true", help="print the fit as JSON")
    return made


def run(words: Sequence[str]) -> int:
    """Print the fit."""
    options = parser().parse_all(words)

    from stressdash.report.knee import knee_report

    sys.stdout.write(knee_report(options.from_csv, as_json=options.json))
    return 0
