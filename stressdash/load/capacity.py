"""Whether this machine can hold what is asked for, told with the sum, before anything starts.

What cannot be held is refused; what would only bend the figures is told as a sentence for the result.
"""

from __future__ import annotations

import math
import os
import resource
import socket
from collections.abc import Sequence
from typing import Final

from stressdash.errors import UsageError
from stressdash.load.kernel import backlog_limit, local_ports, port_rest_s, resting_ports
from stressdash.load.opener import AT_ONCE
from stressdash.load.plan import Plan
from stressdash.load.target import Address, is_loopback, parse_url

__all__ = ["check_capacity", "doubts_of", "workers_needed"]

SPARE_DESCRIPTORS: Final = 64
"""What a worker needs beside its connections."""
CONNECTIONS_PER_WORKER: Final = 5_000
REQUESTS_PER_WORKER: Final = 20_000.0
"""Arrivals per second that leave a worker some of its core."""


def workers_needed(connections: int, rate: float) -> int:
    """Number of workers: one until there is more than one can serve well, at most one per core."""
    needed = max(1, math.ceil(connections / CONNECTIONS_PER_WORKER), math.ceil(rate / REQUESTS_PER_WORKER))
    return min(needed, os.cpu_count() or 1)


def check_capacity(connections: int, workers: int, addresses: int) -> None:
    """Refuse what descriptors or local ports cannot hold.

    Args:
        connections: of the whole run.
        workers: processes that share them evenly.
        addresses: of the target that take local ports, each from its own range; a Unix socket takes none.

    Raises:
        UsageError: with the sum.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    share = -(-connections // workers)
    if hard != resource.RLIM_INFINITY and share + SPARE_DESCRIPTORS > hard:
        most = (hard - SPARE_DESCRIPTORS) * workers
        where, each = ("1 worker", "") if workers == 1 else (f"{workers} workers", " each")
        raise UsageError(
            f"{connections} connections on {where} need {share} + {SPARE_DESCRIPTORS} open files{each}, "
            f"the hard limit is {hard}; ask for at most {most}, or raise the limit (ulimit -Hn)"
        )
    ports = local_ports()
    if ports is not None and addresses and connections > ports * addresses:
        raise UsageError(
            f"{connections} connections need as many local ports, there are {addresses} x {ports}; "
            f"ask for at most {ports * addresses}, or widen net.ipv4.ip_local_port_range"
        )


def doubts_of(plan: Plan, addresses: Sequence[Address]) -> list[str]:
    """What the run can do but its reader must know: sentences, the gravest first."""
    doubts = []
    if plan.transport.insecure and parse_url(plan.url).secure:
        doubts.append("TLS certificates are not verified (--insecure): anyone may have answered")
    if plan.coalesce_s is not None:
        doubts.append(
            f"answers are served together every {1e3 * plan.coalesce_s:g} ms (--coalesce): latencies may be "
            "told up to that much too long, and requests leave in bursts"
        )
    connections = max(1, round(plan.peak("connections")))
    places = [address for address in addresses if address.family != socket.AF_UNIX]
    if places:
        doubts += _port_doubts(plan, connections, places)
    limit = backlog_limit()
    if limit is not None and min(connections, AT_ONCE) > limit and any(map(is_loopback, addresses)):
        doubts.append(
            f"a server on this machine lets at most {limit} connections wait to be accepted, and up to "
            f"{AT_ONCE} are opened at once: some will wait a second; raise net.core.somaxconn"
        )
    return doubts


def _port_doubts(plan: Plan, connections: int, places: Sequence[Address]) -> list[str]:
    ports, resting = local_ports(), resting_ports()
    rest_s = port_rest_s(loopback=all(map(is_loopback, places)))
    if ports is None or resting is None or rest_s is None:
        return []
    doubts = []
    room, per_s = ports * len(places), ports * len(places) // rest_s
    if not plan.transport.keepalive and (plan.peak("rate") > per_s or (rest_s > 1 and plan.rate is None)):
        doubts.append(
            "a connection for each request takes a local port, which rests where this side closes first: "
            f"{room:,} ports for {rest_s} s last for {per_s:,} requests/s, beyond that connects fail with "
            "EADDRNOTAVAIL; widen net.ipv4.ip_local_port_range"
        )
    if rest_s > 1 and connections + resting > room:
        doubts.append(
            f"{resting:,} of {room:,} local ports still rest (TIME_WAIT), too many for {connections:,} "
            f"connections beside them; wait {rest_s} s"
        )
    return doubts
