"""What the service's tests start: a private MariaDB, and the service as a process."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncmy
import asyncmy.errors
import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class MariaDb:
    """A running server with a database `stats` for user `stats`."""

    host: str
    port: int
    unix_socket: str
    user: str
    password: str
    process: subprocess.Popen[bytes]

    @property
    def dsn(self) -> str:
        return f"mysql://{self.user}:{self.password}@{self.host}:{self.port}/stats"

    async def query(self, sql: str) -> list[Any]:
        """Rows of a statement, run as the administrator."""
        connection = await asyncmy.connect(
            unix_socket=self.unix_socket, user="admin", password="admin", database="stats", autocommit=True
        )
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(sql)
                return list(await cursor.fetchall())
        finally:
            await connection.ensure_closed()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _account() -> str | None:
    """The account a server is to run as; None for our own."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("mysql", "nobody") if name in known)


def run_mariadb(folder: Path) -> Iterator[MariaDb]:
    """Start a server with its data in a folder; stop it when the iterator is closed."""
    account = _account()
    as_user = [f"--user={account}"] if account else []
    if account:
        folder.chmod(0o755)
        entry = pwd.getpwnam(account)
        data = folder / "data"
        data.mkdir()
        os.chown(data, entry.pw_uid, entry.pw_gid)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    init = folder / "init.sql"
    init.write_text(
        "CREATE DATABASE stats;\n"
        "CREATE USER stats@'%' IDENTIFIED BY 's:t/ats';\nGRANT ALL ON stats.* TO stats@'%';\n"
        "CREATE USER admin@localhost IDENTIFIED BY 'admin';\nGRANT ALL ON *.* TO admin@localhost;\n"
    )
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={folder / 'data'}", "--skip-test-db",
         "--auth-root-authentication-method=normal", *as_user],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    port, unix_socket = free_port(), str(folder / "s")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={folder / 'data'}", f"--socket={unix_socket}",
             "--bind-address=127.0.0.1", f"--port={port}", f"--init-file={init}", "--skip-name-resolve",
             f"--pid-file={folder / 'pid'}", "--innodb-flush-log-at-trx-commit=2", "--max-connections=151",
             *as_user],
            stdout=log, stderr=log,
        )  # fmt: skip
    server = MariaDb("127.0.0.1", port, unix_socket, "stats", "s%3At%2Fats", process)
    try:
        deadline = time.monotonic() + 60
        while not _answers(server):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"mariadbd did not start: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _answers(server: MariaDb) -> bool:
    try:
        asyncio.run(server.query("SELECT 1"))
    except asyncmy.errors.Error:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Running:
    """A service process that listens."""

    process: asyncio.subprocess.Process
    url: str
    token: str

    async def stderr(self) -> str:
        """All of standard error, once the process has ended."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


def service_environment(**settings: str) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**inherited, "PYTHONPATH": str(ROOT), "STATS_PORT": "0", **settings}


async def spawn(*flags: str, **settings: str) -> asyncio.subprocess.Process:
    """The service as a process of its own, whether or not its settings let it start."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service", *flags,
        env=service_environment(**settings),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
