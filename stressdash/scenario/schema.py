"""The JSON schema of scenario files, made from their types; editors check files by it as they are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from stressdash import wire
from stressdash.scenario.model import Scenario

__all__ = ["INTERNAL", "SHIPPED", "TEMPLATE", "scenario_schema", "schema_text"]

SHIPPED: Final = Path(__file__).with_name("scenario.schema.json")
"""The schema as it ships; a test holds it to the types. Made by `python docs/reference.py`."""
TEMPLATE: Final = Path(__file__).with_name("template.toml")
"""A commented scenario with every key."""

INTERNAL: Final = ("name", "file")
"""Fields that no file may have: reading fills them in."""


def scenario_schema() -> dict[str, Any]:
    """JSON schema (2020-12) of a scenario file."""
    schema = _without_null(wire.json_schema(Scenario))
    for shape in schema["$defs"].values():
        shape["additionalProperties"] = False
    scenario = schema["$defs"]["Scenario"]
    for name in INTERNAL:
        del scenario["properties"][name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario file of stressdash",
        **schema,
    }


def _without_null(part: Any) -> Any:
    """TOML has no null: what may be None in our types may be left out there."""
    if isinstance(part, list):
        return [_without_null(one) for one in part]
    if not isinstance(part, dict):
        return part
    left = {key: _without_null(value) for key, value in part.items() if (key, value) != ("default", None)}
    choices = [one for one in left.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        del left["anyOf"]
        left |= choices[0]
    if None in left.get("enum", ()):
        left["enum"] = [word for word in left["enum"] if word is not None]
    return left


def schema_text() -> str:
    """The schema as it is shipped in `scenario.schema.json`."""
    return json.dumps(scenario_schema(), indent=2) + "\n"
