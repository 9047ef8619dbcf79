"""Trace ids that name a request: run id, worker and request number in 32 hex digits.

The engine sends them as W3C `traceparent` (version 00, sampled flag set), so that what APM recorded leads to
the request that caused it, and back.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["TraceIdentity", "parse_trace_id", "trace_id_of", "traceparent_format"]


class TraceIdentity(NamedTuple):
    """What a trace id says."""

    run_id: int
    worker: int
    number: int


def trace_id_of(run_id: int, worker: int, number: int) -> str:
    """Trace id of a request: 16 hex digits of the run, 4 of the worker, 12 of the request number."""
    return f"{run_id:016x}{worker:04x}{number:012x}"


def parse_trace_id(trace_id: str) -> TraceIdentity | None:
    """Run, worker and request number of a trace id; None when it is not 32 hex digits."""
    try:
        value = int(trace_id, 16)
    except ValueError:
        return None
    if len(trace_id) != 32:
        return None
    return TraceIdentity(value >> 64, value >> 48 & 0xFFFF, value & 0xFFFF_FFFF_FFFF)


def traceparent_format(run_id: int, worker: int) -> bytes:
    """Printf-style header value with two places for the request number.

    The span id is worker and number again, which is never zero, as numbers start at 1.
    """
    return b"00-%016x%04x%%012x-%04x%%012x-01" % (run_id, worker, worker)
