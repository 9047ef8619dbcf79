"""Where Docker is, found as its command line finds it: DOCKER_HOST, the context, else a socket here.

Only a daemon of this machine will do: what it publishes is on its own loopback address, where another
machine's dashboard would look in vain. Knows neither the SDK nor any container.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from stressdash.errors import StackError
from stressdash.text import escape

__all__ = ["Endpoint", "find_endpoint"]

SYSTEM_SOCKET: Final = Path("/var/run/docker.sock")
CONNECT_S: Final = 3.0
INSTEAD: Final = "or use --stack process"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One daemon."""

    url: str
    """`unix://...` or `tcp://...`."""
    named_by: str
    """What named it: `DOCKER_HOST`, `the context 'x'`, or `the system` where nothing did."""
    rootless: bool = False
    """It is a daemon of the user's own."""

    def obstacle(self) -> str:
        """Why nobody answers there, with the remedy; empty when somebody listens. Blocks."""
        parts = urlsplit(self.url)
        try:
            if parts.scheme == "unix":
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.settimeout(CONNECT_S)
                    probe.connect(parts.path)
            else:
                address = parts.hostname or "", parts.port or 2375
                socket.create_connection(address, timeout=CONNECT_S).close()
        except PermissionError:
            return (
                f"you may not use Docker's socket {parts.path}: join its group, as by "
                f"'sudo usermod -aG docker $USER' and a new login, {INSTEAD}"
            )
        except (FileNotFoundError, ConnectionError):
            return f"the Docker daemon does not run ({self.told}): {self._start}, {INSTEAD}"
        except OSError as error:
            reason = error.strerror or "it does not answer"
            return f"Docker cannot be reached ({self.told}: {reason}): check DOCKER_HOST, {INSTEAD}"
        return ""

    @property
    def told(self) -> str:
        """The address with who named it."""
        return self.url if self.named_by == "the system" else f"{self.url}, named by {self.named_by}"

    @property
    def _start(self) -> str:
        how = "systemctl --user start docker" if self.rootless else "sudo systemctl start docker"
        return f"start it, for instance by '{how}'"


def find_endpoint(environ: Mapping[str, str]) -> Endpoint:
    """The daemon that `docker` would use.

    Raises:
        StackError: it is on another machine, or the context that names it cannot be read.
    """
    if url := environ.get("DOCKER_HOST"):
        return _on_this_machine(Endpoint(url, "DOCKER_HOST", rootless=_is_of(url, environ)))
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/")) / ".docker")
    context = environ.get("DOCKER_CONTEXT") or str(_read(folder / "config.json").get("currentContext", ""))
    if context in ("", "default"):
        return _socket_of_this_machine(environ)
    name = f"the context {escape(context, 60)!r}"
    meta = folder / "contexts" / "meta" / hashlib.sha256(context.encode()).hexdigest() / "meta.json"
    url = _read(meta).get("Endpoints", {}).get("docker", {}).get("Host")
    if not url:
        raise StackError(f"Docker's {name[4:]} cannot be read: choose another one by 'docker context use'")
    return _on_this_machine(Endpoint(str(url), name, rootless=_is_of(str(url), environ)))


def _socket_of_this_machine(environ: Mapping[str, str]) -> Endpoint:
    """The system's daemon, or the user's own where only that one is there."""
    if not SYSTEM_SOCKET.exists():
        for own in _own_sockets(environ):
            if own.exists():
                return Endpoint(f"unix://{own}", "the system", rootless=True)
    return Endpoint(f"unix://{SYSTEM_SOCKET}", "the system")


def _own_sockets(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where a daemon of the user's own listens: rootless Docker, and Docker Desktop."""
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return Path(runtime) / "docker.sock", Path(environ.get("HOME", "/")) / ".docker" / "run" / "docker.sock"


def _is_of(url: str, environ: Mapping[str, str]) -> bool:
    return url in {f"unix://{own}" for own in _own_sockets(environ)}


def _on_this_machine(endpoint: Endpoint) -> Endpoint:
    parts = urlsplit(endpoint.url)
    if parts.scheme == "unix" or (parts.scheme == "tcp" and _is_loopback(parts.hostname or "")):
        return endpoint
    shown = escape(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), 100)
    raise StackError(
        f"Docker is on another machine ({shown}, named by {endpoint.named_by}), and what it publishes cannot "
        f"be reached from here: unset it, load what runs there by its URL, {INSTEAD}"
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is none."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
