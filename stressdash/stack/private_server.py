"""A private MariaDB or MySQL from the PATH: own data, own accounts, loopback only, ready within seconds.

Nothing of an installed server is used but its programs: no configuration file, no system data, no system
socket. The accounts' passwords reach it in an init file that only its own account can read. A server that
root starts runs as `mysql` or `nobody`; that account could not reach data inside root's private state folder,
so the data lies in a private folder under /var/tmp then, to which a link in the state folder leads. A note in
it tells of that link, so that the data of a removed state folder can be found and cleaned; see `leftovers`.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from stressdash.errors import StackError
from stressdash.stack.folder import Secrets, usable
from stressdash.stack.leftovers import OUTSIDE, OWNER_NOTE, data_left
from stressdash.stack.orphan import end_orphan
from stressdash.stack.program import PORT, Program
from stressdash.stack.server_program import Server, find_server
from stressdash.text import escape

__all__ = ["PrivateServer", "account_for_root"]

ACCOUNTS: Final = ("mysql", "nobody")
INIT_S: Final = 60.0


class PrivateServer:
    """The database engine of the process backend.

    Args:
        home: its folder; created, or made a link, by `prepare`.
    """

    def __init__(self, home: Path) -> None:
        self.name = "a private database server"
        self._link = home
        self._server: Server | None = None
        self._account = account_for_root() if os.geteuid() == 0 else None

    async def find(self) -> None:
        """Find the program."""
        if self._server is None:
            self._server = await asyncio.to_thread(find_server)
            self.name = f"a private {self._server.product}"

    async def prepare(self, secrets: Secrets, progress: Callable[[str], None]) -> None:
        """Find the program, make its data once, write its init file."""
        await self.find()
        with usable(self._link.parent):
            for left in await asyncio.to_thread(data_left):
                progress(f"removing {left.what}")
                await asyncio.to_thread(left.clear)
            home = self._home()
            data = home / "data"
            if await asyncio.to_thread(end_orphan, data / "mysqld.pid", data):
                progress("ended a database server that a killed stack had left, and adopted its data")
            self._make_scratch(home / "tmp")
            if not data.exists():
                await self._make_data(data)
            self._write(home / "init.sql", _accounts_sql(secrets))

    def program(self, secrets: Secrets, knobs: Mapping[str, str]) -> Program:  # noqa: ARG002  they are in the init file
        """How to run it."""
        assert self._server is not None
        home = self._link.resolve()
        flags = {
            "datadir": home / "data",
            "tmpdir": home / "tmp",  # a server that starts empties a shared one of other servers' tables
            "init-file": home / "init.sql",
            "socket": "mysqld.sock",  # relative to datadir: its path has no length limit
            "pid-file": home / "data" / "mysqld.pid",
            "bind-address": "127.0.0.1",
            "port": PORT,
            "max-connections": knobs.get("max_connections", "151"),
            "innodb-flush-log-at-trx-commit": knobs.get("innodb_flush_log_at_trx_commit", "1"),
            # The driver sends passwords without TLS. Each product and version takes what it knows of these.
            "loose-default-authentication-plugin": "mysql_native_password",
            "loose-authentication-policy": "mysql_native_password",
            "loose-mysql-native-password": "ON",
            "loose-mysqlx": "OFF",
        }
        if self._account is not None:
            flags["user"] = self._account.pw_name
        return Program(
            name="database",
            arguments=(
                *(self._server.path, "--no-defaults", "--skip-name-resolve"),
                *(f"--{name}={value}" for name, value in flags.items()),
            ),
            ready=r"Version: '.* port: (?P<port>\d+)",
            warded=True,
            stop_within_s=20.0,
            end_within_s=0.8,
        )

    def erase(self) -> None:
        """Remove its data."""
        shutil.rmtree(self._link.resolve(), ignore_errors=True)
        if self._link.is_symlink():
            self._link.unlink()

    def _home(self) -> Path:
        """The folder itself, made when it is missing."""
        if self._account is None:
            self._link.mkdir(mode=0o700, exist_ok=True)
        elif not self._link.exists():
            self._link.unlink(missing_ok=True)  # a link to what is no more
            made = Path(tempfile.mkdtemp(prefix="stressdash-", dir=OUTSIDE))
            self._own(made)
            self._link.symlink_to(made)
            (made / OWNER_NOTE).write_text(str(self._link), encoding="utf-8")
        return self._link.resolve()

    def _make_scratch(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._own(folder)

    async def _make_data(self, data: Path) -> None:
        """Make the system tables beside their place and then move them there, whole."""
        assert self._server is not None
        new = Path(tempfile.mkdtemp(prefix="new-", dir=data.parent))
        self._own(new)
        flags = [f"--datadir={new}", f"--tmpdir={data.parent / 'tmp'}"]
        if self._account is not None:
            flags.append(f"--user={self._account.pw_name}")
        try:
            if self._server.mariadb:
                await _output(
                    self._server.installer,
                    "--no-defaults",
                    "--skip-test-db",
                    "--skip-name-resolve",
                    *flags,
                    within_s=INIT_S,
                )
            else:
                await _output(
                    self._server.path, "--no-defaults", "--initialize-insecure", *flags, within_s=INIT_S
                )
            await asyncio.to_thread(new.rename, data)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _write(self, path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        self._own(path)

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)


def _accounts_sql(secrets: Secrets) -> str:
    """One statement a line, as init files want it; the passwords are hexadecimal and need no quoting."""
    accounts = (
        ("stats", secrets.database, "stats.*"),
        ("stressdash", secrets.database_admin, "*.*"),
    )
    lines = ["CREATE DATABASE IF NOT EXISTS stats CHARACTER SET utf8mb4;"]
    for name, password, where in accounts:
        lines += [
            f"CREATE USER IF NOT EXISTS '{name}'@'127.0.0.1' IDENTIFIED BY '{password}';",
            f"ALTER USER '{name}'@'127.0.0.1' IDENTIFIED BY '{password}';",
            f"GRANT ALL PRIVILEGES ON {where} TO '{name}'@'127.0.0.1';",
        ]
    lines.append(f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{secrets.database_admin}';")
    return "\n".join(lines) + "\n"


def account_for_root() -> pwd.struct_passwd:
    """Whom a server runs as that root starts.

    Raises:
        StackError: there is nobody.
    """
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ACCOUNTS:
        if name in known:
            return known[name]
    raise StackError("root may not run a database server itself, and there is no account mysql or nobody")


async def _output(*command: str, within_s: float) -> str:
    """What a command says, on either stream.

    Raises:
        StackError: it cannot be run, fails, or takes too long; with its last words.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise StackError(f"cannot run {command[0]}: {error.strerror}") from error
    try:
        async with asyncio.timeout(within_s):
            said, _ = await process.communicate()
    except TimeoutError as error:
        raise StackError(f"{command[0]} did not end within {within_s:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = said.decode(errors="replace").strip()
    if process.returncode:
        words = next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
        raise StackError(f"{command[0]} failed with exit code {process.returncode}: {escape(words, 300)}")
    return text
