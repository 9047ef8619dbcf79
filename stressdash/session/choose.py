"""Another scenario on top of what the command line said: what was said explicitly stays."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from stressdash.scenario import Scenario, scenario_layer
from stressdash.settings import Settings, resolve

__all__ = ["with_scenario"]


def with_scenario(settings: Settings, scenario: Scenario) -> Settings:
    """Settings with another scenario, below what environment and flags said."""
    explicit: dict[str, tuple[str, Any]] = {
        f.name: (settings.origin(f.name), getattr(settings, f.name))
        for f in fields(Settings)
        if f.name not in ("knobs", "origins") and _said(settings.origin(f.name))
    }
    knobs = {name: value for name, value in settings.knobs.items() if _said(settings.origin(f"knob {name}"))}
    return resolve(scenario_layer(scenario), explicit, {"knobs": ("--knob", knobs)})


def _said(origin: str) -> bool:
    return origin != "default" and not origin.startswith("scenario ")
