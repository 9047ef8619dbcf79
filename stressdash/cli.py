"""The command line: flags in, settings out; starts the dashboard or a headless run.

Imports the rest lazily, so that `--help` answers at once. stdout carries data, stderr narration. Every
`StressdashError` ends as its one sentence and its exit code.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from stressdash import __version__
from stressdash.errors import BadInput, StressdashError, UsageError

if TYPE_CHECKING:
    from stressdash.scenario import Scenario
    from stressdash.settings import Settings

__all__ = ["main"]

COMMANDS = {
    "run": "load a scenario or a URL without the dashboard and print what was seen",
}

EXIT_CODES = """\
exit codes:
  0    passed
  2    bad usage or input
  3    the stack or the target could not be used
  4    a threshold failed
  5    void: the measurement cannot be trusted
  130  interrupted
"""


class _Parser(argparse.ArgumentParser):
    """argparse that raises one sentence and suggests the flag that was meant."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see '{self.prog} --help'")

    def parse_all(self, arguments: Sequence[str]) -> argparse.Namespace:
        known, unknown = self.parse_known_args(arguments)
        if unknown:
            flag = unknown[0].split("=")[0]
            flags = [option for action in self._actions for option in action.option_strings]
            near = difflib.get_close_matches(flag, flags, n=1)
            hint = f"did you mean {near[0]}?" if near else f"see '{self.prog} --help'"
            kind = "flag" if flag.startswith("-") else "argument"
            raise UsageError(f"unknown {kind} {flag}; {hint}")
        return known


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] == "run":
            return _run(words[1:])
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


def _run(words: Sequence[str]) -> int:
    parser = _Parser(
        prog="stressdash run",
        description=COMMANDS["run"].capitalize() + ".",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "target", metavar="SCENARIO|URL", help="act1, act2, act3, a .toml file, or an http URL"
    )
    _load_flags(parser)
    parser.add_argument("--json", metavar="FILE|-", help="write the run as JSON; - for stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress line")
    options = parser.parse_all(words)
    settings, scenario = _settings(options)

    from stressdash.headless import run_headless

    return run_headless(settings, scenario, json_target=options.json, quiet=options.quiet)


def _dashboard(words: Sequence[str]) -> int:
    parser = _Parser(
        prog="stressdash",
        description="Puts a service under load and shows what breaks, why, and whether the fix helped.",
        epilog="commands:\n"
        + "\n".join(f"  {name:<5}{text}" for name, text in COMMANDS.items())
        + f"\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"stressdash {__version__}")
    parser.add_argument(
        "--scenario", metavar="NAME|FILE", default="act1", help="what s starts (default: act1)"
    )
    parser.add_argument("--target", metavar="URL", help="load this URL instead of a scenario")
    _load_flags(parser)
    options = parser.parse_all(words)
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") in (None, "", "dumb"):
        raise UsageError("the dashboard needs a terminal; 'stressdash run act1' does the same without one")
    options.target = options.target or options.scenario
    settings, scenario = _settings(options)

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


def _load_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--stack", metavar="KIND", help="embedded, process, docker, external or auto (default: auto)")
    add("--state", metavar="DIR", type=Path, help="folder for databases, logs and sockets")
    add("-c", "--connections", metavar="N", help="connections held open (closed loop)")
    add("-d", "--duration", metavar="TIME", help="for instance 8s or 1m")
    add("--requests", metavar="N", help="stop after this many requests")
    add("--timeout", metavar="TIME", help="a request is aborted after this time (default: 30s)")
    add("--connect-timeout", metavar="TIME", help="a connect is given up after this time (default: 5s)")
    add("-X", "--method", metavar="M", help="HTTP method (default: GET, or POST with a body)")
    add("-H", "--header", metavar="'K: V'", action="append", default=[], help="may be repeated")
    add("--body", metavar="TEXT|@FILE", help="request body; a template")
    add("--stop", metavar="HOW", help="drain waits for what is in flight, abort hangs up on it")
    add("-t", "--workers", metavar="N", help="load processes (default: by need)")
    add(
        "--knob", metavar="NAME=VALUE", action="append", default=[], help="turn a knob first; may be repeated"
    )
    add("--allow-target", metavar="HOST", action="append", default=[], help="allow load to this host")
    add("--keep", action="store_true", help="leave the stack running at the end")


_FLAGS = {
    "stack": "--stack",
    "state": "--state",
    "connections": "--connections",
    "duration": "--duration",
    "requests": "--requests",
    "timeout": "--timeout",
    "connect_timeout": "--connect-timeout",
    "method": "--method",
    "stop": "--stop",
    "workers": "--workers",
}
_SETTING_OF = {
    "duration": "duration_s",
    "requests": "max_requests",
    "timeout": "timeout_s",
    "connect_timeout": "connect_timeout_s",
}


def _settings(options: argparse.Namespace) -> tuple[Settings, Scenario | None]:
    from stressdash.settings import from_environment, resolve

    flags: dict[str, tuple[str, Any]] = {
        _SETTING_OF.get(name, name): (flag, value)
        for name, flag in _FLAGS.items()
        if (value := getattr(options, name)) is not None
    }
    if options.requests is not None and options.duration is None:
        flags["duration_s"] = ("--requests", None)
    if options.header:
        flags["headers"] = ("--header", tuple(_header(text) for text in options.header))
    if options.body is not None:
        flags["body"] = ("--body", _body(options.body))
    if options.knob:
        flags["knobs"] = ("--knob", dict(_knob(text) for text in options.knob))
    flags["allow_targets"] = ("--allow-target", tuple(options.allow_target))
    flags["keep"] = ("--keep", options.keep)
    base, scenario = _target_layer(options.target)
    settings = resolve(base, from_environment(os.environ), flags)
    return settings, scenario


def _target_layer(target: str) -> tuple[Mapping[str, tuple[str, Any]], Scenario | None]:
    if "://" in target:
        return {"url": ("the URL", target), "stack": ("the URL", "external")}, None

    from stressdash.scenario import find_scenario, scenario_layer

    scenario = find_scenario(target)
    return scenario_layer(scenario), scenario


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or any(ord(c) < 32 and c != "\t" for c in text):
        raise UsageError(f"--header {text!r} is not of the form 'Name: value'")
    return name.strip(), value.strip()


def _knob(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise UsageError(f"--knob {text!r} is not of the form NAME=VALUE")
    return name.strip(), value.strip()


def _body(text: str) -> bytes:
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise BadInput(f"--body: cannot read {text[1:]!r}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
