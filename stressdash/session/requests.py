"""The requests of a run out of scenario and settings, with the rows that their templates take values of."""

from __future__ import annotations

from pathlib import Path

from stressdash.errors import UsageError
from stressdash.load.asked import parse_mix, parse_rows
from stressdash.load.plan import Request
from stressdash.load.rows import Rows, read_rows
from stressdash.load.secret import SecretHeader, parse_secret_header
from stressdash.scenario import Scenario, ScenarioRequest
from stressdash.settings import Settings

__all__ = ["planned_requests", "planned_rows"]


def planned_requests(settings: Settings, scenario: Scenario | None) -> tuple[Request, ...]:
    """Requests of the next run: those of `--mix`, else of the scenario, else the one that the flags describe.

    A script makes its own; what the flags describe is what it finds in its `wrk` table.

    Raises:
        UsageError: what was asked for cannot be sent.
    """
    if settings.mix:
        return tuple(_with_flags(parse_mix(text), settings) for text in settings.mix)
    if scenario is not None and scenario.request and settings.script is None:
        return tuple(_from_scenario(request, settings) for request in scenario.request)
    return (_from_flags(settings),)


def planned_rows(settings: Settings, scenario: Scenario | None) -> tuple[Rows, ...]:
    """Rows of the next run; a flag's take the place of a scenario's with their name.

    Raises:
        BadInput: a file, or a row in it, that cannot be used.
    """
    found: dict[str, Rows] = {}
    if scenario is not None:
        folder = Path(scenario.file).parent
        for name, rows in scenario.rows.items():
            found[name] = read_rows(name, folder / rows.file, rows.order)
    for text in settings.rows:
        given = parse_rows(text)
        found[given.name] = given
    return tuple(found.values())


def _from_scenario(request: ScenarioRequest, settings: Settings) -> Request:
    return _with_flags(
        Request(
            name=request.name,
            method=settings.method or request.method,
            path=request.path,
            headers=tuple(request.headers.items()),
            body=request.body.encode() if settings.body is None else settings.body,
            weight=request.weight,
            expect=request.expect,
            secrets=tuple(
                parse_secret_header(f"{name}={source}") for name, source in request.secret_headers.items()
            ),
        ),
        settings,
    )


def _from_flags(settings: Settings) -> Request:
    body = settings.body or b""
    if settings.method == "HEAD" and body:
        raise UsageError("--method HEAD cannot carry a --body")
    method = settings.method or ("POST" if body else "GET")
    return _with_flags(Request(name="request", method=method, body=body), settings)


def _with_flags(request: Request, settings: Settings) -> Request:
    """The request with the headers and expectations that are said for all of them."""
    secrets = tuple(map(parse_secret_header, settings.secret_headers))
    said = {name.lower() for name, _ in settings.headers} | {header.name.lower() for header in secrets}

    def left(name: str) -> bool:
        return name.lower() not in said

    kept: tuple[SecretHeader, ...] = tuple(header for header in request.secrets if left(header.name))
    return Request(
        name=request.name,
        method=request.method,
        path=request.path,
        headers=tuple(pair for pair in request.headers if left(pair[0])) + settings.headers,
        body=request.body,
        weight=request.weight,
        expect=request.expect + settings.expect,
        secrets=kept + secrets,
    )
