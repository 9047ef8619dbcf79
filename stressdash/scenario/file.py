"""Finds, reads and checks scenario files. A complaint names the file, the line, and what would be right."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path as FilePath
from typing import Any, Final, get_args

from stressdash import wire
from stressdash.errors import BadInput, UsageError
from stressdash.load.coalescing import parse_coalesce
from stressdash.load.plan import Request
from stressdash.load.rows import check_order
from stressdash.load.secret import parse_secret_header
from stressdash.load.shape import parse_shape
from stressdash.load.target import parse_url
from stressdash.load.think import parse_think
from stressdash.metrics.results import parse_warm_up
from stressdash.metrics.stoprules import parse_stop_rule
from stressdash.metrics.thresholds import parse_threshold
from stressdash.paths import scenarios_dir
from stressdash.quantities import parse_duration
from stressdash.scenario.lines import Path, key_lines
from stressdash.scenario.model import Condition, Load, RowsFile, Scenario, ScenarioRequest, Target
from stressdash.scenario.schema import INTERNAL
from stressdash.stack.knobs import EVERY_KNOB, find

__all__ = ["bundled_scenarios", "find_scenario", "read_scenario"]

TABLES: Final = {"target": Target, "load": Load}
ARRAYS: Final = {"request": ScenarioRequest, "threshold": Condition}


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
        return read_scenario(FilePath(name))
    names = bundled_scenarios()
    near = difflib.get_close_matches(name, names, n=1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else f"there are {', '.join(names)}, or give a URL or a .toml file"
    )
    raise UsageError(f"there is no scenario {name!r}; {hint}")


def read_scenario(path: FilePath) -> Scenario:
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
    complain = _Complaint(path, key_lines(text))
    _check_keys(data, complain)
    try:
        scenario = wire.from_builtins({**data, "name": path.stem, "file": str(path)}, Scenario, strict=True)
    except BadInput as error:
        raise complain.about(str(error)) from error
    for place, check in _checks(scenario):
        try:
            check()
        except UsageError as error:
            raise complain(place, str(error)) from error
    return scenario


@dataclass(frozen=True, slots=True)
class _Complaint:
    """Makes a `BadInput` that names the file and the line of a key."""

    file: FilePath
    lines: Mapping[Path, int]

    def __call__(self, place: Path, message: str) -> BadInput:
        """Of a key, or of the table around it where the key has no line of its own."""
        while place and place not in self.lines:
            place = place[:-1]
        where = f", line {self.lines[place]}" if place else ""
        return BadInput(f"{self.file}{where}: {message}")

    def about(self, words: str) -> BadInput:
        """Of what the decoder says, for instance 'Expected `int`, got `str` - at `$.load.rate`'."""
        words = words.rpartition("expected here: ")[2]
        told, _, at = words.partition(" - at `")
        place: Path = tuple(
            int(part) if part.isdecimal() else part for part in re.findall(r"\w+", at.rstrip("`"))
        )
        name = next((part for part in reversed(place) if isinstance(part, str)), "")
        enum, _, given = told.partition("Invalid enum value ")
        if given and not enum:
            shape = {**TABLES, **ARRAYS}[str(place[0])]
            told = f"it is one of {', '.join(_choices(shape, name))}, not {given}"
        told = told.replace(" | null", "")  # which TOML does not have
        return self(place, f"{name}: {told[:1].lower()}{told[1:]}" if name else told)


def _choices(shape: type, name: str) -> tuple[str, ...]:
    """Of a field that is one of a few words."""
    hints = wire.type_hints(shape)[name]
    return tuple(word for part in get_args(hints) for word in get_args(part))


def _check_keys(data: Mapping[str, Any], complain: _Complaint) -> None:
    _check_table(data, Scenario, "the file", (), complain)
    if "title" not in data:
        raise complain((), "a scenario needs a title, for instance: title = 'Ramp to 400'")
    for name, shape in TABLES.items():
        if isinstance(table := data.get(name), Mapping):
            _check_table(table, shape, f"[{name}]", (name,), complain)
    for name, rows in dict(data.get("rows", {})).items() if isinstance(data.get("rows"), Mapping) else ():
        if isinstance(rows, Mapping):
            _check_table(rows, RowsFile, f"[rows.{name}]", ("rows", name), complain)
    for name, shape in ARRAYS.items():
        tables = data.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
            raise complain((name,), f"{name}s are written as [[{name}]] tables")
        for number, table in enumerate(tables):
            _check_table(table, shape, f"[[{name}]]", (name, number), complain)


def _check_table(
    table: Mapping[str, Any], shape: type, where: str, place: Path, complain: _Complaint
) -> None:
    known = [f.name for f in fields(shape) if not (shape is Scenario and f.name in INTERNAL)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(known)}"
            raise complain((*place, key), f"{where} has no key {key!r}; {hint}")


def _checks(scenario: Scenario) -> Iterator[tuple[Path, Callable[[], object]]]:
    """What the types cannot say: where, and what raises `UsageError` when it is wrong."""
    load, url = scenario.load, scenario.target.url
    if url is not None:
        yield ("target", "url"), partial(parse_url, url)
    for key in ("duration", "timeout", "connect_timeout"):
        if (text := getattr(load, key)) is not None:
            yield ("load", key), partial(_longer_than_nothing, key, text)
    if load.stages is not None:
        yield ("load", "stages"), partial(parse_shape, load.stages)
    if load.think is not None:
        yield ("load", "think"), partial(parse_think, load.think)
    if load.coalesce is not None:
        yield ("load", "coalesce"), partial(parse_coalesce, load.coalesce)
    if load.warm_up is not None:
        yield ("load", "warm_up"), partial(parse_warm_up, load.warm_up)
    for rule in load.stop_when:
        yield ("load", "stop_when"), partial(parse_stop_rule, rule)
    for number, request in enumerate(scenario.request):
        yield from _request_checks(number, request)
    for name, rows in scenario.rows.items():
        yield ("rows", name, "order"), partial(check_order, rows.order)
    for name, value in scenario.knobs.items():
        yield ("knobs", name), partial(_check_knob, name, str(value))
    for number, condition in enumerate(scenario.threshold):
        yield ("threshold", number, "expect"), partial(parse_threshold, condition.expect)
        yield ("threshold", number, "delay"), partial(parse_duration, condition.delay)


def _request_checks(number: int, request: ScenarioRequest) -> Iterator[tuple[Path, Callable[[], object]]]:
    sent: dict[str, Any] = {
        "method": request.method.upper(),
        "path": request.path,
        "headers": tuple(request.headers.items()),
        "body": request.body.encode(),
        "expect": request.expect,
    }
    for key, value in sent.items():
        yield ("request", number, key), partial(Request, request.name, **{key: value})
    for name, secret in request.secret_headers.items():
        yield ("request", number, "secret_headers"), partial(parse_secret_header, f"{name}={secret}")


def _longer_than_nothing(key: str, text: str) -> None:
    try:
        seconds = parse_duration(text)
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from error
    if seconds <= 0:
        raise UsageError(f"{key} must be longer than nothing")


def _check_knob(name: str, value: str) -> str:
    return find(EVERY_KNOB, name).parse(value)
