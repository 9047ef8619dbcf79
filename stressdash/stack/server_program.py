"""Which MariaDB or MySQL this machine has, and whether a private one can be made of it. Blocks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stressdash.errors import StackError
from stressdash.text import escape

__all__ = ["Server", "find_server"]

PROGRAMS: Final = ("mariadbd", "mysqld")
MORE_FOLDERS: Final = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/opt/homebrew/bin",
    "/usr/local/mysql/bin",
)
"""Where servers lie that are not on the PATH of ordinary users."""
VERSION: Final = re.compile(r"Ver (\d+)\.(\d+)")
REFUSED_FROM: Final = 9
"""MySQL 9 has no authentication by password that works without TLS."""
ANSWER_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server program that was found."""

    path: str
    mariadb: bool
    version: tuple[int, int]
    installer: str = ""
    """MariaDB's program that makes its system tables; MySQL makes them itself."""

    @property
    def product(self) -> str:
        """As people call it, with its version."""
        return f"{'MariaDB' if self.mariadb else 'MySQL'} {self.version[0]}.{self.version[1]}"


def find_server() -> Server:
    """The first server on the PATH, MariaDB before MySQL. Blocks for as long as it tells its version.

    Raises:
        StackError: there is none that can be used; with what helps.
    """
    where = os.pathsep.join((os.environ.get("PATH", os.defpath), *MORE_FOLDERS))
    for program in PROGRAMS:
        if path := shutil.which(program, path=where):
            break
    else:
        raise StackError(
            "neither mariadbd nor mysqld is on the PATH: install one, for instance with "
            "'apt-get install mariadb-server', or use --stack embedded"
        )
    said = _version_of(path)
    found = VERSION.search(said)
    if found is None:
        raise StackError(f"{path} does not tell its version: {escape(said, 200)}")
    version = (int(found[1]), int(found[2]))
    if "MariaDB" in said:
        return Server(path, mariadb=True, version=version, installer=_installer(Path(path)))
    if version[0] >= REFUSED_FROM:
        raise StackError(f"{path} is MySQL {version[0]}: use MySQL 8, MariaDB or --stack embedded")
    return Server(path, mariadb=False, version=version)


def _version_of(path: str) -> str:
    command = [path, "--no-defaults", "--version"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=ANSWER_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(f"{path} does not tell its version: {escape(str(error), 200)}") from error
    return done.stdout.decode(errors="replace")


def _installer(server: Path) -> str:
    beside = server.parent
    where = os.pathsep.join((str(beside), str(beside.parent / "bin"), os.environ.get("PATH", os.defpath)))
    for name in ("mariadb-install-db", "mysql_install_db"):
        if path := shutil.which(name, path=where):
            return path
    raise StackError(f"{server} is there, but mariadb-install-db is not: install it, too")
