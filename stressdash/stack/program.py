"""A program that the supervisor can run: how to start it, when it is ready, how long it may take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PORT", "Program"]

PORT = "{port}"
"""Stands for the port in arguments and environment."""


@dataclass(frozen=True, slots=True)
class Program:
    """One component's command. Secrets belong into `environment`, which the repr leaves out."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    port: int = 0
    """Of the first start, 0 for any; it stays the same for later ones."""
    ready: str = r"listening on http://(?P<host>[^\s:]+):(?P<port>\d+)"
    """Pattern of the line that says it is ready; the groups `host` and `port` give its address."""
    warded: bool = False
    """A foreign program, which does not watch its standard input: `stressdash.stack.warden` does."""
    ready_within_s: float = 30.0
    stop_within_s: float = 5.0
    """From SIGTERM to SIGKILL when it is stopped alone."""
    end_within_s: float = 0.5
    """From the end of its standard input to SIGKILL when everything ends."""

    def address(self, line: str) -> tuple[str, int] | None:
        """Host and port when this line says that the program is ready."""
        found = re.search(self.ready, line)
        if found is None:
            return None
        groups = found.groupdict()
        return groups.get("host") or "127.0.0.1", int(groups["port"])

    def command(self, port: int) -> tuple[str, ...]:
        """The arguments for a port."""
        return tuple(argument.replace(PORT, str(port)) for argument in self.arguments)

    def variables(self, port: int) -> dict[str, str]:
        """The environment for a port."""
        return {name: value.replace(PORT, str(port)) for name, value in self.environment.items()}
