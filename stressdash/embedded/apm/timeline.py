"""Figures by second: what charts, error list and breakdown are made of, without opening a document.

Time is event time (when a transaction began, as in Kibana). Rates, outcomes and latencies come only from
transactions that were sampled by coin, weighted by 1 / sample rate; those that the service kept
because they failed (label `kept_for`) would count failures twice and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stressdash.embedded.apm.document import span_kind
from stressdash.embedded.apm.origins import NO_TYPE, Origins
from stressdash.embedded.apm.rows import (
    OUTCOMES,
    CallRows,
    ErrorRows,
    ErrorTally,
    ProcessRow,
    RequestRows,
    SelfTime,
    Slow,
    fold_calls,
    fold_errors,
    fold_requests,
    select_rows,
    slow_requests,
)
from stressdash.embedded.apm.seconds import Names, Seconds, Shelf
from stressdash.embedded.apm.shapes import MetricsetEvent, SpanEvent, TransactionEvent
from stressdash.embedded.apm.spill import Spill
from stressdash.embedded.apm.tally import Tallies, Tally, percentiles_us
from stressdash.hdr import HIGHEST_US
from stressdash.samples import ApmBucket, ApmSeries, Breakdown, BreakdownPart, ProcessMetric, Scope

__all__ = ["Timeline"]

LEAST_RATE: Final = 1e-6
"""A transaction never stands for more than a million: nobody samples that thinly on purpose."""
PROVISIONAL_MS: Final = 1000
"""How long the service's agent (`api_request_time` 300 ms, +10 %) and this process may take to show an event
after it ended, with room for a busy machine."""


class Timeline:
    """Everything that is drawn over time, from validated events.

    Args:
        spill: where the oldest seconds go.
        row_limit: transactions, as many calls, errors and metrics, that lie in memory.
    """

    def __init__(self, spill: Spill, row_limit: int) -> None:
        self.names = Names()
        self.origins = Origins()
        self.kinds: dict[int, tuple[str, str]] = {}
        """Type and subtype of the newest call to a resource, by the number of its name."""
        self._newest_ms: dict[int, int] = {}
        self._requests = Seconds(RequestRows, fold_requests, row_limit, Shelf(spill, RequestRows))
        self._calls = Seconds(CallRows, fold_calls, row_limit, Shelf(spill, CallRows))
        self._errors = Seconds(ErrorRows, fold_errors, row_limit, Shelf(spill, ErrorRows))
        self._self_times: Seconds[list[SelfTime], list[SelfTime]] = Seconds(list, select_rows, row_limit)
        self._processes: Seconds[list[ProcessRow], list[ProcessRow]] = Seconds(list, select_rows, row_limit)

    def newest_ms(self, scope: Scope | None = None) -> int | None:
        """Timestamp of the newest transaction, of any type; None when there is none."""
        wanted = self.origins.selector(scope or Scope(), typed=False)
        return max((ms for origin, ms in self._newest_ms.items() if origin in wanted), default=None)

    def add_transaction(
        self, event: TransactionEvent, service: str, environment: str | None, at_us: int, reference: int
    ) -> None:
        """Take in a sampled transaction."""
        at_ms = at_us // 1000
        whole = self.origins.number(service, environment)
        if at_ms > self._newest_ms.get(whole, -1):
            self._newest_ms[whole] = at_ms
        rate = 0.0 if kept_for_failing(event) else 1.0 if event.sample_rate is None else event.sample_rate
        self._requests.at(at_ms // 1000).append(
            at_ms % 1000,
            self.origins.number(service, environment, event.type),
            self.names.number(event.name or ""),
            duration_us(event.duration),
            weight(rate),
            OUTCOMES[event.outcome or derived_outcome(event)],
            self.names.number(event.result or ""),
            reference,
        )

    def add_span(self, event: SpanEvent, service: str, environment: str | None, at_us: int) -> None:
        """Take in a span, if it called something and stands for something."""
        context = event.context
        called = context.destination.service if context and context.destination else None
        rate = 1.0 if event.sample_rate is None else event.sample_rate
        if called is None or not called.resource or rate <= 0:
            return
        resource = self.names.number(called.resource)
        kind = span_kind(event.type, event.subtype, event.action)
        self.kinds[resource] = (kind.get("type", ""), kind.get("subtype", ""))
        status = context.http.status_code if context and context.http else None
        derived = "unknown" if status is None else "failure" if status >= 400 else "success"
        at_ms = at_us // 1000
        self._calls.at(at_ms // 1000).append(
            at_ms % 1000,
            self.origins.number(service, environment, NO_TYPE),
            resource,
            self.names.number(event.name),
            duration_us(event.duration),
            weight(rate),
            OUTCOMES[event.outcome or derived],
        )

    def add_error(self, at_ms: int, origin: int, group: int, name: int, transaction: int) -> None:
        """Take in an error; numbers are of `origins` and `names`, transaction -1 when it has none."""
        self._errors.at(at_ms // 1000).append(at_ms % 1000, origin, group, name, transaction)

    def add_metricset(self, event: MetricsetEvent, service: str, environment: str | None, at_ms: int) -> None:
        """Take in a span breakdown or the process's metrics; others are only stored."""
        values = {name: sample.value for name, sample in event.samples.items()}
        if event.transaction is not None:
            count, sum_us = values.get("span.self_time.count"), values.get("span.self_time.sum.us")
            if event.transaction.type and event.span is not None and count is not None:
                origin = self.origins.number(service, environment, event.transaction.type)
                kind, subtype = event.span.type or "", event.span.subtype or ""
                row = SelfTime(at_ms % 1000, origin, kind, subtype, int(count), int(sum_us or 0))
                self._self_times.at(at_ms // 1000).append(row)
        elif (cpu := values.get("system.process.cpu.total.norm.pct")) is not None:
            rss = values.get("system.process.memory.rss.bytes")
            system = values.get("system.cpu.total.norm.pct")
            origin = self.origins.number(service, environment)
            process = ProcessRow(at_ms % 1000, origin, cpu, system, None if rss is None else int(rss))
            self._processes.at(at_ms // 1000).append(process)

    def series(self, start_ms: int, end_ms: int, step_ms: int, scope: Scope, now_ms: int) -> ApmSeries:
        """Buckets of [start, end), `step_ms` wide, counted from `start_ms`."""
        typed = self.origins.selector(scope, typed=True)
        selector = self.origins.selector(scope, typed=False)
        whole, ranks = Tally(), []
        buckets = []
        for begin in range(start_ms, end_ms, step_ms):
            seconds = [found for _, found in self._requests.summaries(begin, begin + step_ms, typed)]
            tallies = seconds[0] if len(seconds) == 1 else Tallies.together(seconds)
            errors = 0
            for _, groups in self._errors.summaries(begin, begin + step_ms, selector):
                errors += sum(group.count for group in groups.values())
            whole.add_sums(tallies.whole)
            ranks.append(tallies.ranks)
            buckets.append(self._bucket(begin, tallies, errors))
        p50, p95, p99 = percentiles_us(ranks)
        settled_ms = now_ms - PROVISIONAL_MS - int((p99 or 0) / 1000)
        provisional = max(start_ms, start_ms + (settled_ms - start_ms) // step_ms * step_ms)
        return ApmSeries(
            step_ms=step_ms,
            buckets=tuple(buckets),
            provisional_from_ms=provisional if provisional < end_ms else None,
            newest_ms=self.newest_ms(scope),
            sampling=whole.recorded / whole.weight if whole.weight else None,
            mean_us=whole.mean_us,
            p50_us=p50,
            p95_us=p95,
            p99_us=p99,
            transactions=whole.weight,
            failed=whole.failed,
        )

    def _bucket(self, start_ms: int, tallies: Tallies, errors: int) -> ApmBucket:
        tally = tallies.whole
        p50, p95, p99 = tallies.percentiles_us
        return ApmBucket(
            start_ms=start_ms,
            transactions=tally.weight,
            failed=tally.failed,
            succeeded=tally.succeeded,
            unknown=tally.unknown,
            mean_us=tally.mean_us,
            p50_us=p50,
            p95_us=p95,
            p99_us=p99,
            results={self.names.text(number): weight for number, weight in tally.results.items()},
            errors=errors,
        )

    def errors(
        self, start_ms: int, end_ms: int, scope: Scope
    ) -> Iterator[tuple[int, dict[tuple[int, int], ErrorTally]]]:
        """(second, tallies by group and message) for the seconds of the range that saw errors."""
        selector = self.origins.selector(scope, typed=False)
        for at_ms, tallies in self._errors.summaries(start_ms, end_ms, selector):
            if tallies:
                yield at_ms // 1000, tallies

    def error_counts(self, start_ms: int, end_ms: int, scope: Scope) -> int:
        """Error documents in the range."""
        found = self.errors(start_ms, end_ms, scope)
        return sum(tally.count for _, tallies in found for tally in tallies.values())

    def requests(self, start_ms: int, end_ms: int, scope: Scope) -> Tallies:
        """Tallies of transactions by number of the name."""
        selector = self.origins.selector(scope, typed=True)
        return Tallies.together(each for _, each in self._requests.summaries(start_ms, end_ms, selector))

    def calls(self, start_ms: int, end_ms: int, scope: Scope) -> Tallies:
        """Tallies of spans by number of the resource that they called."""
        selector = self.origins.selector(scope, typed=False)
        return Tallies.together(each for _, each in self._calls.summaries(start_ms, end_ms, selector))

    def slow(
        self, start_ms: int, end_ms: int, us_range: tuple[int, float], name: int | None, scope: Scope
    ) -> Iterator[Slow]:
        """Transactions that took as long as asked for, in no order."""
        selector = self.origins.selector(scope, typed=True)
        for low, high, rows in self._requests.rows(start_ms, end_ms):
            yield from slow_requests(rows, (low, high), us_range, name, selector)

    def breakdown(self, start_ms: int, end_ms: int, scope: Scope) -> Breakdown:
        """Self time by span type and subtype, the largest first."""
        selector = self.origins.selector(scope, typed=True)
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for _, rows in self._self_times.summaries(start_ms, end_ms, selector):
            for row in rows:
                count, sum_us = sums.get((row.type, row.subtype), (0, 0))
                sums[row.type, row.subtype] = (count + row.spans, sum_us + row.sum_us)
        ordered = sorted(sums.items(), key=lambda item: (-item[1][1], item[0]))
        return Breakdown(tuple(BreakdownPart(kind, sub, count, us) for (kind, sub), (count, us) in ordered))

    def processes(self, start_ms: int, end_ms: int, step_ms: int, scope: Scope) -> tuple[ProcessMetric, ...]:
        """One entry per bucket, empty buckets included."""
        selector = self.origins.selector(scope, typed=False)
        metrics = []
        for begin in range(start_ms, end_ms, step_ms):
            rows = [
                r for _, part in self._processes.summaries(begin, begin + step_ms, selector) for r in part
            ]
            rss = [row.rss_bytes for row in rows if row.rss_bytes is not None]
            metrics.append(
                ProcessMetric(
                    start_ms=begin,
                    cpu_share=_mean([row.cpu_share for row in rows]),
                    system_cpu_share=_mean([row.system_cpu_share for row in rows]),
                    rss_bytes=max(rss, default=None),
                )
            )
        return tuple(metrics)


def weight(rate: float) -> float:
    """How many events one stands for that was sampled at a rate."""
    return 1 / max(rate, LEAST_RATE) if rate > 0 else 0.0


def duration_us(duration_ms: float) -> int:
    """From the agent's milliseconds, cut off as apm-server and the pipeline do it."""
    return min(int(duration_ms * 1e6) // 1000, HIGHEST_US)


def kept_for_failing(event: TransactionEvent) -> bool:
    """Whether the service reported it because it failed, not because the coin said so."""
    tags = event.context.tags if event.context else None
    return bool(tags and tags.get("kept_for"))


def derived_outcome(event: TransactionEvent) -> str:
    """Outcome by HTTP status, for agents that send none."""
    response = event.context.response if event.context else None
    if response is None or response.status_code is None:
        return "unknown"
    return "failure" if response.status_code >= 500 else "success"


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
