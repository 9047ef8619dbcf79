"""Limits of containers, read and changed while they run. Knows how Docker writes them, not Docker itself.

Docker can lower and raise a memory limit, and not take it away: no limit is written as all of the machine's
memory, and read back so.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

import psutil

from stressdash.errors import KnobRejected, StackError
from stressdash.stack.limits import Limits

__all__ = ["ContainerLimits", "HostConfigs", "limits_of", "update_of"]

PERIOD_US: Final = 100_000
"""Of the processor's accounts: a quota of as much is one core."""
NO_QUOTA: Final = -1
MIB: Final = 2**20


class HostConfigs(Protocol):
    """Who asks Docker: `containers.Containers`."""

    async def host_config(self, service: str) -> Mapping[str, Any]:
        """How a container was told to use the machine."""
        ...

    async def update(self, service: str, changes: Mapping[str, Any]) -> None:
        """Change that, with the words of the SDK."""
        ...


class ContainerLimits:
    """Implements `LimitControl`.

    Args:
        containers: asks Docker.
        services: component to the name of its container.
    """

    def __init__(self, containers: HostConfigs, services: Mapping[str, str]) -> None:
        self._containers = containers
        self._services = services

    async def read(self) -> Mapping[str, Limits]:
        """Of every component that has a container."""
        memory = psutil.virtual_memory().total
        found = {}
        for component, service in self._services.items():
            with suppress(StackError):  # it has no container just now
                found[component] = limits_of(await self._containers.host_config(service), memory)
        return found

    async def change(
        self, component: str, *, cpus: float | None = None, memory_mib: int | None = None
    ) -> None:
        """Change what is given."""
        changes = update_of(cpus, memory_mib, psutil.virtual_memory().total)
        try:
            await self._containers.update(self._services[component], changes)
        except StackError as error:
            raise KnobRejected(str(error)) from error


def limits_of(host_config: Mapping[str, Any], memory_bytes: int) -> Limits:
    """Limits as a container's `HostConfig` has them, on a machine of so much memory."""
    nano, quota = host_config.get("NanoCpus") or 0, host_config.get("CpuQuota") or 0
    period = host_config.get("CpuPeriod") or PERIOD_US
    cpus = nano / 1e9 if nano > 0 else max(0, quota) / period
    memory = host_config.get("Memory") or 0
    return Limits(cpus, 0 if memory <= 0 or memory >= memory_bytes // MIB * MIB else memory // MIB)


def update_of(cpus: float | None, memory_mib: int | None, memory_bytes: int) -> dict[str, Any]:
    """Arguments of the SDK's `update`; swap is no way around a limit."""
    changes: dict[str, Any] = {}
    if cpus is not None:
        changes |= {"cpu_period": PERIOD_US, "cpu_quota": round(cpus * PERIOD_US) or NO_QUOTA}
    if memory_mib is not None:
        limit = memory_mib * MIB or memory_bytes // MIB * MIB
        changes |= {"mem_limit": limit, "memswap_limit": limit}
    return changes
