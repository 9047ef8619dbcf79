"""From settings and scenario to the plan of one run, and the same plan as other tools' command lines."""

from __future__ import annotations

import shlex
from urllib.parse import urlsplit, urlunsplit

from stressdash.errors import UsageError
from stressdash.load.plan import Plan, Request
from stressdash.load.shape import parse_shape
from stressdash.load.transport import Transport
from stressdash.scenario import Scenario, ScenarioRequest
from stressdash.settings import Settings

__all__ = ["as_curl", "as_wrk", "build_plan", "transport_facts"]


def build_plan(
    settings: Settings,
    scenario: Scenario | None,
    *,
    base_url: str,
    run_id: int,
    connections: int,
    duration_s: float | None,
) -> Plan:
    """The plan of the next run.

    Args:
        settings: What the user said.
        scenario: The requests to send; None sends the one that the flags describe.
        base_url: Where the service listens, or the URL under load when there is no scenario.
        run_id: 64 random bits that name the run; trace ids and the audit's tag come from it.
        connections: As the slider stands.
        duration_s: As the slider stands; None runs until stopped.

    Raises:
        UsageError: what was asked for cannot be loaded.
    """
    if scenario is not None and scenario.request:
        requests = tuple(_from_scenario(request, settings) for request in scenario.request)
    else:
        requests = (_from_flags(settings),)
    return Plan(
        url=settings.url or base_url,
        requests=requests,
        connections=connections,
        duration_s=duration_s,
        max_requests=settings.max_requests,
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        stop=settings.stop,
        workers=settings.workers,
        rate=settings.rate,
        arrivals=settings.arrivals,
        stages=parse_shape(settings.stages) if settings.stages else (),
        shapes="connections" if settings.rate is None else "rate",
        run_id=run_id,
        allow_targets=settings.allow_targets,
        transport=_transport(settings),
    )


def _transport(settings: Settings) -> Transport:
    return Transport(
        ca_file=settings.ca_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
        insecure=settings.insecure,
        unix_socket=settings.unix_socket,
        keepalive=settings.keepalive,
        lifetime_s=settings.lifetime_s,
        resolve_every_s=settings.resolve_every_s,
        round_robin=settings.addresses == "turns",
    )


def _from_scenario(request: ScenarioRequest, settings: Settings) -> Request:
    return Request(
        name=request.name,
        method=settings.method or request.method,
        path=request.path,
        headers=_merged(tuple(request.headers.items()), settings.headers),
        body=request.body.encode() if settings.body is None else settings.body,
        weight=request.weight,
    )


def _from_flags(settings: Settings) -> Request:
    body = settings.body or b""
    if settings.method == "HEAD" and body:
        raise UsageError("--method HEAD cannot carry a --body")
    return Request(
        name="request",
        method=settings.method or ("POST" if body else "GET"),
        path=None,
        headers=settings.headers,
        body=body,
    )


def _merged(
    base: tuple[tuple[str, str], ...], extra: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    replaced = {name.lower() for name, _ in extra}
    return tuple(pair for pair in base if pair[0].lower() not in replaced) + extra


def as_curl(plan: Plan) -> str:
    """A curl line that sends the plan's first request once, quoted for a POSIX shell."""
    request = plan.requests[0]
    words = ["curl", "-i", "-X", request.method]
    for name, value in request.headers:
        words += ["-H", f"{name}: {value}"]
    if request.body:
        words += ["--data-binary", _example(request.body, plan)]
    words += _curl_transport(plan.transport)
    return shlex.join([*words, _url(plan)])


def transport_facts(plan: Plan) -> dict[str, str | float | bool | None]:
    """How connections are made, as plain values for a report."""
    transport, secure = plan.transport, urlsplit(plan.url).scheme == "https"
    return {
        "tls": ("not verified" if transport.insecure else "verified") if secure else None,
        "client_certificate": secure and transport.cert_file is not None,
        "unix_socket": transport.unix_socket,
        "keepalive": transport.keepalive,
        "connection_lifetime_s": transport.lifetime_s,
        "resolve_every_s": transport.resolve_every_s,
        "addresses": "turns" if transport.round_robin else "first",
    }


def _curl_transport(transport: Transport) -> list[str]:
    named = {
        "--cacert": transport.ca_file,
        "--cert": transport.cert_file,
        "--key": transport.key_file,
        "--unix-socket": transport.unix_socket,
    }
    words = [word for flag, value in named.items() if value is not None for word in (flag, value)]
    return [*words, "--insecure"] if transport.insecure else words


def as_wrk(plan: Plan) -> str:
    """The wrk line nearest to the plan; body and headers that wrk takes from a script stand as a comment."""
    seconds = f"{plan.duration_s:.0f}s" if plan.duration_s else "60s"
    request = plan.requests[0]
    threads = str(min(4, plan.connections))
    words = ["wrk", f"-d{seconds}", f"-t{threads}", f"-c{plan.connections}"]
    if request.method == "GET" and not request.body:
        return shlex.join([*words, _url(plan)])
    script = [f"wrk.method = {_lua(request.method)}"]
    script += [f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in request.headers]
    script.append(f"wrk.body = {_lua(_example(request.body, plan))}")
    return shlex.join([*words, "-s", "push.lua", _url(plan)]) + "\n\n-- push.lua\n" + "\n".join(script)


def _url(plan: Plan) -> str:
    parts = urlsplit(plan.url)
    path = plan.requests[0].path
    return plan.url if path is None else urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _example(body: bytes, plan: Plan) -> str:
    filled = body.replace(b"{{request}}", b"1").replace(b"{{run}}", str(plan.run_tag).encode())
    return filled.decode("utf-8", "backslashreplace")


def _lua(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
