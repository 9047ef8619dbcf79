"""One container as Docker describes it: its documents read into values. Pure.

Docker leaves out what it does not know, and does so differently from version to version: whatever is not
there is None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stressdash.samples import ComponentState
from stressdash.text import escape

__all__ = ["ContainerUsage", "Seen", "parse_time", "seen", "usage"]

TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?")
SAID: Final = 300
"""Characters of what a health check said."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One container as it is now."""

    id: str
    status: str
    """created, running, paused, restarting, removing, exited or dead."""
    health: str
    """starting, healthy, unhealthy, or empty where nothing checks it."""
    health_output: str
    exit_code: int | None
    """Of the process that ran last; None while it runs or before it has."""
    out_of_memory: bool
    """The system killed it because it used more than its limit."""
    pid: int | None
    started: datetime | None
    restarts: int
    ports: Mapping[int, int]
    """Port inside to port on the loopback address."""
    error: str

    def state(self, *, asked: bool) -> ComponentState:
        """The component's state; `asked`: we were asked to stop it, so that its exit code is no failure."""
        if self.status == "running":
            checked = {"starting": ComponentState.STARTING, "unhealthy": ComponentState.UNHEALTHY}
            return checked.get(self.health, ComponentState.RUNNING)
        if self.status in ("created", "restarting"):
            return ComponentState.FAILED if self.error else ComponentState.STARTING
        if self.status == "removing":
            return ComponentState.STOPPING
        if self.status == "paused":
            return ComponentState.PAUSED
        return ComponentState.STOPPED if asked or self.exit_code == 0 else ComponentState.FAILED

    def detail(self, state: ComponentState) -> str:
        """What is wrong with it, in a few words; empty while it is well."""
        if state is ComponentState.FAILED:
            if self.out_of_memory:
                return "killed by the system: it used more memory than its limit"
            ended = "it could not be started" if self.exit_code is None else f"exit code {self.exit_code}"
            return f"{ended}: {escape(self.error, SAID)}" if self.error else ended
        if state is ComponentState.PAUSED:
            return "paused: it goes on when you start it"
        if state is ComponentState.UNHEALTHY:
            # The last line of a traceback tells most.
            lines = [line for line in self.health_output.splitlines() if line.strip()]
            return "its health check fails: " + (escape(lines[-1], SAID) if lines else "it says nothing")
        return ""


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    """What a container has used since it started."""

    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    """Without the page cache."""
    received_bytes: int | None = None
    sent_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None


def seen(document: Mapping[str, Any]) -> Seen:
    """The container that an inspect document describes."""
    state: Mapping[str, Any] = document["State"]
    health: Mapping[str, Any] = state.get("Health") or {}
    checks = health.get("Log") or [{}]
    status = str(state["Status"])
    ended = status in ("exited", "dead")
    bindings: Mapping[str, Any] = document["NetworkSettings"].get("Ports") or {}
    return Seen(
        id=str(document["Id"]),
        status=status,
        health=str(health.get("Status", "")),
        health_output=str(checks[-1].get("Output", "")).strip(),
        exit_code=int(state["ExitCode"]) if ended else None,
        out_of_memory=ended and bool(state.get("OOMKilled")),
        pid=int(state["Pid"]) or None,
        started=parse_time(state["StartedAt"]),
        restarts=int(document.get("RestartCount", 0)),
        ports={int(inside.split("/")[0]): int(out[0]["HostPort"]) for inside, out in bindings.items() if out},
        error=str(state.get("Error") or ""),
    )


def usage(document: Mapping[str, Any]) -> ContainerUsage:
    """What a stats document tells; versions 1 and 2 of the kernel's accounting differ in it."""
    cpu_ns = (document.get("cpu_stats") or {}).get("cpu_usage", {}).get("total_usage")
    memory = document.get("memory_stats") or {}
    used = memory.get("usage")
    cache = (memory.get("stats") or {}).get("inactive_file", 0)
    networks = (document.get("networks") or {}).values()
    blocks = (document.get("blkio_stats") or {}).get("io_service_bytes_recursive")
    return ContainerUsage(
        cpu_seconds=None if cpu_ns is None else cpu_ns / 1e9,
        memory_bytes=None if used is None else used - cache,
        received_bytes=sum(int(one["rx_bytes"]) for one in networks) if networks else None,
        sent_bytes=sum(int(one["tx_bytes"]) for one in networks) if networks else None,
        read_bytes=_moved(blocks, "read"),
        written_bytes=_moved(blocks, "write"),
    )


def _moved(blocks: list[Mapping[str, Any]] | None, direction: str) -> int | None:
    """Bytes over all devices; None where the kernel does not count them."""
    if blocks is None:
        return None
    return sum(int(one["value"]) for one in blocks if str(one["op"]).lower() == direction)


def parse_time(text: str) -> datetime | None:
    """A time as Docker writes it, down to microseconds; the year 1 stands for never."""
    found = TIME.match(text)
    if found is None or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(f"{found[1]}.{(found[2] or '')[:6]:0<6}+00:00")
