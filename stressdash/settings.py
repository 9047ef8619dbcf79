"""Settings: one frozen object; every value knows where it came from.

Later layers win: default < scenario < environment (`STRESSDASH_<NAME>`) < command line. Values arrive as the
strings that people write or as ready values; every complaint names the place. Knows no file formats.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from stressdash.errors import UsageError
from stressdash.paths import state_dir
from stressdash.quantities import parse_count, parse_duration, parse_rate
from stressdash.urls import http_parts

__all__ = ["ENVIRONMENT", "STACKS", "Settings", "dsn_in", "from_environment", "resolve", "state_to_read"]

STACKS = ("auto", "embedded", "process", "docker", "external")


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise UsageError(f"{text!r} is not one of {', '.join(allowed)}")
        return text

    return parse


def _positive(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def checked(text: str) -> Any:
        value = parse(text)
        if value <= 0:
            raise UsageError(f"{text!r} is not above 0")
        return value

    return checked


def _method(text: str) -> str:
    if not text.isascii() or not text.isalpha():
        raise UsageError(f"{text!r} is not an HTTP method; write for instance GET or POST")
    return text.upper()


def _forward(text: str) -> str:
    parts = http_parts(text)
    if parts is None:
        raise UsageError("this is no URL of an Elasticsearch, as http://127.0.0.1:9200 is")
    if parts.username or parts.password:
        raise UsageError("credentials do not belong into the URL but into STRESSDASH_ES_API_KEY or _PASSWORD")
    return text


def _kibana(text: str) -> str:
    parts = http_parts(text)
    if parts is None:
        raise UsageError("this is no URL that a link could begin with, as http://127.0.0.1:5601 is")
    if parts.username or parts.password:
        raise UsageError("credentials do not belong into a link; your browser asks for them")
    return text


def _setting(default: Any, parse: Callable[[str], Any] = str) -> Any:
    return field(default=default, metadata={"parse": parse})


@dataclass(frozen=True, slots=True)
class Settings:
    """What one start of stressdash is told. `origins` names the layer of each value that is no default."""

    stack: str = _setting("auto", _choice(*STACKS))
    state: Path = field(default_factory=state_dir, metadata={"parse": Path})
    scenario: str = _setting("")
    url: str | None = _setting(None)
    connections: int = _setting(50, _positive(parse_count))
    duration_s: float | None = _setting(10.0, _positive(parse_duration))
    max_requests: int | None = _setting(None, _positive(parse_count))
    timeout_s: float = _setting(30.0, _positive(parse_duration))
    connect_timeout_s: float = _setting(5.0, _positive(parse_duration))
    method: str | None = _setting(None, _method)
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    secret_headers: tuple[str, ...] = ()
    """Each names where its value is, as `stressdash.load.secret` reads it."""
    mix: tuple[str, ...] = ()
    """Several requests, as `stressdash.session.requests` reads them."""
    rows: tuple[str, ...] = ()
    """Files with rows for templates, likewise."""
    expect: tuple[str, ...] = ()
    """What must hold of every answer, as `stressdash.load.expectation` reads it."""
    seed: int = _setting(0, parse_count)
    script: str | None = _setting(None)
    """A wrk script's file."""
    script_args: tuple[str, ...] = ()
    stop: str = _setting("drain", _choice("drain", "abort"))
    workers: int | None = _setting(None, _positive(parse_count))
    rate: float | None = _setting(None, _positive(parse_rate))
    arrivals: str = _setting("uniform", _choice("uniform", "poisson"))
    stages: str | None = _setting(None)
    """Shape of connections, or of the rate where there is one, as `stressdash.load.shape` reads it."""
    think: str | None = _setting(None)
    """As `stressdash.load.think` reads it."""
    coalesce: str | None = _setting(None)
    """As `stressdash.load.coalescing` reads it."""
    warm_up: str | None = _setting(None)
    """A time, or `auto`."""
    stop_when: tuple[str, ...] = ()
    """Rules as `stressdash.metrics.stoprules` reads them."""
    ca_file: str | None = _setting(None)
    cert_file: str | None = _setting(None)
    key_file: str | None = _setting(None)
    insecure: bool = False
    unix_socket: str | None = _setting(None)
    keepalive: bool = True
    lifetime_s: float | None = _setting(None, _positive(parse_duration))
    resolve_every_s: float | None = _setting(None, _positive(parse_duration))
    addresses: str = _setting("first", _choice("first", "turns"))
    elasticsearch: str | None = _setting(None)
    forward: str | None = _setting(None, _forward)
    """URL of an Elasticsearch that gets what the embedded APM intake takes in."""
    credentials: Mapping[str, str] = field(default_factory=dict)
    """How both are entered, by flag, as `stressdash.credentials` reads it; holds no secret."""
    apm_service: str | None = _setting(None)
    kibana: str = _setting("http://127.0.0.1:5601", _kibana)
    """Where links into Kibana lead."""
    dsn: str | None = _setting(None)
    """Name of the environment variable that holds it: a DSN carries a password."""
    knobs: Mapping[str, str] = field(default_factory=dict)
    allow_targets: tuple[str, ...] = ()
    keep: bool = False
    hlog: Path | None = None
    """Interval log that grows with the run."""
    csv: Path | None = None
    jsonl: Path | None = None
    record: bool = True
    """Whether runs are kept on disk."""
    runs_size_mib: int = _setting(4096, _positive(parse_count))
    """What runs on disk may take together; beyond it the oldest are deleted, but none that has a tag."""
    runs_age_days: int = _setting(180, _positive(parse_count))
    """How long runs are kept that have no tag."""
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, name: str) -> str:
        """Where a value came from: `default`, `scenario act1`, `STRESSDASH_STACK` or `--stack`."""
        return self.origins.get(name, "default")


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    f.name: f.metadata["parse"] for f in fields(Settings) if "parse" in f.metadata
}

