"""The composition root: wires sources, metrics and store; commands come in here. Knows no screen."""

from __future__ import annotations

from stressdash.apm.embedded import EmbeddedSource
from stressdash.apm.source import ApmSource
from stressdash.scenario import Scenario
from stressdash.session.session import Session
from stressdash.settings import Settings
from stressdash.stack import open_stack
from stressdash.stack.backend import Stack

__all__ = ["Session", "make_session"]


def make_session(settings: Settings, scenario: Scenario | None) -> Session:
    """A session on the stack that the settings ask for, not yet opened."""
    stack = open_stack(settings.stack, state=settings.state, target_url=settings.url)
    return Session(settings, scenario, stack, source=_source)


def _source(stack: Stack) -> ApmSource | None:
    addresses = stack.addresses()
    if addresses.apm_url is None:
        return None
    return EmbeddedSource(addresses.apm_url, addresses.apm_token or "")
