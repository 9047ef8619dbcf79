"""How connections are made and how long they live: TLS, sockets, addresses; not what is sent on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stressdash.errors import UsageError

__all__ = ["Transport"]

SOCKET_PATH_LIMIT: Final = 107
"""Bytes that a Unix socket's address has room for, on Linux."""
SHORTEST_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Transport:
    """A part of the plan. Files are read by each worker when it starts."""

    ca_file: str | None = None
    """Certificates in PEM that are trusted instead of the system's."""
    cert_file: str | None = None
    """The client's certificate in PEM, with its chain."""
    key_file: str | None = None
    """Its key in PEM, without a passphrase; None when it stands in `cert_file`."""
    insecure: bool = False
    """Take any certificate for any name."""
    unix_socket: str | None = None
    """Path to connect to instead of the URL's host and port."""
    keepalive: bool = True
    """False makes a connection for each request."""
    lifetime_s: float | None = None
    """A connection older than this is closed after its answer, and another one opened."""
    resolve_every_s: float | None = None
    """The host is looked up again so often; None: only before the start."""
    round_robin: bool = False
    """Spread connections over all addresses of the host; else each begins with the one that worked last."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            UsageError: what to change.
        """
        if self.key_file is not None and self.cert_file is None:
            raise UsageError("a client's key is of no use without its certificate; add --cert FILE")
        if self.insecure and self.ca_file is not None:
            raise UsageError("--insecure trusts everyone and --cacert does not; leave one of them out")
        for what, seconds in (("lifetime", self.lifetime_s), ("time between lookups", self.resolve_every_s)):
            if seconds is not None and not SHORTEST_S <= seconds < 1e8:
                raise UsageError(f"a {what} of {seconds:g} s cannot be kept; give {SHORTEST_S:g} s or more")
        path = self.unix_socket
        if path is not None and not 0 < len(path.encode()) <= SOCKET_PATH_LIMIT:
            raise UsageError(
                f"a Unix socket's path has 1 to {SOCKET_PATH_LIMIT} bytes; give a shorter one or a link to it"
            )
        if path is not None and self.resolve_every_s is not None:
            raise UsageError(
                "a Unix socket has no host to look up; leave --unix-socket or --resolve-every out"
            )
