"""`stressdash compare`: two settings side by side."""

from __future__ import annotations

import sys
from argparse import BooleanOptionalAction
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import Final

from stressdash.commands import command_parser
from stressdash.flags import Parser
from stressdash.stdout import write_text

__all__ = ["parser", "run"]

SIDES: Final = ("before", "after")
NAME: Final = 24
"""Longest name of a side that heads a column."""
REGRESSION_HELP: Final = "exit with 4 when one got worse by more than this, such as p99:5%%; may be repeated"


def parser() -> Parser:
    """Flags of `stressdash compare`."""
    made = command_parser(
        "compare", "exit codes: 0 compared, 2 bad input, 4 a regression, 6 too few repeats to decide"
    )
    add = made.add_argument
    add("before", metavar="BEFORE", help="runs (number, id, tag, last) or JSON reports, separated by commas")
    add("after", metavar="AFTER", help="the same of the other setting")
    add(
        "--paired",
        action=BooleanOptionalAction,
        help="the runs were interleaved, A B A B ... (default: as their times tell)",
    )
    add("--fail-on-regression", metavar="LIMIT", action="append", default=[], help=REGRESSION_HELP)
    add("--html", metavar="FILE", help="write a page with overlaid charts")
    add("--state", metavar="DIR", type=Path, help="folder in which the runs lie")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print it for programs")
    form.add_argument("--markdown", action="store_true", help="print it for a CI system")
    return made


def run(words: Sequence[str]) -> int:
    """Print the comparison; 4 for a regression, 6 when there are too few repeats to decide."""
    options = parser().parse_all(words)

    from stressdash.report.compare_html import comparison_page
    from stressdash.report.compare_text import comparison_charts, comparison_text, verdict_line
    from stressdash.report.comparison import compare_reports, in_turns, parse_limit
    from stressdash.report.reading import read_reports
    from stressdash.session.export import write_file
    from stressdash.settings import state_to_read

    limits = [parse_limit(limit) for limit in options.fail_on_regression]
    state = state_to_read(options.state)
    before, after = (read_reports(names, state) for names in (options.before, options.after))
    paired = in_turns(before, after) if options.paired is None else options.paired
    said = (options.before, options.after)
    names = said if max(map(len, said)) <= NAME else SIDES
    compared = compare_reports(before, after, paired=paired, limits=limits, names=names)
    if options.html is not None:
        write_file(Path(options.html), comparison_page(compared, before, after).encode())
    if options.json:
        write_text(compared.json())
    else:
        write_text(comparison_text(compared, markdown=options.markdown))
        write_text("\n" + verdict_line(compared, markdown=options.markdown) + "\n")
        if sys.stdout.isatty() and not options.markdown:
            write_text("\n" + comparison_charts(before, after, names, get_terminal_size().columns))
    return compared.exit_code
