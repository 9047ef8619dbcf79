"""The command line: flags in, settings out; starts the dashboard or a headless run.

Imports the rest lazily, so that `--help` answers at once. stdout carries data, stderr narration. Every
`StressdashError` ends as its one sentence and its exit code.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stressdash import __version__
from stressdash.errors import StressdashError, UsageError
from stressdash.flags import Parser, add_load_flags, settings_of

if TYPE_CHECKING:
    from stressdash.scenario import Scenario
    from stressdash.settings import Settings

__all__ = ["compare_parser", "dashboard_parser", "knee_parser", "main", "run_parser"]

COMMANDS = {
    "run": "load a scenario or a URL without the dashboard and print what was seen",
    "compare": "hold the JSON reports of two settings against each other",
    "knee": "find where throughput peaks, from measured pairs of concurrency and throughput",
}

THRESHOLD_HELP = "what the run must hold, for instance 'p(99)<200' or 'failed:rate<1%%'; may be repeated"
REGRESSION_HELP = "exit with 4 when a metric got worse by more, for instance p99:5%%; may be repeated"

EXIT_CODES = """\
exit codes:
  0    passed
  2    bad usage or input
  3    the stack or the target could not be used
  4    a threshold failed
  5    void: the measurement cannot be trusted
  130  interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in (commands := {"run": _run, "compare": _compare, "knee": _knee}):
            return commands[words[0]](words[1:])
        if words and not words[0].startswith("-"):
            raise UsageError(_unknown_command(words[0]))
        return _dashboard(words)
    except StressdashError as error:
        return _fail(error)
    except KeyboardInterrupt:
        return 130


def _fail(error: StressdashError) -> int:
    from stressdash.text import escape

    sys.stderr.write(f"stressdash: {escape(str(error), 2_000)}\n")
    return error.exit_code


def _unknown_command(word: str) -> str:
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    if near:
        return f"unknown command {word!r}; did you mean {near[0]!r}?"
    return f"unknown command {word!r}; a scenario or URL is loaded by 'stressdash run {word}'"


def run_parser() -> Parser:
    """Flags of `stressdash run`."""
    parser = _parser("run", EXIT_CODES)
    add = parser.add_argument
    add("target", metavar="SCENARIO|URL", help="act1, act2, act3, a .toml file, or an http URL")
    add_load_flags(parser)
    add("--json", metavar="FILE|-", help="write the run as JSON; - for stdout")
    add("--html", metavar="FILE", help="write a report that opens in a browser")
    add("--junit", metavar="FILE", help="write thresholds and verdict as JUnit XML")
    add("--threshold", metavar="EXPR", action="append", default=[], help=THRESHOLD_HELP)
    add("--quiet", action="store_true", help="no progress line")
    return parser


def compare_parser() -> Parser:
    """Flags of `stressdash compare`."""
    parser = _parser(
        "compare", "exit codes: 0 compared, 2 bad input, 4 a regression, 6 too few repeats to decide"
    )
    add = parser.add_argument
    add("before", metavar="BEFORE", help="JSON reports of run --json, separated by commas")
    add("after", metavar="AFTER", help="the same of the other setting")
    add("--paired", action="store_true", help="the runs were interleaved: A B A B ...")
    add("--fail-on-regression", metavar="LIMIT", action="append", default=[], help=REGRESSION_HELP)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print it for programs")
    form.add_argument("--markdown", action="store_true", help="print it for a CI system")
    return parser


def knee_parser() -> Parser:
    """Flags of `stressdash knee`."""
    parser = _parser("knee")
    parser.add_argument("--from-csv", metavar="FILE", required=True, help="lines of 'concurrency,throughput'")
    parser.add_argument("--json", action="store_true", help="print the fit as JSON")
    return parser


def dashboard_parser() -> Parser:
    """Flags of `stressdash` without a command."""
    commands = "\n".join(f"  {name:<9}{text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog="stressdash",
        description="Puts a service under load and shows what breaks, why, and whether the fix helped.",
        epilog=f"commands:\n{commands}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"stressdash {__version__}", help="print the version")
    add("--scenario", metavar="NAME|FILE", default="act1", help="what s starts (default: act1)")
    add("--target", metavar="URL", help="load this URL instead of a scenario")
    add_load_flags(parser)
    return parser


def _parser(command: str, epilog: str | None = None) -> Parser:
    return Parser(
        prog=f"stressdash {command}",
        description=f"{COMMANDS[command].capitalize()}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _run(words: Sequence[str]) -> int:
    options = run_parser().parse_all(words)
    settings, scenario = settings_of(options)

    from stressdash.headless import Outputs, run_headless
    from stressdash.metrics.thresholds import parse_threshold

    outputs = Outputs(json=options.json, html=options.html, junit=options.junit, quiet=options.quiet)
    return run_headless(settings, scenario, outputs, tuple(map(parse_threshold, options.threshold)))


def _compare(words: Sequence[str]) -> int:
    options = compare_parser().parse_all(words)

    from stressdash.report.comparison import compare_reports, parse_limit, read_reports

    compared = compare_reports(
        read_reports(options.before),
        read_reports(options.after),
        paired=options.paired,
        limits=[parse_limit(text) for text in options.fail_on_regression],
    )
    sys.stdout.write(compared.json() if options.json else compared.text(markdown=options.markdown))
    return compared.exit_code


def _knee(words: Sequence[str]) -> int:
    options = knee_parser().parse_all(words)

    from stressdash.report.knee import knee_report

    sys.stdout.write(knee_report(options.from_csv, as_json=options.json))
    return 0


def _dashboard(words: Sequence[str]) -> int:
    options = dashboard_parser().parse_all(words)
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") in (None, "", "dumb"):
        raise UsageError("the dashboard needs a terminal; 'stressdash run act1' does the same without one")
    options.target = options.target or options.scenario
    settings, scenario = settings_of(options)

    from stressdash.terminal import guarded

    return guarded(lambda guard: _show(settings, scenario, guard))


def _show(settings: Settings, scenario: Scenario | None, guard: int) -> int:
    """Run the dashboard until it is quit, or until the descriptor `guard` reaches its end."""
    import asyncio
    import contextlib
    import signal

    from stressdash.session import make_session
    from stressdash.tui.app import StressdashApp

    async def show() -> int:
        session = make_session(settings, scenario)
        app = StressdashApp(session)
        loop = asyncio.get_running_loop()
        loop.add_reader(guard, app.exit)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, app.exit)
        opening = asyncio.create_task(session.open())
        try:
            await app.run_async()
        finally:
            loop.remove_reader(guard)
            opening.cancel()
            with contextlib.suppress(StressdashError, asyncio.CancelledError):
                await opening
            await session.close()
        return app.return_code or 0

    try:
        return asyncio.run(show())
    except StressdashError as error:
        return _fail(error)


if __name__ == "__main__":
    sys.exit(main())
