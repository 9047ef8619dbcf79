"""What Linux tells of the tables that connections live in; None where the system does not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["backlog_limit", "listen_overflows", "local_ports", "port_rest_s", "resting_ports"]

PROC: Final = Path("/proc")
TIME_WAIT_S: Final = 60
"""How long a port rests after its side has closed first; a constant of the kernel."""
REUSE_AFTER_S: Final = 1


def local_ports() -> int | None:
    """Number of ephemeral ports."""
    words = _words("sys/net/ipv4/ip_local_port_range")
    return None if len(words) != 2 else int(words[1]) - int(words[0]) + 1


def port_rest_s(*, loopback: bool) -> int | None:
    """How long a local port cannot be used again for the same destination."""
    words = _words("sys/net/ipv4/tcp_tw_reuse")
    if not words:
        return None
    return REUSE_AFTER_S if words[0] == "1" or (words[0] == "2" and loopback) else TIME_WAIT_S


def resting_ports() -> int | None:
    """Sockets in TIME_WAIT now."""
    words = _words("net/sockstat")
    return int(words[words.index("tw") + 1]) if "tw" in words else None


def backlog_limit() -> int | None:
    """Connections that may wait to be accepted by a server of this machine, whatever it asks for."""
    words = _words("sys/net/core/somaxconn")
    return int(words[0]) if words else None


def listen_overflows() -> int | None:
    """Connections that found the queue of a listening socket full, since the machine started."""
    words = _words("net/netstat")
    if "ListenOverflows" not in words:
        return None
    values = words[words.index("TcpExt:", 1) :]
    return int(values[words.index("ListenOverflows")])


def _words(name: str) -> list[str]:
    try:
        return (PROC / name).read_text(encoding="ascii").split()
    except (OSError, UnicodeError):
        return []
