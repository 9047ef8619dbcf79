"""Which process listens on a port of this machine: what it uses is shown although it is not ours. Blocks."""

from __future__ import annotations

import psutil

__all__ = ["listener_on"]


def listener_on(port: int) -> int | None:
    """The process id; None where nobody listens, or the system does not tell us whose it is."""
    try:
        found = psutil.net_connections(kind="tcp")
    except psutil.Error:  # macOS tells nothing of the processes of others
        return None
    for connection in found:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            return connection.pid
    return None
