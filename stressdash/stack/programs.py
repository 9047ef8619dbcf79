"""How the components of the local backends are run. Secrets go by environment only."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from stressdash.paths import bundled
from stressdash.stack.folder import Secrets
from stressdash.stack.knobs import KNOBS
from stressdash.stack.program import PORT, Program

__all__ = ["EmbeddedEngine", "apm_program", "service_program"]


def apm_program(secrets: Secrets, forward: Mapping[str, str] | None = None) -> Program:
    """The APM intake; `forward` is the environment that makes it hand on what it gets."""
    return Program(
        name="apm",
        arguments=(
            *(sys.executable, "-m", "stressdash.embedded.apm"),
            *("--port", PORT, "--until-stdin-closes"),
        ),
        environment={"STRESSDASH_APM_TOKEN": secrets.apm, **(forward or {})},
        end_within_s=0.2,
    )


def service_program(dsn: str, apm_url: str, secrets: Secrets, knobs: Mapping[str, str]) -> Program:
    """The stats service, with the values of its knobs to start with."""
    path = os.pathsep.join(filter(None, (str(bundled("service").parent), os.environ.get("PYTHONPATH"))))
    return Program(
        name="service",
        arguments=(sys.executable, "-m", "service", "--until-stdin-closes"),
        environment={
            "PYTHONPATH": path,
            "STATS_PORT": PORT,
            "STATS_DSN": dsn,
            "STATS_ADMIN_TOKEN": secrets.service,
            "ELASTIC_APM_SERVER_URL": apm_url,
            "ELASTIC_APM_SECRET_TOKEN": secrets.apm,
            **{
                spec.environment_variable: knobs[spec.name]
                for spec in KNOBS
                if spec.global_variable is None and spec.name in knobs
            },
        },
        stop_within_s=12.0,  # it drains for ten
        end_within_s=0.9,
    )


class EmbeddedEngine:
    """The MySQL server on SQLite that comes with stressdash."""

    name = "the embedded database"

    def __init__(self, data: Path) -> None:
        self._data = data

    async def find(self) -> None:
        """Nothing: it comes with us."""

    async def prepare(self, secrets: Secrets, progress: Callable[[str], None]) -> None:
        """Nothing: the server makes its folder."""

    def erase(self) -> None:
        """Remove its folder."""
        shutil.rmtree(self._data, ignore_errors=True)

    def program(self, secrets: Secrets, knobs: Mapping[str, str]) -> Program:
        """How to run it."""
        return Program(
            name="database",
            arguments=(
                *(sys.executable, "-m", "stressdash.embedded.mysql"),
                *("--port", PORT, "--data", str(self._data)),
                *("--max-connections", knobs.get("max_connections", "151")),
                "--until-stdin-closes",
            ),
            environment={
                "STRESSDASH_DB_PASSWORD": secrets.database,
                "STRESSDASH_DB_ADMIN_PASSWORD": secrets.database_admin,
            },
            ready=r"ready for connections on (?P<host>[^\s:]+):(?P<port>\d+)",
            end_within_s=0.7,
        )