ENVIRONMENT: Mapping[str, str] = {
    f"STRESSDASH_{name.removesuffix('_s').upper()}": name
    for name in (
        *("stack", "connections", "duration_s", "timeout_s", "connect_timeout_s", "stop", "workers"),
        *("runs_size_mib", "runs_age_days", "elasticsearch", "forward"),
    )
}
"""Environment variables that are read, and the setting of each."""


def from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    """Settings found in the environment: name -> (where, value)."""
    return {name: (key, environ[key]) for key, name in ENVIRONMENT.items() if environ.get(key)}


def dsn_in(variable: str | None, environ: Mapping[str, str]) -> str | None:
    """The DSN that a variable holds; None where none is named.

    Raises:
        UsageError: there is no such variable.
    """
    if variable is None:
        return None
    if not environ.get(variable):
        raise UsageError(f"--dsn: there is no environment variable {variable!r}; it should hold the DSN")
    return environ[variable]


def state_to_read(said: Path | None = None) -> Path:
    """The state folder that was named, else the usual one, for a command that only looks; it need not exist.

    Raises:
        UsageError: it is no folder, or may not be looked into.
    """
    state = said or state_dir()
    try:
        with os.scandir(f"{state}/."):
            return state
    except FileNotFoundError:
        return state
    except OSError as error:
        told = f"the state folder {str(state)!r} cannot be read: {error.strerror}"
        raise UsageError(f"{told}; name another one by --state") from error


def resolve(*layers: Mapping[str, tuple[str, Any]]) -> Settings:
    """Settings from layers of `name -> (where it was said, value)`; later layers win, knobs add up.

    Raises:
        UsageError: a value cannot be used; the sentence names the place.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    knobs: dict[str, str] = {}
    for layer in layers:
        for name, (where, value) in layer.items():
            if name == "knobs":
                knobs |= value
                origins |= {f"knob {knob}": where for knob in value}
                continue
            values[name] = _parsed(name, value, where)
            origins[name] = where
    return Settings(**values, knobs=knobs, origins=origins)


def _parsed(name: str, value: Any, where: str) -> Any:
    if not isinstance(value, str) or name not in _PARSERS:
        return value
    try:
        return _PARSERS[name](value)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
