"""Throw-away databases for tests: the embedded server and a private MariaDB, as processes."""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncmy

PASSWORD = "p@ss/word:1"
ADMIN_PASSWORD = "adm#in 2"
START_S = 60
FRUGAL = ("--innodb-buffer-pool-size=16M", "--innodb-use-native-aio=0")
"""Several MariaDBs share the machine, and the kernel has few asynchronous I/O slots."""
INSERT = (
    "INSERT INTO incoming (id, property, property_section, property_id, remote_ip, stamp) "
    "VALUES (%s, %s, %s, %s, %s, %s)"
)
TABLE = (
    "CREATE TABLE IF NOT EXISTS incoming (id BIGINT UNSIGNED NOT NULL, property VARCHAR(32) NOT NULL, "
    "property_section INT UNSIGNED NOT NULL, property_id INT UNSIGNED NOT NULL, "
    "remote_ip VARCHAR(255) NOT NULL, stamp DATETIME NOT NULL, PRIMARY KEY (id)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
)
numbers = itertools.count(1)


def row(id_: int | None = None, section: int = 1, property_id: int = 1, **other: Any) -> tuple[Any, ...]:
    """Parameters of `INSERT`; ids are unique unless given."""
    values = {"property": "news", "remote_ip": "127.0.0.1", "stamp": "2026-01-02 03:04:05"} | other
    id_ = next(numbers) if id_ is None else id_
    return (id_, values["property"], section, property_id, values["remote_ip"], values["stamp"])


@dataclass(frozen=True, slots=True)
class RunningDatabase:
    """A server with users `stats` and `stressdash` (the administrator) and an empty database `stats`."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    unix_socket: str | None = None

    def dsn(self, user: str = "stressdash", password: str | None = None) -> str:
        words = {"stats": "p%40ss%2Fword%3A1", "stressdash": "adm%23in%202"}
        return f"mysql://{user}:{password or words[user]}@127.0.0.1:{self.port}/stats"

    @asynccontextmanager
    async def client(self, user: str = "stats", **options: Any) -> AsyncIterator[Any]:
        """An open asyncmy connection."""
        words = {"stats": PASSWORD, "stressdash": ADMIN_PASSWORD}
        arguments = {"host": "127.0.0.1", "port": self.port, "db": "stats", "autocommit": True}
        arguments |= {"user": user, "password": words.get(user, "")} | options
        connection = await asyncmy.connect(**arguments)
        try:
            yield connection
        finally:
            await connection.ensure_closed()

    async def admin(self, sql: str, arguments: tuple[Any, ...] | None = None) -> list[Any]:
        """Rows of a statement on an administrator's connection of its own."""
        async with self.client("stressdash") as connection:
            return await ask(connection, sql, arguments)


async def ask(connection: Any, sql: str, arguments: tuple[Any, ...] | None = None) -> list[Any]:
    async with connection.cursor() as cursor:
        await cursor.execute(sql, arguments)
        return list(await cursor.fetchall())


def insert_text(rows: list[tuple[Any, ...]]) -> str:
    """One INSERT statement of several `row`s, as the client would write it."""
    return INSERT.partition("(%s")[0] + ", ".join(map(str, rows))


async def insert(connection: Any, *arguments: Any, **more: Any) -> int:
    """Insert one `row` and return its id."""
    values = row(*arguments, **more)
    await ask(connection, INSERT, values)
    return int(values[0])


async def alone(connection: Any) -> None:
    """Wait until no other client is connected: servers forget clients some time after those have left."""

    async def no_other() -> bool:
        ((_, connected),) = await ask(connection, "SHOW GLOBAL STATUS LIKE 'Threads_connected'")
        return int(connected) == 1

    await eventually(no_other)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until a condition holds that only another process can make true."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  # nothing here could set an event
            await asyncio.sleep(0.01)


def environment(**extra: str) -> dict[str, str]:
    passwords = {"STRESSDASH_DB_PASSWORD": PASSWORD, "STRESSDASH_DB_ADMIN_PASSWORD": ADMIN_PASSWORD}
    return {**os.environ, **passwords, **extra}


def embedded_command(data: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "stressdash.embedded.mysql", "--data", str(data), *flags]


@contextmanager
def embedded(data: Path, *flags: str, prefix: tuple[str, ...] = ()) -> Iterator[RunningDatabase]:
    """The embedded server; ends with the block, if not before, and must have had no complaint."""
    process = subprocess.Popen(
        [*prefix, *embedded_command(data, "--until-stdin-closes", *flags)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        line = process.stdout.readline().decode() if ready else ""
        assert line.startswith("ready for connections on 127.0.0.1:"), line
        yield RunningDatabase("embedded", int(line.rsplit(":", 1)[1]), process)
    finally:
        process.stdin.close()
        process.wait(START_S)
        process.stdout.close()
        told = process.stderr.read().decode()
        process.stderr.close()
    assert told == "", f"the server wrote to standard error: {told}"


@contextmanager
def mariadb(needs: Callable[[str], str]) -> Iterator[RunningDatabase]:
    """A private MariaDB on a loopback port; ends with the block."""
    server, install = needs("mariadbd"), needs("mariadb-install-db")
    folder = Path(tempfile.mkdtemp(prefix="sd-"))
    account = [f"--user={_account()}"] if os.geteuid() == 0 else []
    data, unix_socket, users = folder / "data", folder / "s", folder / "users.sql"
    scratch = folder / "tmp"  # not shared: a starting MariaDB removes the temporary tables that it finds
    scratch.mkdir()
    users.write_text(
        f"CREATE DATABASE stats; CREATE USER stats@'%' IDENTIFIED BY '{PASSWORD}'; "
        f"GRANT ALL ON stats.* TO stats@'%'; CREATE USER stressdash@'%' IDENTIFIED BY '{ADMIN_PASSWORD}'; "
        "GRANT ALL ON *.* TO stressdash@'%';\n".replace("; ", ";\n")
    )
    process = None
    kept = ExitStack()
    try:
        _give_away(folder)
        make = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        private = [*FRUGAL, f"--tmpdir={scratch}", *account]
        made = subprocess.run([*make, "--skip-test-db", *private], capture_output=True, timeout=START_S)
        assert made.returncode == 0, made.stdout + made.stderr
        port = kept.enter_context(reserved_port())
        options = {
            "datadir": data,
            "socket": unix_socket,
            "port": port,
            "bind-address": "127.0.0.1",
            "init-file": users,
            "log-error": folder / "log",
            "pid-file": folder / "pid",
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        process = subprocess.Popen([server, "--no-defaults", "--skip-name-resolve", *flags, *private])
        _await_listening(process, port)
        yield RunningDatabase("mariadb", port, process, str(unix_socket))
    finally:
        if process is not None:
            process.terminate()
            process.wait(START_S)
        kept.close()
        shutil.rmtree(folder, ignore_errors=True)


def _await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("MariaDB did not start")


def _give_away(folder: Path) -> None:
    """A server started by root runs as another account, which must own its folder."""
    if os.geteuid() == 0:
        entry = pwd.getpwnam(_account())
        for path in (folder, *folder.iterdir()):
            os.chown(path, entry.pw_uid, entry.pw_gid)


def _account() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("mysql", "nobody") if name in known)


@contextmanager
def reserved_port(port: int = 0) -> Iterator[int]:
    """A port that the system gives to nobody else meanwhile; servers, which set SO_REUSEADDR, can have it."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", port))
        yield int(reserved.getsockname()[1])
