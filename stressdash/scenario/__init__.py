"""Scenario files: what to load, how hard, with which knobs, and what must hold; TOML that users write too."""

from __future__ import annotations

from stressdash.scenario.file import bundled_scenarios, find_scenario, read_scenario
from stressdash.scenario.model import (
    Condition,
    Load,
    Scenario,
    ScenarioRequest,
    Target,
    scenario_layer,
    scenario_thresholds,
)
from stressdash.scenario.schema import scenario_schema

__all__ = [
    "Condition",
    "Load",
    "Scenario",
    "ScenarioRequest",
    "Target",
    "bundled_scenarios",
    "find_scenario",
    "read_scenario",
    "scenario_layer",
    "scenario_schema",
    "scenario_thresholds",
]
