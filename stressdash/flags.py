"""The flags that describe a run, shared by the dashboard and `run`, and the settings they make."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from stressdash.errors import BadInput, UsageError

if TYPE_CHECKING:
    from stressdash.scenario import Scenario
    from stressdash.settings import Settings

__all__ = ["Parser", "add_load_flags", "parse_knobs", "settings_of"]


class Parser(argparse.ArgumentParser):
    """argparse that raises one sentence and suggests the flag that was meant."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of leaving."""
        raise UsageError(f"{message}; see '{self.prog} --help'")

    def parse_all(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse everything, or raise `UsageError`."""
        known, unknown = self.parse_known_args(arguments)
        if unknown:
            flag = unknown[0].split("=")[0]
            flags = [option for action in self._actions for option in action.option_strings]
            near = difflib.get_close_matches(flag, flags, n=1)
            hint = f"did you mean {near[0]}?" if near else f"see '{self.prog} --help'"
            kind = "flag" if flag.startswith("-") else "argument"
            raise UsageError(f"unknown {kind} {flag}; {hint}")
        return known


def add_load_flags(parser: argparse.ArgumentParser) -> None:
    """Add what a run can be told."""
    add = parser.add_argument
    add("--stack", metavar="KIND", help="embedded, process, docker, external or auto (default: auto)")
    add("--state", metavar="DIR", type=Path, help="folder for databases, logs and sockets")
    add("-c", "--connections", metavar="N", help="connections held open (closed loop)")
    add(
        "-R",
        "--rate",
        metavar="N",
        help="arrivals per second: the open loop, latency from the intended start",
    )
    add("--arrivals", metavar="KIND", help="uniform or poisson (default: uniform)")
    add("--stages", metavar="SHAPE", help="for instance 'ramp 0..400 30s, hold 1m'; of the rate with --rate")
    add("-d", "--duration", metavar="TIME", help="for instance 8s or 1m")
    add("--requests", metavar="N", help="stop after this many requests")
    add("--timeout", metavar="TIME", help="a request is aborted after this time (default: 30s)")
    add("--connect-timeout", metavar="TIME", help="a connect is given up after this time (default: 5s)")
    add("-X", "--method", metavar="M", help="HTTP method (default: GET, or POST with a body)")
    add("-H", "--header", metavar="'K: V'", action="append", default=[], help="may be repeated")
    add("--body", metavar="TEXT|@FILE", help="request body; a template")
    _add_transport_flags(parser)
    add("--stop", metavar="HOW", help="drain waits for what is in flight, abort hangs up on it")
    add("-t", "--workers", metavar="N", help="load processes (default: by need)")
    add(
        "--knob", metavar="NAME=VALUE", action="append", default=[], help="turn a knob first; may be repeated"
    )
    add(
        "--elasticsearch",
        metavar="URL",
        help="read APM from here; credentials: STRESSDASH_ES_API_KEY or _PASSWORD",
    )
    add("--apm-service", metavar="NAME", help="service.name in the APM data (default: all)")
    add("--dsn", metavar="NAME", help="environment variable that holds the DSN of the target's database")
    add("--allow-target", metavar="HOST", action="append", default=[], help="allow load to this host")
    add("--keep", action="store_true", help="leave the stack running at the end")
    add("--no-record", action="store_true", help="do not keep the run on disk")


def _add_transport_flags(parser: argparse.ArgumentParser) -> None:
    """Connections: named as curl names them, where it does."""
    add = parser.add_argument
    add("--cacert", metavar="FILE", help="certificates (PEM) to trust instead of the system's")
    add("-E", "--cert", metavar="FILE", help="client certificate (PEM), with its key or without")
    add("--key", metavar="FILE", help="key of the client certificate (PEM, no passphrase)")
    add("-k", "--insecure", action="store_true", help="take any certificate; every result says so")
    add("--unix-socket", metavar="PATH", help="connect to this socket; the URL gives scheme, host and path")
    add(
        "--disable-keepalive",
        "--new-connection-per-request",
        action="store_true",
        help="a connection for each request",
    )
    add("--connection-lifetime", metavar="TIME", help="close a connection that is older, after its answer")
    add("--resolve-every", metavar="TIME", help="look the host up again; new connections go where it is then")
    add(
        "--addresses",
        metavar="HOW",
        help="of a host with several: first that works, or turns (default: first)",
    )


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
    "rate": "--rate",
    "arrivals": "--arrivals",
    "stages": "--stages",
    "cacert": "--cacert",
    "cert": "--cert",
    "key": "--key",
    "unix_socket": "--unix-socket",
    "connection_lifetime": "--connection-lifetime",
    "resolve_every": "--resolve-every",
    "addresses": "--addresses",
    "elasticsearch": "--elasticsearch",
    "apm_service": "--apm-service",
    "dsn": "--dsn",
}
_SETTING_OF = {
    "duration": "duration_s",
    "requests": "max_requests",
    "timeout": "timeout_s",
    "connect_timeout": "connect_timeout_s",
    "cacert": "ca_file",
    "cert": "cert_file",
    "key": "key_file",
    "connection_lifetime": "lifetime_s",
    "resolve_every": "resolve_every_s",
}


def settings_of(options: argparse.Namespace) -> tuple[Settings, Scenario | None]:
    """Settings and scenario of parsed flags; `options.target` is a scenario or a URL.

    Raises:
        UsageError: a value cannot be used; the sentence names its flag.
    """
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
        flags["knobs"] = ("--knob", parse_knobs(options.knob))
    flags["allow_targets"] = ("--allow-target", tuple(options.allow_target))
    flags["keep"] = ("--keep", options.keep)
    if options.insecure:
        flags["insecure"] = ("--insecure", True)
    if options.disable_keepalive:
        flags["keepalive"] = ("--disable-keepalive", False)
    flags["record"] = ("--no-record", not options.no_record)
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


def parse_knobs(texts: Sequence[str]) -> dict[str, str]:
    """Knobs of several `NAME=VALUE`; whether they exist is for the stack to say.

    Raises:
        UsageError: a text has another form.
    """
    return dict(map(_knob, texts))


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
