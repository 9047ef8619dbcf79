"""From settings and scenario to the plan of one run, and the plan as a report tells it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stressdash.load.coalescing import parse_coalesce
from stressdash.load.plan import Plan
from stressdash.load.script import read_script
from stressdash.load.shape import parse_shape, shape_seconds
from stressdash.load.think import parse_think
from stressdash.load.transport import Transport
from stressdash.report.run_json import Scalar
from stressdash.scenario import Scenario
from stressdash.session.requests import planned_requests, planned_rows
from stressdash.settings import Settings

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["build_plan", "next_plan", "plan_facts", "planned_seconds"]


def next_plan(session: Session) -> Plan:
    """The plan that the next run would have."""
    return build_plan(
        session.settings,
        session.scenario,
        base_url=session.stack.addresses().target_url,
        run_id=secrets.randbits(64) | 1,
        connections=session.connections,
        duration_s=session.duration_s,
        rate=session.rate,
    )


def build_plan(
    settings: Settings,
    scenario: Scenario | None,
    *,
    base_url: str,
    run_id: int,
    connections: int,
    duration_s: float | None,
    rate: float | None,
) -> Plan:
    """The plan of the next run.

    Args:
        settings: What the user said.
        scenario: The requests to send; None sends the one that the flags describe.
        base_url: Where the service listens, or the URL under load when there is no scenario.
        run_id: 64 random bits that name the run; trace ids and the audit's tag come from it.
        connections: As the slider stands.
        duration_s: As the slider stands; None runs until stopped.
        rate: As the slider stands; None is the closed loop. A shape of the rate is for the open loop only.

    Raises:
        UsageError: what was asked for cannot be loaded.
    """
    of_rate = settings.rate is not None
    return Plan(
        url=settings.url or base_url,
        requests=planned_requests(settings, scenario),
        rows=planned_rows(settings, scenario),
        seed=settings.seed,
        script=read_script(Path(settings.script), settings.script_args) if settings.script else None,
        connections=connections,
        duration_s=duration_s,
        max_requests=settings.max_requests,
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        stop=settings.stop,
        workers=settings.workers,
        rate=rate,
        arrivals=settings.arrivals,
        stages=parse_shape(settings.stages) if settings.stages and not (of_rate and rate is None) else (),
        shapes="rate" if of_rate else "connections",
        think=parse_think(settings.think) if settings.think else None,
        coalesce_s=parse_coalesce(settings.coalesce) if settings.coalesce else None,
        run_id=run_id,
        allow_targets=settings.allow_targets,
        transport=_transport(settings),
    )


def planned_seconds(settings: Settings) -> float | None:
    """Measured time of a run: that of its shape where it has one; None runs until stopped."""
    return shape_seconds(parse_shape(settings.stages)) if settings.stages else settings.duration_s


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


def plan_facts(plan: Plan) -> dict[str, Scalar]:
    """What was asked for, as plain values: without headers and bodies, which may hold secrets."""
    return {
        "loop": "closed" if plan.rate is None else "open",
        "rate": plan.rate,
        "arrivals": plan.arrivals if plan.rate is not None else None,
        "connections": plan.connections,
        "duration_s": plan.duration_s,
        "max_requests": plan.max_requests,
        "timeout_s": plan.timeout_s,
        "connect_timeout_s": plan.connect_timeout_s,
        "stop": plan.stop,
        "stages": ", ".join(f"{stage.label} {stage.seconds:g}s" for stage in plan.stages) or None,
        "stages_of": plan.shapes if plan.stages else None,
        "think_s": None if plan.think is None else (plan.think.low_s + plan.think.high_s) / 2,
        "coalesce_s": plan.coalesce_s,
        "seed": plan.seed,
        "script": plan.script.path if plan.script is not None else None,
        "expect": ", ".join(dict.fromkeys(text for request in plan.requests for text in request.expect))
        or None,
        **_transport_facts(plan),
        "requests": ", ".join(f"{request.method} {request.path or '/'}" for request in plan.requests),
    }


def _transport_facts(plan: Plan) -> dict[str, Scalar]:
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
