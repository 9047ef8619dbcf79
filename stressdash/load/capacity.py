"""Whether this machine can hold the connections asked for, told with the sum, before anything starts."""

from __future__ import annotations

import math
import os
import resource
from pathlib import Path
from typing import Final

from stressdash.errors import UsageError

__all__ = ["check_capacity", "workers_needed"]

SPARE_DESCRIPTORS: Final = 64
"""What a worker needs beside its connections."""
CONNECTIONS_PER_WORKER: Final = 5_000
REQUESTS_PER_WORKER: Final = 20_000.0
"""Arrivals per second that leave a worker some of its core."""
PORT_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def workers_needed(connections: int, rate: float) -> int:
    """Number of workers: one until there is more than one can serve well, at most one per core."""
    needed = max(1, math.ceil(connections / CONNECTIONS_PER_WORKER), math.ceil(rate / REQUESTS_PER_WORKER))
    return min(needed, os.cpu_count() or 1)


def check_capacity(connections: int, workers: int, addresses: int) -> None:
    """Refuse what descriptors or local ports cannot hold.

    Args:
        connections: of the whole run.
        workers: processes that share them evenly.
        addresses: of the target; each has a range of local ports of its own.

    Raises:
        UsageError: with the sum.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    share = -(-connections // workers)
    if hard != resource.RLIM_INFINITY and share + SPARE_DESCRIPTORS > hard:
        most = (hard - SPARE_DESCRIPTORS) * workers
        raise UsageError(
            f"{connections} connections on {workers} workers need {share} + {SPARE_DESCRIPTORS} open files "
            f"each, the hard limit is {hard}; ask for at most {most}, or raise the limit (ulimit -Hn)"
        )
    ports = local_ports()
    if ports is not None and connections > ports * addresses:
        raise UsageError(
            f"{connections} connections need as many local ports, there are {addresses} x {ports}; "
            f"ask for at most {ports * addresses}, or widen net.ipv4.ip_local_port_range"
        )


def local_ports() -> int | None:
    """Number of ephemeral ports; None where the system does not tell."""
    try:
        low, high = PORT_RANGE.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(high) - int(low) + 1
