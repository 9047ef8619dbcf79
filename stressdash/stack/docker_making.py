"""What the service's container is made with: the knobs that its processes take at their start.

A container's environment outlives its restarts. So one that was made with other values than are wanted now is
made anew; a container that is made for another reason gets the values of the one before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from stressdash.stack.containers import Containers
from stressdash.stack.controls import Controls
from stressdash.stack.docker_parts import DockerParts
from stressdash.stack.docker_project import PARTS
from stressdash.stack.knobs import EVERY_KNOB

__all__ = ["Making"]

SERVICE: Final = "service"
KNOBS: Final = tuple(spec for spec in EVERY_KNOB if spec.shown.applies == "restart")


class Making:
    """Compares what is wanted with what there is.

    Args:
        containers: asks Docker.
        parts: know what there is.
        controls: know what is wanted.
    """

    def __init__(self, containers: Containers, parts: DockerParts, controls: Controls) -> None:
        self._containers = containers
        self._parts = parts
        self._controls = controls

    async def variables(self) -> dict[str, str]:
        """Variables of the compose file, empty where nobody has asked for anything."""
        before = await self._before()
        return {
            spec.environment_variable: self._controls.desired(spec.name)
            or before.get(spec.environment_variable, "")
            for spec in KNOBS
        }

    async def is_due(self, component: str) -> bool:
        """Whether a component has no container, or one that was made with other values."""
        if component != SERVICE or not self._parts.exists(SERVICE):
            return not self._parts.exists(component)
        before = await self._before()
        wanted = {spec: self._controls.desired(spec.name) for spec in KNOBS}
        return any(
            value is not None and value != (before.get(spec.environment_variable) or spec.shown.default)
            for spec, value in wanted.items()
        )

    async def _before(self) -> Mapping[str, str]:
        if not self._parts.exists(SERVICE):
            return os.environ
        return await self._containers.variables(PARTS[SERVICE].service)
