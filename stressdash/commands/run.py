"""`stressdash run`: load without the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stressdash.commands import EXIT_CODES, command_parser
from stressdash.flags import Parser, add_load_flags, parsed, settings_of

__all__ = ["parser", "run"]

THRESHOLD_HELP = "what the run must hold, for instance 'p(99)<200' or 'failed:rate<1%%'; may be repeated"


def parser() -> Parser:
    """Flags of `stressdash run`."""
    made = command_parser("run", EXIT_CODES, "SCENARIO|URL [FLAG]... [-- WORD...]")
    add = made.add_argument
    add("target", metavar="SCENARIO|URL", help="act1, act2, act3, a .toml file, or an http URL")
    add_load_flags(made)
    add = made.add_argument_group("results").add_argument
    add("--json", metavar="FILE|-", help="write the run as JSON; - for stdout")
    add("--html", metavar="FILE", help="write a report that opens in a browser")
    add("--junit", metavar="FILE", help="write thresholds and verdict as JUnit XML")
    add("--threshold", metavar="EXPR", action="append", default=[], help=THRESHOLD_HELP)
    add("--abort-on-fail", action="store_true", help="end the run as soon as a --threshold does not hold")
    add(
        "--abort-delay",
        metavar="TIME",
        default="0s",
        help="with --abort-on-fail: not before so much measured time",
    )
    add("--markdown", metavar="FILE", help="append the result for a CI system, such as $GITHUB_STEP_SUMMARY")
    add(
        "--hlog",
        metavar="FILE",
        type=Path,
        help="latencies as an HdrHistogram interval log, second by second",
    )
    add("--csv", metavar="FILE", type=Path, help="figures of each tenth of a second, as CSV")
    add("--jsonl", metavar="FILE", type=Path, help="the same as JSON lines, with statuses and faults")
    add("--quiet", action="store_true", help="no progress line")
    return made


def run(words: Sequence[str]) -> int:
    """Run it and print the summary or the JSON."""
    options = parser().parse_all(words)
    settings, scenario = settings_of(options)
    settings = replace(settings, hlog=options.hlog, csv=options.csv, jsonl=options.jsonl)

    from stressdash.headless import Outputs, run_headless
    from stressdash.metrics.thresholds import parse_threshold
    from stressdash.quantities import parse_duration

    delay_s = parsed("--abort-delay", parse_duration, options.abort_delay)
    thresholds = tuple(
        parse_threshold(text, abort_on_fail=options.abort_on_fail, delay_s=delay_s)
        for text in options.threshold
    )
    outputs = Outputs(
        json=options.json,
        html=options.html,
        junit=options.junit,
        markdown=options.markdown,
        quiet=options.quiet,
    )
    return run_headless(settings, scenario, outputs, thresholds)
