"""The programs around the service, each on a free loopback port with a fresh folder, for one `with` each."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.harness import Unavailable, started, wait_until

ACT3 = {"STATS_MAX_OPEN": "800", "STATS_MAX_IDLE": "800", "STATS_CANCELLATION": "shield"}
PASSWORD = secrets.token_hex(8)
RPC = "/twirp/stats.StatsService/Push"


@contextlib.contextmanager
def announced(
    words: list[str], environment: Mapping[str, str], core: int | None = None
) -> Iterator[tuple[str, int]]:
    """Run a program that prints its address as the last word of its first line; gives address and pid."""
    running = started(words, core, stdout=subprocess.PIPE, env=os.environ | dict(environment))
    with running as process:
        assert process.stdout
        line = process.stdout.readline().decode().split()
        if not line:
            raise Unavailable(f"{' '.join(words)} did not start")
        yield line[-1], process.pid


@contextlib.contextmanager
def embedded_database(core: int | None = None) -> Iterator[str]:
    """DSN of the embedded database."""
    secret = {"STRESSDASH_DB_PASSWORD": PASSWORD, "STRESSDASH_DB_ADMIN_PASSWORD": PASSWORD}
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "stressdash.embedded.mysql", "--data", folder]
        with announced([*words, "--max-connections", "1000"], secret, core) as (address, _):
            yield f"mysql://stats:{PASSWORD}@{address}/stats"


@contextlib.contextmanager
def mariadb() -> Iterator[str]:
    """DSN of a MariaDB with the server's defaults but 1,000 connections, on a data folder of its own."""
    if not (server := shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")):
        raise Unavailable("mariadbd is not installed (apt-get install mariadb-server)")
    with tempfile.TemporaryDirectory(prefix="sd-") as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        data, sock, setup = Path(folder) / "data", Path(folder) / "sock", Path(folder) / "setup.sql"
        common = [
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={folder}",
            f"--user={os.environ.get('USER', 'root')}",
        ]
        install = ["mariadb-install-db", *common, "--auth-root-authentication-method=normal"]
        subprocess.run(install, check=True, capture_output=True)
        setup.write_text(
            f"CREATE DATABASE stats;\nCREATE USER stats@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON stats.* TO stats@'127.0.0.1';\n"
        )
        limits = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={sock}", "--max-connections=1000"]
        with started([server, *common, *limits, "--skip-name-resolve", f"--init-file={setup}"]):
            wait_until(lambda: _answers(port), 60)
            yield f"mysql://stats:{PASSWORD}@127.0.0.1:{port}/stats"


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def intake(
    core: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """URL and process id of the embedded APM intake."""
    with announced([sys.executable, "-m", "stressdash.embedded.apm"], environment or {}, core) as found:
        yield found


@contextlib.contextmanager
def service(dsn: str, environment: Mapping[str, str]) -> Iterator[str]:
    """URL of the stats service's Push, with the knobs of act 3."""
    words = [sys.executable, "-m", "service"]
    with announced(words, {"STATS_DSN": dsn, "STATS_PORT": "0"} | ACT3 | dict(environment)) as (address, _):
        yield (address if "://" in address else f"http://{address}") + RPC


@contextlib.contextmanager
def plain_handler(dsn: str) -> Iterator[str]:
    """URL of the least that aiohttp and asyncmy can do: one insert, no Twirp, no APM, no pool semantics."""
    with announced([sys.executable, "-m", "benchmarks.plain_handler"], {"STATS_DSN": dsn}) as (address, _):
        yield address + RPC
