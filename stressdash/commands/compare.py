"""`stressdash compare`: two settings side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from stressdash.commands import command_parser
from stressdash.flags import Parser

__all__ = ["parser", "run"]

REGRESSION_HELP = "exit with 4 when a metric got worse by more, for instance p99:5%%; may be repeated"


def parser() -> Parser:
    """Flags of `stressdash compare`."""
    made = command_parser(
        "compare", "exit codes: 0 compared, 2 bad input, 4 a regression, 6 too few repeats to decide"
    )
    add = made.add_argument
    add("before", metavar="BEFORE", help="JSON reports of run --json, separated by commas")
    add("after", metavar="AFTER", help="the same of the other setting")
    add("--paired", action="store_true", help="the runs were interleaved: A B A B ...")
    add("--fail-on-regression", metavar="LIMIT", action="append", default=[], help=REGRESSION_HELP)
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print it for programs")
    form.add_argument("--markdown", action="store_true", help="print it for a CI system")
    return made


def run(words: Sequence[str]) -> int:
    """Print the comparison; 4 for a regression, 6 when there are too few repeats to decide."""
    options = parser().parse_all(words)

    from stressdash.report.comparison import compare_reports, parse_limit, read_reports

    compared = compare_reports(
        read_reports(options.before),
        read_reports(options.after),
        paired=options.paired,
        limits=[parse_limit(text) for text in options.fail_on_regression],
    )
    sys.stdout.write(compared.json() if options.json else compared.text(markdown=options.markdown))
    return compared.exit_code
