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
from stressdash.embedded.apm.store import Store
from stressdash.embedded.apm.timeline import Timeline
from stressdash.samples import ApmHealth, ApmSeries, Breakdown, ErrorGroup, ProcessMetric

__all__ = ["Archive", "FoundError", "Origin"]

ROWS_PER_EVENT: Final = 5
"""Rows of the timeline are two orders smaller than events, so it remembers more of them."""


class Origin:
    """Whose events they are: one request's metadata."""

    __slots__ = ("base", "received_us", "service")

    def __init__(self, base: Json, received_us: int, service: int) -> None:
        self.base = base
        self.received_us = received_us
        self.service = service
        """Number of the service's name."""

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
    """

    def __init__(self, max_events: int, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._store = Store(max_events)
        self._timeline = Timeline(max_events * ROWS_PER_EVENT)
        self._groups = ErrorGroups(self._timeline)
        self._services: set[str] = set()

    def origin(self, base: Json, received_us: int) -> Origin:
        """What the events of one request are added with."""
        service: str = base["service"]["name"]
        number = self._timeline.names.number(service)
        self._services.add(self._timeline.names.text(number))
        return Origin(base, received_us, number)

    def add_transaction(self, event: TransactionEvent, text: bytes, origin: Origin) -> None:
        """Take in a transaction; one that was not sampled counts for nothing, as in apm-server 8."""
        if event.sampled is False:
            return
        self._timeline.add_transaction(event, origin.service, origin.timestamp_us(event.timestamp))
        self._store.add(Line(text, origin.base, event.trace_id))

    def add_span(self, event: SpanEvent, text: bytes, origin: Origin) -> None:
        """Take in a span."""
        self._store.add(Line(text, origin.base, event.trace_id))

    def add_error(self, event: ErrorEvent, text: bytes, origin: Origin) -> None:
        """Take in an error."""
        key = grouping_key(event)
        at_ms = origin.timestamp_us(event.timestamp) // 1000
        self._groups.add(event, key, origin.service, at_ms)
        sampled = bool(event.transaction and event.transaction.sampled)
        self._store.add_error(Line(text, origin.base, event.trace_id, key), at_ms, sampled=sampled)

    def add_metricset(self, event: MetricsetEvent, text: bytes, origin: Origin) -> None:
        """Take in a set of metrics."""
        self._timeline.add_metricset(event, origin.service, origin.timestamp_us(event.timestamp) // 1000)
        self._store.add(Line(text, origin.base, None))

    def series(self, start_ms: int, end_ms: int, step_ms: int, service: str | None) -> ApmSeries:
        """See `Timeline.series`."""
        return self._timeline.series(start_ms, end_ms, step_ms, service, self._now_ms())

    def error_groups(self, start_ms: int, end_ms: int, service: str | None) -> tuple[ErrorGroup, ...]:
        """See `ErrorGroups.listed`."""
        return self._groups.listed(start_ms, end_ms, service)

    def breakdown(self, start_ms: int, end_ms: int, service: str | None) -> Breakdown:
        """See `Timeline.breakdown`."""
        return self._timeline.breakdown(start_ms, end_ms, service)

    def process_metrics(
        self, start_ms: int, end_ms: int, step_ms: int, service: str | None
    ) -> tuple[ProcessMetric, ...]:
        """See `Timeline.processes`."""
        return self._timeline.processes(start_ms, end_ms, step_ms, service)

    def error_document(self, key: str, number: int, start_ms: int | None, end_ms: int | None) -> FoundError:
        """The group's n-th error: those with a sampled transaction first, then the newest."""
        rows = self._store.group_rows(key, start_ms, end_ms)
        if not 0 <= number < len(rows):
            return FoundError(None, number, len(rows))
        return FoundError(self._store.document(rows[number].reference), number, len(rows))

    def trace_error(self, trace_id: str) -> FoundError:
        """The first error of a trace that arrived."""
        for reference in self._store.trace(trace_id):
            if key := self._store.group_of(reference):
                references = [row.reference for row in self._store.group_rows(key)]
                position = references.index(reference)
                return FoundError(self._store.document(reference), position, len(references))
        return FoundError(None, 0, 0)

    def trace_documents(self, trace_id: str) -> list[Json]:
        """Transactions, spans and errors of a trace, in order of arrival."""
        return [self._store.document(reference) for reference in self._store.trace(trace_id)]

    def groups_of(self, trace_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Group keys of each trace's errors; traces of which nothing is stored are left out."""
        found = {}
        for trace_id in trace_ids:
            if references := self._store.trace(trace_id):
                keys = dict.fromkeys(self._store.group_of(reference) for reference in references)
                found[trace_id] = tuple(key for key in keys if key)
        return found

    def services(self) -> tuple[str, ...]:
        """Names of all services that have sent something."""
        return tuple(sorted(self._services))

    def health(self, dropped: int, detail: str) -> ApmHealth:
        """State of the archive; `dropped` are the events that never got in, `detail` says why."""
        return ApmHealth(
            ok=True,
            product="embedded intake",
            detail=detail,
            newest_ms=self._timeline.newest_ms(),
            documents=self._store.count,
            dropped=dropped,
            forgotten=self._store.forgotten,
        )
