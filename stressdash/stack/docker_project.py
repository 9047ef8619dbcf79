"""The compose project of one state folder: its parts, its name, its variables, and who brought it up.

Its variables, ports and passwords among them, lie in a private file of the state folder and stay the same, so
that data that was created with a password can be opened again. A variable of the environment counts more.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from stressdash.errors import BadInput, StackError
from stressdash.paths import bundled, config_dir
from stressdash.stack.folder import Secrets, StateFolder, usable
from stressdash.wire import from_json, to_json

__all__ = ["APM_PARTS", "PARTS", "WITHOUT_APM", "Owner", "Part", "Project"]

OVERRIDE: Final = "docker-compose.override.yml"
CLOCK_SLACK_S: Final = 2.0
"""The wall clock may be set, and the start of a process is told by it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One component, and what compose calls it."""

    component: str
    service: str
    port: int
    """On which it listens in its container."""
    port_variable: str
    image_variable: str
    """Names another image; for the service the one that its build begins with."""


PARTS: Final = {
    part.component: part
    for part in (
        Part("service", "stats", 3000, "STATS_PORT", "BASE_IMAGE"),
        Part("database", "db", 3306, "DB_PORT", "DB_IMAGE"),
        Part("apm", "apm-server", 8200, "APM_SERVER_PORT", "APM_SERVER_IMAGE"),
        Part("elasticsearch", "elasticsearch", 9200, "ELASTICSEARCH_PORT", "ELASTICSEARCH_IMAGE"),
    )
}
"""By component."""
APM_PARTS: Final = ("apm", "elasticsearch")
WITHOUT_APM: Final = ("service", "database")


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that brought containers up and shall take them down."""

    pid: int
    started_s: float
    """Wall-clock time of its start, so that a reused id is not mistaken for it."""
    kept: bool = False
    """They were to survive it."""

    @classmethod
    def me(cls, *, kept: bool = False) -> Owner:
        """This process."""
        return cls(os.getpid(), psutil.Process().create_time(), kept)

    @property
    def lives(self) -> bool:
        """Whether it still runs."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started_s) < CLOCK_SLACK_S
        except psutil.Error:
            return False

    @property
    def is_me(self) -> bool:
        """Whether it is this process, which is to take the containers down."""
        return self.pid == os.getpid() and self.lives and not self.kept


class Project:
    """What is kept of a project outside Docker."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self.name = f"stressdash-{hashlib.sha256(os.fsencode(folder.path)).hexdigest()[:8]}"
        """One project for each state folder: passwords live in the folder and, with the data, in volumes."""
        self.variables = folder.path / "docker.env"
        self._owner = folder.path / "docker-owner.json"

    @property
    def files(self) -> tuple[Path, ...]:
        """The compose file, and the user's override of it where there is one."""
        override = config_dir() / OVERRIDE
        return (bundled("docker-compose.yml"), *([override] if override.exists() else []))

    def prepare(self, secrets: Secrets, *, renew_ports: bool) -> list[str]:
        """Write the file of variables where there is none.

        Args:
            secrets: of the state folder.
            renew_ports: nothing runs, so ports that somebody else has taken meanwhile are chosen anew.

        Returns:
            A sentence for each port that had to change.
        """
        with usable(self._folder.path):
            values = self._read()
            told = []
            for part in PARTS.values():
                port = values.get(part.port_variable, "")
                if port and not (renew_ports and _is_taken(int(port))):
                    continue
                values[part.port_variable] = str(_free_port())
                if port:
                    told.append(
                        f"port {port} of the {part.component} is taken by another program: "
                        f"it gets {values[part.port_variable]}"
                    )
            self._write(_passwords(secrets) | values)
        return told

    def owner(self) -> Owner | None:
        """Who brought the containers up, if that is known."""
        try:
            return from_json(self._owner.read_bytes(), Owner)
        except (OSError, BadInput):
            return None

    def own(self, owner: Owner | None) -> None:
        """Record who shall take the containers down; None: nobody, they are gone."""
        with usable(self._folder.path):
            if owner is None:
                self._owner.unlink(missing_ok=True)
            else:
                self._owner.write_bytes(to_json(owner))

    def _read(self) -> dict[str, str]:
        if not self.variables.exists():
            return {}
        pairs = (line.partition("=") for line in self.variables.read_text().splitlines())
        values = {name: value for name, _, value in pairs if name}
        for part in PARTS.values():
            if not values.get(part.port_variable, "0").isdecimal():
                raise StackError(
                    f"{self.variables} is damaged: {part.port_variable} is no port; remove that file"
                )
        return values

    def _write(self, values: Mapping[str, str]) -> None:
        """Write the file as a whole, for its owner's eyes only."""
        new = self.variables.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())
        new.replace(self.variables)


def _passwords(secrets: Secrets) -> dict[str, str]:
    return {
        "DB_ROOT_PASSWORD": secrets.database_admin,
        "DB_PASSWORD": secrets.database,
        "STATS_ADMIN_TOKEN": secrets.service,
        "APM_SECRET_TOKEN": secrets.apm,
        "ELASTIC_PASSWORD": secrets.elastic("elastic"),
        "KIBANA_PASSWORD": secrets.elastic("kibana_system"),
    }


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what waits to be forgotten is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
