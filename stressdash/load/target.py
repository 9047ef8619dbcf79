"""The target and its guard: who may be put under load.

Loopback and private addresses go, and so does a Unix socket. Any other target is refused before a packet is
sent to it, unless its host is named in the plan. What the guard has resolved is what the workers connect to;
they never resolve themselves, so a name cannot point elsewhere between check and use.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import stat
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from stressdash.errors import BadInput, TargetError, TargetRefused

__all__ = ["Address", "Target", "admitted", "guard", "is_loopback", "parse_url", "resolve", "unix_address"]

PORTS: Final = {"http": 80, "https": 443}
"""Schemes, and the port of each."""

PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
SAFE: Final = "/%:@!$&'()*+,;=~?{}"
"""What stays as it is in path and query; anything else is percent-encoded."""


@dataclass(frozen=True, slots=True)
class Address:
    """A resolved socket address."""

    family: int
    host: str
    """Of a Unix socket: its path."""
    port: int
    """Of a Unix socket: 0."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL says."""

    scheme: str
    host: str
    port: int
    path: str
    """Path and query, never empty."""

    @property
    def authority(self) -> str:
        """Host and, unless it is the scheme's own, port: the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme == "https"


def parse_url(url: str) -> Target:
    """Target of an `http` or `https` URL.

    Raises:
        BadInput: what is wrong with the URL, in one sentence that does not repeat it, as it may hold secrets.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadInput("the URL cannot be read; write it like http://127.0.0.1:8080/path") from error
    _check_parts(parts, port)
    path = quote(parts.path or "/", safe=SAFE)
    if parts.query:
        path += "?" + quote(parts.query, safe=SAFE)
    return Target(parts.scheme, _ascii_host(parts.hostname or ""), port or PORTS[parts.scheme], path)


def _check_parts(parts: SplitResult, port: int | None) -> None:
    if parts.scheme not in PORTS:
        raise BadInput("the URL must start with http:// or https://; other schemes cannot be loaded")
    if not parts.hostname:
        raise BadInput("the URL names no host; write it like http://127.0.0.1:8080/path")
    if parts.username is not None or parts.password is not None:
        raise BadInput("the URL holds credentials; give them as a header instead")
    if port == 0:
        raise BadInput("port 0 of the URL cannot be connected to; give the server's port")


def _ascii_host(host: str) -> str:
    try:
        return host.encode("ascii" if host.isascii() else "idna").decode()
    except UnicodeError as error:
        raise BadInput("the URL's host is no valid name; check its spelling") from error


async def resolve(target: Target) -> tuple[Address, ...]:
    """Addresses of the target, in the resolver's order, each once.

    Raises:
        TargetError: the name cannot be resolved.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TargetError(f"the host {target.host!r} cannot be resolved ({error}); check the URL") from error
    addresses = (Address(family, str(sockaddr[0]), target.port) for family, _, _, _, sockaddr in found)
    return tuple(dict.fromkeys(addresses))


async def admitted(
    target: Target,
    allowed: Iterable[str],
    look_up: Callable[[Target], Awaitable[tuple[Address, ...]]] = resolve,
) -> tuple[Address, ...]:
    """Addresses of a target that may be loaded, as `look_up` finds them.

    Raises:
        TargetRefused: it is public, or nobody can tell, and it is not allowed by name.
        TargetError: it is allowed by name, which cannot be resolved.
    """
    names = tuple(allowed)
    try:
        addresses = await look_up(target)
    except TargetError as error:
        if _is_named(target, names):
            raise
        raise TargetRefused(
            f"{target.host} cannot be resolved, so it cannot be told from a public host; check the URL, "
            f"or say --allow-target {target.host}"
        ) from error
    guard(target, addresses, names)
    return addresses


def unix_address(path: str) -> Address:
    """Address of a Unix socket, which is on this machine whatever the URL says.

    Raises:
        TargetError: there is no socket.
    """
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise TargetError(f"the Unix socket {path!r} cannot be used: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise TargetError(f"{path!r} is no Unix socket; give the path that the server listens on")
    return Address(socket.AF_UNIX, path, 0)


def guard(target: Target, addresses: Iterable[Address], allowed: Iterable[str]) -> None:
    """Let the target pass, or refuse it.

    Raises:
        TargetRefused: some address is neither loopback nor private, and the host is not allowed by name.
    """
    if _is_named(target, allowed):
        return
    for address in addresses:
        if not _is_private(address.host):
            raise TargetRefused(
                f"{target.host} ({address.host}) is neither this machine nor a private address; "
                f"if you may put it under load, say --allow-target {target.host}"
            )


def _is_named(target: Target, allowed: Iterable[str]) -> bool:
    return target.host.lower() in {host.lower().strip("[]") for host in allowed}


def is_loopback(address: Address) -> bool:
    """Whether the address is on this machine, by its form."""
    return address.family == socket.AF_UNIX or _parsed(address.host).is_loopback


def _is_private(host: str) -> bool:
    return any(_parsed(host) in network for network in PRIVATE)


def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
