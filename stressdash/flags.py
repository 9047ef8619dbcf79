"""The flags that describe a run, shared by the dashboard and `run`, and the settings they make."""

from __future__ import annotations

import argparse
import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from stressdash.credentials import add_credential_flags, credentials_given
from stressdash.errors import BadInput, UsageError
from stressdash.requestflags import (
    FOREIGN,
    add_request_flags,
    check_requests,
    request_layer,
    split_script_words,
)

if TYPE_CHECKING:
    from stressdash.scenario import Scenario
    from stressdash.settings import Settings

__all__ = ["Parser", "add_load_flags", "hint_for", "parse_knobs", "parsed", "settings_of"]

T = TypeVar("T")


NEEDS_VALUE: Final = re.compile(r"argument (\S+): expected one argument")
TAKES_NONE: Final = re.compile(r"argument (\S+): ignored explicit argument .*")
MISSING: Final = re.compile(r"the following arguments are required: (.*)")
NEGATIVE: Final = re.compile(r"-[.\d]")


class Parser(argparse.ArgumentParser):
    """argparse that raises one sentence and suggests the flag that was meant."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of leaving."""
        for form, sentence in (
            (NEEDS_VALUE, r"\1 needs a value"),
            (TAKES_NONE, r"\1 takes no value"),
            (MISSING, r"\1 is missing"),
        ):
            message = form.sub(sentence, message)
        raise UsageError(f"{message}; see '{self.prog} --help'")

    def parse_all(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse everything, or raise `UsageError`; where scripts run, what stands after `--` is theirs."""
        runs_scripts = "--script" in self._option_string_actions
        words, script_args = split_script_words(arguments) if runs_scripts else (list(arguments), ())
        known, unknown = self.parse_known_args(self._with_negatives(words))
        known.script_args = script_args
        if unknown:
            flag = unknown[0].split("=")[0]
            if not flag.startswith("--") and flag[:2] in FOREIGN:
                flag = flag[:2]  # what is glued to it may be a secret
            if instead := FOREIGN.get(flag):
                raise UsageError(f"there is no flag {flag}: {instead}")
            flags = [option for action in self._actions for option in action.option_strings]
            kind = "flag" if flag.startswith("-") else "argument"
            hint = hint_for(flag, flags, f"see '{self.prog} --help'")
            raise UsageError(f"unknown {kind} {flag}; {hint}")
        return known

    def _with_negatives(self, words: Sequence[str]) -> list[str]:
        """`--flag -5` as `--flag=-5`: argparse takes most of what begins with a dash for another flag."""
        joined: list[str] = []
        for word in words:
            action = self._option_string_actions.get(joined[-1]) if joined else None
            if action is not None and action.nargs is None and NEGATIVE.match(word):
                joined[-1] += f"={word}" if joined[-1].startswith("--") else word
            else:
                joined.append(word)
        return joined


def hint_for(word: str, known: Iterable[str], otherwise: str) -> str:
    """Which of the known words was meant, as a question; or what else helps."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else otherwise


def add_load_flags(parser: argparse.ArgumentParser) -> None:
    """Add what a run can be told, in groups."""
    _add_load(parser.add_argument_group("load").add_argument)
    add_request_flags(parser.add_argument_group("requests").add_argument)
    _add_connections(parser.add_argument_group("connections").add_argument)
    _add_stack(parser.add_argument_group("stack").add_argument)
    _add_apm(parser.add_argument_group("APM").add_argument)


def _add_load(add: Callable[..., argparse.Action]) -> None:
    """How hard, how long, what of it counts, and what ends it early."""
    add("-c", "--connections", metavar="N", help="connections held open (default: the scenario's, or 50)")
    add(
        "-R",
        "--rate",
        metavar="N",
        help="arrivals per second: the open loop, latency from the intended start",
    )
    add("--arrivals", metavar="KIND", help="uniform or poisson (default: uniform)")
    add("--stages", metavar="SHAPE", help="of connections, or of --rate, such as 'ramp 0..400 30s, hold 1m'")
    add("--think", metavar="TIME", help="pause before a next request: 100ms, 50ms..200ms or 'exp 100ms'")
    add("-d", "--duration", metavar="TIME", help="for instance 8s or 1m (default: the scenario's, or 10s)")
    add("--requests", metavar="N", help="stop after this many requests")
    add("--warm-up", metavar="TIME", help="leave this beginning out of the results; auto: until it is steady")
    add(
        "--stop-when",
        metavar="RULE",
        action="append",
        default=[],
        help="end the run early: 'failed>5%% 10s', 'p99>500ms 10s', 'rate<95%% 10s'; may be repeated",
    )
    add("--stop", metavar="HOW", help="drain waits for what is in flight, abort hangs up (default: drain)")
    add("-t", "--workers", metavar="N", help="load processes (default: by need)")
    add(
        "--coalesce",
        metavar="TIME",
        help="serve together what became ready in so long, up to 10ms: cheaper, latency up to it longer",
    )


def _add_connections(add: Callable[..., argparse.Action]) -> None:
    """Named as curl names them, where it does."""
    add("--allow-target", metavar="HOST", action="append", default=[], help="allow load to this host")
    add("-T", "--timeout", metavar="TIME", help="a request is aborted after this time (default: 30s)")
    add("--connect-timeout", metavar="TIME", help="a connect is given up after this time (default: 5s)")
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


def _add_stack(add: Callable[..., argparse.Action]) -> None:
    """Where service and database come from, and what is kept of it all."""
    add("--stack", metavar="KIND", help="embedded, process, docker, external or auto (default: auto)")
    add("--state", metavar="DIR", type=Path, help="folder for databases, logs, sockets and runs")
    add(
        "--knob", metavar="NAME=VALUE", action="append", default=[], help="turn a knob first; may be repeated"
    )
    add("--dsn", metavar="NAME", help="environment variable that holds the DSN of the target's database")
    add("--keep", action="store_true", help="leave the stack running at the end")
    add("--no-record", action="store_true", help="do not keep the run on disk")


def _add_apm(add: Callable[..., argparse.Action]) -> None:
    """Where the service's own view is read, and where it goes."""
    add(
        "--elasticsearch",
        metavar="URL",
        help="read APM from here, or from a cloud id",
    )
    add("--apm-service", metavar="NAME", help="service.name in the APM data (default: all)")
    add("--forward", metavar="URL", help="hand what the embedded APM intake gets on to this Elasticsearch")
    add_credential_flags(add)
    add(
        "--kibana", metavar="URL", help="where copied links into Kibana lead (default: http://127.0.0.1:5601)"
    )


_FLAGS = {
    "stack": "--stack",
    "state": "--state",
    "connections": "--connections",
    "duration": "--duration",
    "requests": "--requests",
    "timeout": "--timeout",
    "connect_timeout": "--connect-timeout",
    "stop": "--stop",
    "workers": "--workers",
    "rate": "--rate",
    "arrivals": "--arrivals",
    "stages": "--stages",
    "think": "--think",
    "coalesce": "--coalesce",
    "warm_up": "--warm-up",
    "cacert": "--cacert",
    "cert": "--cert",
    "key": "--key",
    "unix_socket": "--unix-socket",
    "connection_lifetime": "--connection-lifetime",
    "resolve_every": "--resolve-every",
    "addresses": "--addresses",
    "elasticsearch": "--elasticsearch",
    "apm_service": "--apm-service",
    "forward": "--forward",
    "kibana": "--kibana",
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
    flags |= request_layer(options)
    if options.knob:
        flags["knobs"] = ("--knob", parse_knobs(options.knob))
    if options.stop_when:
        flags["stop_when"] = ("--stop-when", tuple(options.stop_when))
    flags["credentials"] = ("the command line", credentials_given(options))
    flags["allow_targets"] = ("--allow-target", tuple(options.allow_target))
    flags["keep"] = ("--keep", options.keep)
    if options.insecure:
        flags["insecure"] = ("--insecure", True)
    if options.disable_keepalive:
        flags["keepalive"] = ("--disable-keepalive", False)
    flags["record"] = ("--no-record", not options.no_record)
    base, scenario = _target_layer(options.target)
    settings = resolve(base, from_environment(os.environ), flags)
    check_course(settings)
    check_requests(settings)
    check_certificates(settings)
    return settings, scenario


def check_certificates(settings: Settings) -> None:
    """Refuse files for TLS where none is spoken: whoever gave them thinks it is.

    Raises:
        UsageError: the sentence names the flag or the scenario that said it.
    """
    given = [name for name in ("ca_file", "cert_file", "key_file") if getattr(settings, name) is not None]
    if given and not (settings.url or "").lower().startswith("https://"):
        where = settings.origin(given[0])
        raise UsageError(f"{where}: this target is loaded without TLS; leave it out, or give an https:// URL")


def check_course(settings: Settings) -> None:
    """Refuse texts that the run could not be made of, before a stack is started for it.

    Raises:
        UsageError: the sentence names the flag, the scenario or the variable that said it.
    """
    from stressdash.load.coalescing import parse_coalesce
    from stressdash.load.shape import parse_shape, shape_seconds
    from stressdash.load.think import parse_think
    from stressdash.metrics.results import parse_warm_up
    from stressdash.metrics.stoprules import parse_stop_rule

    checks: list[tuple[str, Callable[[str], object], Sequence[str | None]]] = [
        ("stages", parse_shape, [settings.stages]),
        ("think", parse_think, [settings.think]),
        ("coalesce", parse_coalesce, [settings.coalesce]),
        ("warm_up", parse_warm_up, [settings.warm_up]),
        ("stop_when", parse_stop_rule, settings.stop_when),
    ]
    for name, parse, texts in checks:
        for text in texts:
            try:
                parse(text) if text is not None else None
            except BadInput as error:
                raise BadInput(f"{settings.origin(name)}: {error}") from error
    if settings.warm_up is None:
        return
    warm_up, length_s = parse_warm_up(settings.warm_up), settings.duration_s
    if settings.stages:
        length_s = shape_seconds(parse_shape(settings.stages))
        if warm_up.auto:
            raise UsageError("a load that goes through stages has no one steady state; give a warm-up a time")
    if length_s is not None and warm_up.seconds >= length_s:
        where = settings.origin("warm_up")
        raise UsageError(
            f"{where}: a warm-up of {warm_up.seconds:g} s leaves nothing of {length_s:g} s of load"
        )


def _target_layer(target: str) -> tuple[Mapping[str, tuple[str, Any]], Scenario | None]:
    if "://" in target:
        from stressdash.load.target import parse_url

        parse_url(target)
        return {"url": ("the URL", target), "stack": ("the URL", "external")}, None

    from stressdash.scenario import find_scenario, scenario_layer

    scenario = find_scenario(target)
    return scenario_layer(scenario), scenario


def parsed(flag: str, parse: Callable[[str], T], text: str) -> T:
    """What a flag's text says.

    Raises:
        UsageError: it cannot be read; the sentence names the flag.
    """
    try:
        return parse(text)
    except UsageError as error:
        raise UsageError(f"{flag}: {error}") from error


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
