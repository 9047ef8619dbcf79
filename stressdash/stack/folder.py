"""The state folder: where the stack keeps its data, its logs, its secrets and the way to its supervisor.

Everything in it is for its owner's eyes only. Secrets are made once per folder, so that a database that was
created with them can be opened again.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from stressdash.errors import BadInput, StackError
from stressdash.wire import from_json, to_json

__all__ = ["Secrets", "StateFolder", "Whereabouts", "usable"]

SOCKET_PATH_LIMIT = 100
"""Bytes; the system's own limit is 108 on Linux and 104 on macOS."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Passwords and tokens of one stack."""

    database: str = field(repr=False)
    """Of the account `stats`, which the service uses."""
    database_admin: str = field(repr=False)
    """Of the account `stressdash`."""
    service: str = field(repr=False)
    """Bearer token of the service's admin endpoint."""
    apm: str = field(repr=False)
    """Token with which the service hands in its events."""

    def elastic(self, user: str) -> str:
        """Password of one of Elasticsearch's users: nothing that the service knows tells it."""
        return hmac.digest(self.database_admin.encode(), user.encode(), "sha256").hex()[:32]

    @classmethod
    def fresh(cls) -> Secrets:
        """New ones; hexadecimal, so that no program needs to quote them."""
        return cls(*(secrets.token_hex(16) for _ in range(4)))


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """How to reach a running supervisor."""

    pid: int
    socket: str


class StateFolder:
    """The paths inside one state folder, and what is kept there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.load_lock = path / "load.lock"
        """Held by who owns the load; see `owner`."""
        self.load_picture = path / "load.json"
        """What the owner of the load lets others see of it."""
        self._secrets = path / "secrets.json"
        self._whereabouts = path / "supervisor.json"
        self._lock = path / "supervisor.lock"

    def make(self) -> None:
        """Create the folder.

        Raises:
            StackError: it cannot be created or written to.
        """
        with usable(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path) as probe:
                probe.write(b"\0")

    def secrets(self) -> Secrets:
        """The secrets of this folder, made when it has none; whoever is first wins.

        Raises:
            StackError: they cannot be read or written.
        """
        with usable(self.path):
            if not self._secrets.exists():
                self._write(self._secrets, to_json(Secrets.fresh()), replace=False)
            text = self._secrets.read_bytes()
        try:
            return from_json(text, Secrets)
        except BadInput as error:
            raise StackError(f"{self._secrets} is damaged; remove the state folder {self.path}") from error

    def publish(self, path: Path, data: bytes) -> None:
        """Write a private file of this folder so that nobody ever sees a part of it.

        Raises:
            StackError: it cannot be written.
        """
        with usable(self.path):
            self._write(path, data, replace=True)

    def whereabouts(self) -> Whereabouts | None:
        """What the supervisor recorded last; it may be gone since."""
        try:
            return from_json(self._whereabouts.read_bytes(), Whereabouts)
        except (OSError, BadInput):
            return None

    def record(self, whereabouts: Whereabouts) -> None:
        """Tell clients where the supervisor is."""
        self._write(self._whereabouts, to_json(whereabouts), replace=True)

    def forget(self) -> None:
        """Remove socket and record of the supervisor that was here, orderly or by `kill -9`."""
        left = self.whereabouts()
        if left is None:
            return
        with suppress(OSError):
            Path(left.socket).unlink()
        if (parent := Path(left.socket).parent) != self.path:
            with suppress(OSError):
                parent.rmdir()
        with suppress(OSError):
            self._whereabouts.unlink()

    def socket_path(self) -> Path:
        """A path that is short enough for a Unix socket: in this folder, or in a new private one."""
        inside = self.path / "supervisor.sock"
        if len(os.fsencode(inside)) <= SOCKET_PATH_LIMIT:
            return inside
        return Path(tempfile.mkdtemp(prefix="stressdash-", dir=os.environ.get("XDG_RUNTIME_DIR"))) / "sock"

    def lock(self) -> int | None:
        """A file descriptor that holds the supervisor's lock until it closes, None while another holds it."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _write(self, path: Path, data: bytes, *, replace: bool) -> None:
        """Write a private file so that nobody ever sees a part of it."""
        descriptor, name = tempfile.mkstemp(dir=self.path)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        if replace:
            Path(name).replace(path)
            return
        try:
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            Path(name).unlink()


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turn the system's errors about a state folder into one sentence."""
    try:
        yield
    except OSError as error:
        raise StackError(
            f"the state folder {path} cannot be used: {error.strerror}; "
            "name another one by --state or the environment variable STRESSDASH_STATE"
        ) from error
