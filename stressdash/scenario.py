"""Scenario files: what to load, how hard, with which knobs; TOML data that users can write too.

A scenario is a file's content, checked; it opens nothing. Every complaint names the file, the line where that
can be told, and what would be right.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from stressdash import wire
from stressdash.errors import BadInput, UsageError
from stressdash.paths import scenarios_dir
from stressdash.quantities import parse_duration

__all__ = [
    "Load",
    "Scenario",
    "ScenarioRequest",
    "bundled_scenarios",
    "find_scenario",
    "read_scenario",
    "scenario_layer",
]


@dataclass(frozen=True, slots=True)
class Load:
    """How hard, how long and how it ends. None leaves the default."""

    connections: int | None = None
    duration: str | None = None
    requests: int | None = None
    timeout: str | None = None
    connect_timeout: str | None = None
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class ScenarioRequest:
    """One kind of request; `body`, `path` and header values are templates."""

    name: str = "request"
    method: str = "POST"
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario file."""

    title: str
    name: str = ""
    notes: str = ""
    load: Load = field(default_factory=Load)
    request: tuple[ScenarioRequest, ...] = ()
    knobs: dict[str, str | int | float] = field(default_factory=dict)
    file: str = ""


def bundled_scenarios() -> tuple[str, ...]:
    """Names of the scenarios that ship with the product."""
    return tuple(sorted(path.stem for path in scenarios_dir().glob("*.toml")))


def find_scenario(name: str) -> Scenario:
    """The bundled scenario of that name, or the one in the file of that path.

    Raises:
        UsageError: there is no such scenario.
        BadInput: the file is not a scenario.
    """
    bundled = scenarios_dir() / f"{name}.toml"
    if re.fullmatch(r"[\w-]+", name) and bundled.is_file():
        return read_scenario(bundled)
    if name.endswith(".toml"):
        return read_scenario(Path(name))
    names = bundled_scenarios()
    near = difflib.get_close_matches(name, names, n=1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else f"there are {', '.join(names)}, or give a URL or a .toml file"
    )
    raise UsageError(f"there is no scenario {name!r}; {hint}")


def read_scenario(path: Path) -> Scenario:
    """Read and check a scenario file.

    Raises:
        BadInput: one sentence with file, line and what would be right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"cannot read scenario {str(path)!r}: {reason}") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: not valid TOML: {error}") from error
    complain = _Complaint(path, text)
    _check_keys(data, complain)
    data |= {"name": path.stem, "file": str(path)}
    if "title" not in data:
        raise complain("title", "a scenario needs a title")
    try:
        scenario = wire.from_builtins(data, Scenario)
    except BadInput as error:
        key = re.search(r"\$\.(?:\w+(?:\[\d*\.*\])?\.)*(\w+)", str(error))
        raise complain(key[1] if key else "", str(error)) from error
    _check_values(scenario, complain)
    return scenario


def scenario_layer(scenario: Scenario) -> dict[str, tuple[str, Any]]:
    """Settings that a scenario file makes: name -> (where, value)."""
    where = f"scenario {scenario.name}"
    load = scenario.load
    values: dict[str, Any] = {
        "scenario": scenario.name,
        "connections": load.connections,
        "duration_s": None if load.duration is None else parse_duration(load.duration),
        "max_requests": load.requests,
        "timeout_s": None if load.timeout is None else parse_duration(load.timeout),
        "connect_timeout_s": None if load.connect_timeout is None else parse_duration(load.connect_timeout),
        "stop": load.stop,
    }
    layer = {name: (where, value) for name, value in values.items() if value is not None}
    return {**layer, "knobs": (where, {name: str(value) for name, value in scenario.knobs.items()})}


@dataclass(frozen=True, slots=True)
class _Complaint:
    """Makes a `BadInput` that names the file and the line of a key."""

    path: Path
    text: str

    def __call__(self, key: str, message: str) -> BadInput:
        for number, line in enumerate(self.text.splitlines(), 1):
            if key and re.match(rf"\s*(\[\[?)?\s*\"?{re.escape(key)}\b", line):
                return BadInput(f"{self.path}, line {number}: {message}")
        return BadInput(f"{self.path}: {message}")


def _check_keys(data: Mapping[str, Any], complain: _Complaint) -> None:
    _check_table(data, Scenario, "the file", complain, hidden={"name", "file"})
    load = data.get("load", {})
    if isinstance(load, Mapping):
        _check_table(load, Load, "[load]", complain)
    requests = data.get("request", [])
    if not isinstance(requests, list) or not all(isinstance(request, Mapping) for request in requests):
        raise complain("request", "requests are written as [[request]] tables")
    for request in requests:
        _check_table(request, ScenarioRequest, "[[request]]", complain)


def _check_table(
    table: Mapping[str, Any],
    shape: type,
    where: str,
    complain: _Complaint,
    hidden: Collection[str] = (),
) -> None:
    known = [f.name for f in fields(shape) if f.name not in hidden]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(known)}"
            raise complain(key, f"{where} has no key {key!r}; {hint}")


def _check_values(scenario: Scenario, complain: _Complaint) -> None:
    load = scenario.load
    if load.connections is not None and load.connections < 1:
        raise complain("connections", "connections must be at least 1")
    if load.requests is not None and load.requests < 1:
        raise complain("requests", "requests must be at least 1")
    if load.stop not in (None, "drain", "abort"):
        raise complain("stop", f"stop is 'drain' or 'abort', not {load.stop!r}")
    for key in ("duration", "timeout", "connect_timeout"):
        value = getattr(load, key)
        if value is None:
            continue
        try:
            seconds = parse_duration(value)
        except UsageError as error:
            raise complain(key, f"{key}: {error}") from error
        if seconds <= 0:
            raise complain(key, f"{key} must be longer than nothing")
    for request in scenario.request:
        if not request.path.startswith("/"):
            raise complain("path", f"a path starts with '/', not {request.path[:1]!r}")
        if request.weight < 1:
            raise complain("weight", "weight must be at least 1")
