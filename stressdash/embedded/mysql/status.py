"""What the server counts and what can be set: MySQL's status and system variables."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mysql_mimic.variables import SYSTEM_VARIABLES, GlobalVariables, SessionVariables

from stressdash.embedded.mysql.faults import SqlFault

__all__ = ["LIMITS", "Status", "Variables", "global_variables"]

LIMITS = (1, 100_000)
"""Smallest and largest `max_connections`, as in MySQL."""
OWN_VARIABLES = {
    "innodb_flush_log_at_trx_commit": (int, 1, False),
    "max_connections": (int, 151, True),
    "sql_mode": (str, "STRICT_TRANS_TABLES", True),
    "version": (str, "8.0.0-stressdash", False),
    "version_comment": (str, "stressdash embedded database", False),
}
GLOBAL = frozenset({"innodb_flush_log_at_trx_commit", "max_connections"})


def global_variables(max_connections: int) -> GlobalVariables:
    """The server's variables, each with type, default and whether it can be set."""
    variables = GlobalVariables({**SYSTEM_VARIABLES, **OWN_VARIABLES})
    variables.set("max_connections", max_connections)
    return variables


class Variables(SessionVariables):  # type: ignore[misc]  # the library has no types
    """One session's variables; the global ones are the server's."""

    def get_variable(self, name: str) -> Any:
        """Value of a variable; error 1193 when there is none of that name."""
        if name.lower() in GLOBAL:
            return self.global_variables.get_variable(name)
        return super().get_variable(name)

    def set(self, name: str, value: Any, force: bool = False) -> None:
        """Set a session variable; error 1229 for global ones."""
        if name.lower() in GLOBAL:
            raise SqlFault(1229, f"Variable '{name}' is a GLOBAL variable and should be set with SET GLOBAL")
        super().set(name, value, force)


@dataclass(slots=True)
class Status:
    """Counters of one server, named as in SHOW GLOBAL STATUS."""

    clock: Callable[[], float] = time.monotonic
    started_s: float = field(init=False)
    threads_connected: int = 0
    threads_running: int = 0
    max_used_connections: int = 0
    connections: int = 0
    refused_for_limit: int = 0
    aborted_clients: int = 0
    aborted_connects: int = 0
    questions: int = 0
    com_insert: int = 0
    com_select: int = 0
    com_commit: int = 0

    def __post_init__(self) -> None:
        self.started_s = self.clock()

    def rows(self, writes: int, commits: int) -> list[tuple[str, str]]:
        """(name, value) in the order of names; `writes` statements were made durable by `commits` syncs."""
        values = {
            "Aborted_clients": self.aborted_clients,
            "Aborted_connects": self.aborted_connects,
            "Com_commit": self.com_commit,
            "Com_insert": self.com_insert,
            "Com_select": self.com_select,
            "Connection_errors_max_connections": self.refused_for_limit,
            "Connections": self.connections,
            "Handler_commit": writes,
            "Innodb_os_log_fsyncs": commits,
            "Max_used_connections": self.max_used_connections,
            "Questions": self.questions,
            "Threads_connected": self.threads_connected,
            "Threads_running": self.threads_running,
            "Uptime": int(self.clock() - self.started_s),
        }
        return [(name, str(value)) for name, value in values.items()]
