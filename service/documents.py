"""A call as Elastic APM's intake wants to read it: plain dicts of intake v2, made from the call's trail.

Pure: no agent, no clock, no randomness. Steps nest by time; a step's own time is its length without the steps
inside it, and what no step covers is the application's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.call import Call
from service.database import INSERT
from service.settings import Dsn
from service.trail import ACQUIRE, CONNECT, QUERY, Step
from service.twirp import TwirpError

__all__ = ["Documents", "Identity", "parents", "self_times", "transaction_name"]

LONGEST_PATH = 1024
UNROUTED = "unknown route"

_SPANS: Mapping[str, tuple[str, str, str]] = {
    ACQUIRE: ("pool.acquire", "pool", "acquire"),
    CONNECT: ("CONNECT", "mysql", "connect"),
    QUERY: ("INSERT INTO incoming", "mysql", "query"),
}
"""Name, subtype and action of the span by kind of step; the type is `db`. A pool is no dependency."""

FAILURES_BEYOND_STATUS = frozenset({"canceled", "deadline_exceeded", "resource_exhausted"})
"""Codes with a 4xx status that are the server's failure nevertheless."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which trace a call belongs to, and what it is called there."""

    trace_id: str
    parent_id: str | None
    transaction_id: str
    span_ids: Sequence[str]
    """One for each step."""


class Documents:
    """Describes calls that go to one database."""

    def __init__(self, dsn: Dsn) -> None:
        destination: dict[str, Any] = {"address": dsn.unix_socket or dsn.host}
        if not dsn.unix_socket:
            destination["port"] = dsn.port
        destination["service"] = {"name": "", "type": "", "resource": f"mysql/{dsn.database}"}
        target = {"target": {"type": "mysql", "name": dsn.database}}
        database = {"type": "sql", "instance": dsn.database, "user": dsn.user}
        statement = {**database, "statement": INSERT}
        self._contexts = {
            CONNECT: {"db": database, "destination": destination, "service": target},
            QUERY: {"db": statement, "destination": destination, "service": target},
        }

    def transaction(
        self,
        call: Call,
        identity: Identity,
        failure: TwirpError | None,
        *,
        duration_s: float,
        sample_rate: float,
        labels: Mapping[str, str],
    ) -> dict[str, Any]:
        """The transaction of a call that is reported whole."""
        document = {
            "id": identity.transaction_id,
            "trace_id": identity.trace_id,
            "name": transaction_name(call),
            "type": "request",
            "duration": duration_s * 1e3,
            "timestamp": int(call.began_s * 1e6),
            "result": f"HTTP {_status(failure) // 100}xx",
            "outcome": "failure" if _failed(failure) else "success",
            "sampled": True,
            "sample_rate": sample_rate,
            "span_count": {"started": len(call.trail.steps), "dropped": 0},
            "context": _context(call, failure, labels),
        }
        if identity.parent_id:
            document["parent_id"] = identity.parent_id
        return document

    def spans(self, call: Call, identity: Identity, sample_rate: float) -> Iterator[dict[str, Any]]:
        """The spans of a call that is reported whole."""
        steps = call.trail.steps
        for step, span_id, parent in zip(steps, identity.span_ids, parents(steps), strict=True):
            title, subtype, action = _SPANS[step.kind]
            document: dict[str, Any] = {
                "id": span_id,
                "transaction_id": identity.transaction_id,
                "trace_id": identity.trace_id,
                "parent_id": identity.transaction_id if parent is None else identity.span_ids[parent],
                "name": title,
                "type": "db",
                "subtype": subtype,
                "action": action,
                "timestamp": int((call.began_s + step.start - call.began) * 1e6),
                "duration": (step.end - step.start) * 1e3,
                "outcome": "success" if step.ok else "failure",
                "sample_rate": sample_rate,
            }
            if step.kind in self._contexts:
                document["context"] = self._contexts[step.kind]
            yield document

    def error(
        self,
        call: Call,
        identity: Identity,
        failure: TwirpError,
        *,
        sampled: bool,
        labels: Mapping[str, str],
    ) -> dict[str, Any]:
        """All of an error document but the exception itself; it hangs below the innermost failed step."""
        failed = [
            span_id for span_id, step in zip(identity.span_ids, call.trail.steps, strict=True) if not step.ok
        ]
        return {
            "trace_id": identity.trace_id,
            "transaction_id": identity.transaction_id,
            "parent_id": failed[-1] if sampled and failed else identity.transaction_id,
            "transaction": {"sampled": sampled, "type": "request", "name": transaction_name(call)},
            "context": _context(call, failure, labels),
        }


def transaction_name(call: Call) -> str:
    """The remote procedure's name, never a path that a client made up."""
    return f"{call.service}/{call.method}" if call.method else UNROUTED


def parents(steps: Sequence[Step]) -> list[int | None]:
    """For each step, in the order in which they began, the index of the one it lies in."""
    found: list[int | None] = []
    running: list[int] = []
    for index, step in enumerate(steps):
        while running and steps[running[-1]].end <= step.start:
            running.pop()
        found.append(running[-1] if running else None)
        running.append(index)
    return found


def self_times(steps: Sequence[Step], duration_s: float) -> Iterator[tuple[str, str, float]]:
    """Span type, subtype and own time in seconds, of each step and of the application around them."""
    own = [step.end - step.start for step in steps]
    app_s = duration_s
    for step, parent in zip(steps, parents(steps), strict=True):
        if parent is None:
            app_s -= step.end - step.start
        else:
            own[parent] -= step.end - step.start
    yield "app", "", app_s
    for step, own_s in zip(steps, own, strict=True):
        yield "db", _SPANS[step.kind][1], own_s


def _status(failure: TwirpError | None) -> int:
    return failure.status if failure else 200


def _failed(failure: TwirpError | None) -> bool:
    return failure is not None and (failure.status >= 500 or failure.code in FAILURES_BEYOND_STATUS)


def _context(call: Call, failure: TwirpError | None, labels: Mapping[str, str]) -> dict[str, Any]:
    tags = dict(labels)
    if call.method:
        tags.update(twirp_service=call.service, twirp_method=call.method)
    if failure:
        tags["twirp_error_code"] = failure.code
    return {
        "request": {"method": call.verb, "url": {"pathname": call.path[:LONGEST_PATH]}},
        "response": {"status_code": _status(failure)},
        "tags": tags,
    }
