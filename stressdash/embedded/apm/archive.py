"""Everything that the intake has taken in: events go in here, answers come out.

Knows no HTTP. One owner, one thread; the clock is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.context import Json
from stressdash.embedded.apm.grouping import grouping_key
from stressdash.embedded.apm.groups import ErrorGroups
from stressdash.embedded.apm.shapes import ErrorEvent, MetricsetEvent, SpanEvent, TransactionEvent
from stressdash.embedded.apm.spill import Spill
from stressdash.embedded.apm.store import Store
from stressdash.embedded.apm.timeline import Timeline
from stressdash.embedded.apm.views import Views
from stressdash.samples import (
    ApmHealth,
    ApmSeries,
    Breakdown,
    ErrorGroup,
    ErrorName,
    FoundService,
    ProcessMetric,
    Scope,
)

__all__ = ["Archive", "FoundError", "Origin"]

ROW_LIMIT: Final = 1_000_000
"""Rows of each kind that lie in memory: at most 45 MB."""

LONGEST_MS: Final = 86_400_000.0
"""A span begins at most a day after its transaction."""


class Origin:
    """Whose events they are: one request's metadata."""

    __slots__ = ("base", "environment", "received_us", "service")

    def __init__(self, base: Json, received_us: int) -> None:
        self.base = base
        self.received_us = received_us
        self.service: str = base["service"]["name"]
        self.environment: str | None = base["service"].get("environment")

    def timestamp_us(self, own: int | None) -> int:
        """An event's own timestamp, or when its request came."""
        return self.received_us if own is None else own


@dataclass(frozen=True, slots=True)
class FoundError:
    """An error's document, its position among the samples of its group, and how many those are."""

    document: Json | None
    number: int
    total: int


