"""The composition root: wires sources, metrics and store; commands come in here. Knows no screen.

    session      owns the stack, the run and the watches; `stressdash.sessionapi` is what screens see of it
    run          one run: its fleet, and the folds of its windows; `plan` makes its plan out of settings
    polls        asks every source twice a second; `stackwatch` and `apmwatch` hold what was told last
    gauges       puts figures of stack and machine on the time line
    steer        the load is changed while it runs; `turn` does so with knobs
    guard        thresholds and stop rules meanwhile; `finish` what is done once load has stopped
    view         makes snapshots
    detail       an error, opened; `known` explains the usual ones
    recording    every run goes to disk; `replay` is a session whose samples come from there

Each source is imported when it is made, once the stack is up: the first picture does not wait for it.
"""

from __future__ import annotations

import os

from stressdash.apm.connection import Connection, forwarding
from stressdash.apm.source import ApmSource
from stressdash.credentials import credential_environment
from stressdash.metrics.thresholds import Threshold
from stressdash.samples import Scope
from stressdash.scenario import Scenario
from stressdash.session.clock import Clock
from stressdash.session.ownership import Ownership
from stressdash.session.scoping import first_scope
from stressdash.session.session import Session
from stressdash.settings import Settings, dsn_in
from stressdash.stack import choose, open_stack
from stressdash.stack.backend import Stack
from stressdash.stack.folder import StateFolder

__all__ = ["Session", "make_session"]


def make_session(
    settings: Settings,
    scenario: Scenario | None,
    thresholds: tuple[Threshold, ...] = (),
    what: str = "dashboard",
) -> Session:
    """A session on the stack that the settings ask for, not yet opened; `what` names it to others.

    Raises:
        UsageError: the stack lacks something that it needs.
        BadInput: a credential is missing or cannot be used.
    """
    environ = credential_environment(settings.credentials, os.environ)
    connection = Connection.of(settings.elasticsearch, environ) if settings.elasticsearch else None
    choice = choose(settings.stack, state=settings.state, target_url=settings.url)
    stack = open_stack(
        choice.backend,
        state=settings.state,
        target_url=settings.url,
        apm_url=settings.elasticsearch,
        database_dsn=dsn_in(settings.dsn, os.environ),
        service_token=os.environ.get("STRESSDASH_SERVICE_TOKEN"),
        forward=forwarding(settings.forward, environ),
    )
    clock = Clock()
    folder = None if stack.name == "external" else StateFolder(settings.state)
    return Session(
        settings,
        scenario,
        stack,
        source=lambda ready, scope: _source(scope, connection, ready),
        scope=first_scope(settings, stack.name),
        thresholds=thresholds,
        clock=clock,
        ownership=Ownership(folder, what, clock.wall_ms),
        choice=choice.sentence,
    )


def _source(scope: Scope, connection: Connection | None, stack: Stack) -> ApmSource | None:
    if connection is not None:
        from stressdash.apm.elastic import ElasticSource

        return ElasticSource(connection, scope)
    addresses = stack.addresses()
    if addresses.apm_url is None:
        return None
    if stack.name == "docker":
        from stressdash.apm.elastic import ElasticSource

        password = addresses.apm_token or ""
        return ElasticSource(Connection(addresses.apm_url, username="elastic", password=password), scope)
    from stressdash.apm.embedded import EmbeddedSource

    return EmbeddedSource(addresses.apm_url, addresses.apm_token or "", scope)
