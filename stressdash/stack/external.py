"""A system that already runs: nothing is started or stopped, and shown is what the given ends allow.

Only loopback addresses are watched by connecting to them: whether other hosts may get packets at all is for
the load engine's guard to decide.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from stressdash.errors import StackError, UsageError
from stressdash.samples import (
    Component,
    ComponentState,
    DatabaseProcess,
    DatabaseStatus,
    Knob,
    LogLine,
    ServiceStatus,
)
from stressdash.stack.backend import Addresses
from stressdash.stack.controls import Controls
from stressdash.stack.ends import database_end, service_end
from stressdash.stack.knobs import REAL_DATABASE_KNOBS
from stressdash.stack.listener import listener_on
from stressdash.stack.usage import Usages

__all__ = ["ExternalStack"]

CONNECT_S: Final = 1.0
NOT_GIVEN: Final = {
    "service": "no URL was given: name one with --target",
    "database": "no DSN was given: --dsn names the variable that holds it, for status and knobs",
    "apm": "no APM was given: name one with --elasticsearch to see the service's own view",
}


class ExternalStack:
    """Implements `Stack` for ends that somebody else runs.

    Args:
        addresses: the ends.
        service_token: of the admin endpoint, where the service is the one that comes with stressdash.
    """

    name = "external"

    def __init__(self, addresses: Addresses, service_token: str | None = None) -> None:
        self._addresses = addresses
        self._service_token = service_token
        specs = [
            spec
            for spec in REAL_DATABASE_KNOBS
            if (addresses.database_dsn if spec.global_variable else service_token)
        ]
        self._controls = Controls(specs)
        self._usages = Usages()
        self._listeners: dict[int, int | None] = {}
        """Process behind each port of this machine, as far as the system tells."""

    async def up(
        self,
        progress: Callable[[str], None],
        *,
        as_it_is: bool = False,  # noqa: ARG002  the interface
    ) -> None:
        """Attach; what does not answer is shown as such, and is no error."""
        progress(f"attaching to {self._addresses.target_url}")
        service = (
            service_end(self._addresses.target_url, self._service_token) if self._service_token else None
        )
        dsn = self._addresses.database_dsn
        await self._controls.aim(service, database_end(dsn) if dsn else None)

    def addresses(self) -> Addresses:
        """As given."""
        return self._addresses

    async def components(self) -> tuple[Component, ...]:
        """Each end that was given, with whether it listens; of the others, what they would need."""
        return (
            await self._watched("service", self._addresses.target_url),
            await self._watched("database", self._addresses.database_dsn),
            await self._watched("apm", self._addresses.apm_url),
        )

    async def action(self, component: str, action: str) -> None:
        """Refused."""
        raise UsageError(
            f"cannot {action} the {component}: it is not run by stressdash, which only attaches to it"
        )

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:  # noqa: ARG002  the interface
        """Refused."""
        raise StackError(f"the {component}'s log is where whoever runs it keeps it")

    async def knobs(self) -> tuple[Knob, ...]:
        """Those of the ends that we may steer."""
        return await self._controls.knobs()

    async def set_knob(self, name: str, value: str) -> Knob:
        """Turn a knob."""
        return await self._controls.turn(name, value, live=True)

    async def service_status(self) -> ServiceStatus | None:
        """What the service tells, where it is ours."""
        return await self._controls.service_status()

    async def database_status(self) -> DatabaseStatus | None:
        """What the database tells, where a DSN was given."""
        return await self._controls.database_status()

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        """Who is connected to the database, where a DSN was given."""
        return await self._controls.processlist()

    async def attach(self) -> bool:
        """The same as `up`: it was there before."""
        await self.up(lambda _: None)
        return True

    async def down(self, *, erase: bool = False) -> None:  # noqa: ARG002  the interface
        """Refused."""
        raise UsageError("stressdash ends only what it started; this system is run by somebody else")

    async def close(self, *, keep: bool = False) -> None:  # noqa: ARG002  the interface
        """Detach."""
        await self._controls.close()

    async def _watched(self, name: str, url: str | None) -> Component:
        if url is None:
            return Component(name, self.name, ComponentState.ABSENT, NOT_GIVEN[name])
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or {"https": 443, "mysql": 3306}.get(parts.scheme, 80)
        shown = f"[{host}]" if ":" in host else host
        address = f"{parts.scheme}://{shown}:{port}"
        state, detail = ComponentState.RUNNING, ""
        if not _is_loopback(host):
            detail = "on another machine: not watched from here"
        elif not await _listens(host, port):
            state, detail = ComponentState.FAILED, f"nothing listens on {shown}:{port}"
            self._listeners.pop(port, None)
        else:
            await self._find_listener(port)
        pid = self._listeners.get(port)
        usage = self._usages.of(pid)
        return self._controls.judged(
            Component(
                name,
                self.name,
                state,
                detail,
                pid=pid,
                uptime_s=usage.age_s,
                cpu_seconds=usage.cpu_seconds,
                rss_bytes=usage.rss_bytes,
                endpoints={"address": address},
            )
        )

    async def _find_listener(self, port: int) -> None:
        """Ask the system for the process, once, and again when that is gone and another has its port."""
        pid = self._listeners.get(port)
        if port not in self._listeners or (pid is not None and self._usages.of(pid).age_s is None):
            self._listeners[port] = await asyncio.to_thread(listener_on, port)


async def _listens(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
