"""`stressdash hlog`: read an interval log of HdrHistogram, whoever wrote it."""

from __future__ import annotations

from collections.abc import Sequence

from stressdash.commands import command_parser
from stressdash.flags import Parser

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash hlog`."""
    made = command_parser("hlog")
    made.add_argument("file", metavar="FILE", help="the log, of any version; - for stdin")
    made.add_argument("--tag", metavar="T", help="only this tag; '' for the lines without one")
    made.add_argument("--json", action="store_true", help="print the figures as JSON")
    return made


def run(words: Sequence[str]) -> int:
    """Print the figures."""
    options = parser().parse_all(words)

    from stressdash.report.hlog import hlog_report
    from stressdash.stdout import write_text

    told = hlog_report(options.file, tag=options.tag, as_json=options.json)
    write_text(told)
    return 0
