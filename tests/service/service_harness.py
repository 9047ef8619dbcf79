"""What the service's tests start: a private MariaDB, and the service as a process."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncmy
import asyncmy.errors
import pytest
from aiohttp import web
from databases import reserved_port

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
        ["mariadb-install-db", "--no-defaults", f"--datadir={folder / 'data'}", f"--tmpdir={folder}",
         "--skip-test-db", "--auth-root-authentication-method=normal", *as_user],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    kept = ExitStack()
    port, unix_socket = kept.enter_context(reserved_port()), str(folder / "s")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={folder / 'data'}", f"--tmpdir={folder}",
             f"--socket={unix_socket}", "--bind-address=127.0.0.1", f"--port={port}", f"--init-file={init}",
             "--skip-name-resolve", f"--pid-file={folder / 'pid'}", "--max-connections=151",
             "--innodb-flush-log-at-trx-commit=2",
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
        kept.close()


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


class Intake:
    """A recorder in the place of an APM server: keeps every event that the agent sends."""

    def __init__(self) -> None:
        self.url = ""
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.status = 202
        self._arrived = asyncio.Event()

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.status != 202:
            return web.json_response({"accepted": 0}, status=self.status)
        for line in body.splitlines():
            ((kind, event),) = json.loads(line).items()
            self.events.append((kind, event))
        self._arrived.set()
        return web.Response(status=202)

    async def version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": "8.19.0"})

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All events of a kind, in order of arrival."""
        return [event for name, event in self.events if name == kind]

    async def until(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many events of a kind."""
        async with asyncio.timeout(60):
            while len(self.of(kind)) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.of(kind)


@asynccontextmanager
async def serve_intake() -> AsyncIterator[Intake]:
    intake = Intake()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/intake/v2/events", intake.receive)
    app.router.add_get("/", intake.version)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    intake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield intake
    finally:
        await runner.cleanup()


PUSH = "/twirp/stats.StatsService/Push"


def news(section: int, number: int = 1) -> dict[str, object]:
    """A pageview that passes validation."""
    return {"property": "news", "section": section, "id": number}


async def until_ready(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until the service says that it can work."""
    async with asyncio.timeout(60):
        while True:
            async with session.get(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.02)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - what is waited for lies in another process
            await asyncio.sleep(0.02)


@asynccontextmanager
async def locked_table(mariadb: MariaDb) -> AsyncIterator[None]:
    """While inside, every insert waits."""
    connection = await asyncmy.connect(
        unix_socket=mariadb.unix_socket, user="admin", password="admin", database="stats"
    )
    try:
        async with connection.cursor() as cursor:
            await cursor.execute("LOCK TABLES incoming WRITE")
            yield
            await cursor.execute("UNLOCK TABLES")
    finally:
        await connection.ensure_closed()


def bearer(service: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.token}"}


async def status(service: Running, session: aiohttp.ClientSession) -> dict[str, Any]:
    async with session.get(f"{service.url}/admin/status", headers=bearer(service)) as answer:
        return dict(await answer.json())


async def insert_waits(mariadb: MariaDb) -> bool:
    rows = await mariadb.query(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO incoming%'"
        " AND state LIKE 'Waiting%'"
    )
    return bool(rows[0][0] == 1)