class Archive:
    """The events and what has been made of them.

    Args:
        max_events: how many events can be opened; the oldest are forgotten first.
        now_ms: wall clock in milliseconds since 1970.
        row_limit: rows of each kind that lie in memory.
        hand_on: takes every event as well.
    """

    def __init__(
        self,
        max_events: int,
        now_ms: Callable[[], int],
        row_limit: int = ROW_LIMIT,
        hand_on: Callable[[Line], None] | None = None,
    ) -> None:
        self._now_ms = now_ms
        self._hand_on = hand_on
        self._spill = Spill()
        self._store = Store(self._spill, max_events)
        self._timeline = Timeline(self._spill, row_limit)
        self._groups = ErrorGroups(self._timeline)
        self.views = Views(self._timeline, self._store)

    def origin(self, base: Json, received_us: int) -> Origin:
        """What the events of one request are added with."""
        origin = Origin(base, received_us)
        self._timeline.origins.number(origin.service, origin.environment)
        return origin

    def add_transaction(self, event: TransactionEvent, text: bytes, origin: Origin) -> None:
        """Take in a transaction; one that was not sampled counts for nothing, as in apm-server 8."""
        if event.sampled is False:
            return
        reference = self._keep(Line(text, origin.base, event.trace_id))
        at_us = origin.timestamp_us(event.timestamp)
        self._timeline.add_transaction(event, origin.service, origin.environment, at_us, reference)

    def add_span(self, event: SpanEvent, text: bytes, origin: Origin) -> None:
        """Take in a span."""
        self._keep(Line(text, origin.base, event.trace_id))
        at_us = event.timestamp
        if at_us is None:
            at_us = origin.received_us + int(min(max(event.start or 0.0, 0.0), LONGEST_MS) * 1000)
        self._timeline.add_span(event, origin.service, origin.environment, at_us)

    def add_error(self, event: ErrorEvent, text: bytes, origin: Origin) -> None:
        """Take in an error."""
        key = grouping_key(event)
        at_ms = origin.timestamp_us(event.timestamp) // 1000
        owner = self._timeline.origins.number(origin.service, origin.environment)
        group, name = self._groups.add(event, key, owner, at_ms)
        sampled = bool(event.transaction and event.transaction.sampled)
        line = Line(text, origin.base, event.trace_id, key)
        if self._hand_on is not None:
            self._hand_on(line)
        self._store.add_error(line, group, name, at_ms, sampled=sampled)

    def add_metricset(self, event: MetricsetEvent, text: bytes, origin: Origin) -> None:
        """Take in a set of metrics."""
        at_ms = origin.timestamp_us(event.timestamp) // 1000
        self._timeline.add_metricset(event, origin.service, origin.environment, at_ms)
        self._keep(Line(text, origin.base, None))

    def _keep(self, line: Line) -> int:
        if self._hand_on is not None:
            self._hand_on(line)
        return self._store.add(line)

    def series(
        self, start_ms: int, end_ms: int, step_ms: int, scope: Scope, now_ms: int | None = None
    ) -> ApmSeries:
        """See `Timeline.series`; without a present of its own it goes by our clock."""
        present_ms = self._now_ms() if now_ms is None else now_ms
        return self._timeline.series(start_ms, end_ms, step_ms, scope, present_ms)

    def error_groups(self, start_ms: int, end_ms: int, scope: Scope) -> tuple[ErrorGroup, ...]:
        """See `ErrorGroups.listed`."""
        return self._groups.listed(start_ms, end_ms, scope)

    def breakdown(self, start_ms: int, end_ms: int, scope: Scope) -> Breakdown:
        """See `Timeline.breakdown`."""
        return self._timeline.breakdown(start_ms, end_ms, scope)

    def process_metrics(
        self, start_ms: int, end_ms: int, step_ms: int, scope: Scope
    ) -> tuple[ProcessMetric, ...]:
        """See `Timeline.processes`."""
        return self._timeline.processes(start_ms, end_ms, step_ms, scope)

    def error_names(self, key: str, start_ms: int, end_ms: int, scope: Scope) -> tuple[ErrorName, ...]:
        """See `ErrorGroups.by_name`."""
        return self._groups.by_name(key, start_ms, end_ms, scope)

    def error_document(
        self, key: str, number: int, start_ms: int | None, end_ms: int | None, name: str | None = None
    ) -> FoundError:
        """The group's n-th error: those with a sampled transaction first, then the newest."""
        group = self._timeline.names.find(key)
        message = None if name is None else self._timeline.names.find(name)
        if group is None or (message is None and name is not None):
            return FoundError(None, number, 0)
        page = self._store.page(group, number, start_ms, end_ms, message)
        found = None if page.reference is None else self._store.document(page.reference)
        return FoundError(found, number, page.total)

    def trace_error(self, trace_id: str) -> FoundError:
        """The first error of a trace that arrived."""
        for reference in self._store.trace(trace_id):
            if self._store.group_of(reference) is not None:
                return FoundError(self._store.document(reference), *self._store.position(reference))
        return FoundError(None, 0, 0)

    def trace_documents(self, trace_id: str) -> list[Json]:
        """Transactions, spans and errors of a trace, in order of arrival."""
        found = (self._store.document(reference) for reference in self._store.trace(trace_id))
        return [document for document in found if document is not None]

    def groups_of(self, trace_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Group keys of each trace's errors; traces of which nothing is stored are left out."""
        text = self._timeline.names.text
        found = self._store.groups_of(trace_ids)
        return {trace_id: tuple(map(text, groups)) for trace_id, groups in found.items()}

    def services(self) -> tuple[str, ...]:
        """Names of all services that have sent something."""
        return tuple(service.name for service in self.discover())

    def discover(self) -> tuple[FoundService, ...]:
        """See `Origins.found`."""
        return self._timeline.origins.found()

    def health(self, dropped: int, detail: str, forwarding: str = "") -> ApmHealth:
        """State of the archive; `dropped` are the events that never got in, `detail` says why."""
        if self._spill.trouble:
            lost = f"older events and seconds were lost, there was no room on disk: {self._spill.trouble}"
            detail = f"{detail}; {lost}" if detail else lost
        return ApmHealth(
            ok=True,
            product="embedded intake",
            detail=detail,
            newest_ms=self._timeline.newest_ms(),
            documents=self._store.count,
            dropped=dropped,
            forgotten=self._store.forgotten,
            forwarding=forwarding,
        )
