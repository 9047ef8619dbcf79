"""Figures by second: what charts, error list and breakdown are made of, without opening a document.

Time is event time (when a transaction began, as in Kibana). Rates, outcomes and latencies come only from
request transactions that were sampled by coin, weighted by 1 / sample rate; those that the service kept
because they failed (label `kept_for`) would count failures twice and are left out.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from stressdash.embedded.apm.rows import (
    EVERY_SERVICE,
    OUTCOMES,
    ErrorRows,
    ErrorTally,
    ProcessRow,
    RequestRows,
    SelfTime,
    fold_errors,
    fold_requests,
    select_rows,
)
from stressdash.embedded.apm.seconds import Names, Seconds
from stressdash.embedded.apm.shapes import MetricsetEvent, TransactionEvent
from stressdash.embedded.apm.tally import Tally
from stressdash.hdr import HIGHEST_US
from stressdash.samples import ApmBucket, ApmSeries, Breakdown, BreakdownPart, ProcessMetric

__all__ = ["Timeline"]

LEAST_RATE: Final = 1e-6
"""A transaction never stands for more than a million: nobody samples that thinly on purpose."""
NO_SERVICE: Final = -2
PROVISIONAL_MS: Final = 1000
"""How long the service's agent (`api_request_time` 300 ms, +10 %) and this process may take to show an event
after it ended, with room for a busy machine."""


class Timeline:
    """Everything that is drawn over time, from validated events.

    Args:
        row_limit: transactions, and as many errors and metrics, that are remembered.
    """

    def __init__(self, row_limit: int) -> None:
        self.names = Names()
        self._newest_ms: dict[Hashable, int] = {}
        self._requests = Seconds(RequestRows, fold_requests, row_limit)
        self._errors = Seconds(ErrorRows, fold_errors, row_limit)
        self._self_times: Seconds[list[SelfTime], list[SelfTime]] = Seconds(list, select_rows, row_limit)
        self._processes: Seconds[list[ProcessRow], list[ProcessRow]] = Seconds(list, select_rows, row_limit)

    def selector(self, service: str | None) -> Hashable:
        """What the folds select by: a service's number."""
        if service is None:
            return EVERY_SERVICE
        number = self.names.find(service)
        return NO_SERVICE if number is None else number

    def newest_ms(self, service: str | None = None) -> int | None:
        """Timestamp of the newest transaction, of any type; None when there is none."""
        if service is None:
            return max(self._newest_ms.values(), default=None)
        return self._newest_ms.get(self.selector(service))

    def add_transaction(self, event: TransactionEvent, service: int, timestamp_us: int) -> None:
        """Take in a sampled transaction."""
        at_ms = timestamp_us // 1000
        if at_ms > self._newest_ms.get(service, -1):
            self._newest_ms[service] = at_ms
        if event.type != "request" or kept_for_failing(event):
            return
        rate = 1.0 if event.sample_rate is None else event.sample_rate
        if rate <= 0:
            return
        rows = self._requests.at(at_ms // 1000)
        rows.ms.append(at_ms % 1000)
        rows.service.append(service)
        rows.duration_us.append(min(int(event.duration * 1e6) // 1000, HIGHEST_US))
        rows.weight.append(1 / max(rate, LEAST_RATE))
        rows.outcome.append(OUTCOMES[event.outcome or derived_outcome(event)])
        rows.result.append(self.names.number(event.result or ""))

    def add_error(self, at_ms: int, service: int, group: int, name: int, transaction: int) -> None:
        """Take in an error; numbers are of `names`, transaction -1 when it has none."""
        rows = self._errors.at(at_ms // 1000)
        rows.ms.append(at_ms % 1000)
        rows.service.append(service)
        rows.group.append(group)
        rows.name.append(name)
        rows.transaction.append(transaction)

    def add_metricset(self, event: MetricsetEvent, service: int, at_ms: int) -> None:
        """Take in a span breakdown or the process's metrics; others are only stored."""
        values = {name: sample.value for name, sample in event.samples.items()}
        if event.transaction is not None:
            count, sum_us = values.get("span.self_time.count"), values.get("span.self_time.sum.us")
            if event.transaction.type == "request" and event.span is not None and count is not None:
                kind, subtype = event.span.type or "", event.span.subtype or ""
                row = SelfTime(at_ms % 1000, service, kind, subtype, int(count), int(sum_us or 0))
                self._self_times.at(at_ms // 1000).append(row)
        elif (cpu := values.get("system.process.cpu.total.norm.pct")) is not None:
            rss = values.get("system.process.memory.rss.bytes")
            system = values.get("system.cpu.total.norm.pct")
            process = ProcessRow(at_ms % 1000, service, cpu, system, None if rss is None else int(rss))
            self._processes.at(at_ms // 1000).append(process)

    def series(self, start_ms: int, end_ms: int, step_ms: int, service: str | None, now_ms: int) -> ApmSeries:
        """Buckets of [start, end), `step_ms` wide, counted from `start_ms`."""
        selector = self.selector(service)
        whole = Tally()
        buckets = []
        for begin in range(start_ms, end_ms, step_ms):
            tally = Tally()
            errors = 0
            for _, part in self._requests.summaries(begin, begin + step_ms, selector):
                tally.add(part)
            for _, groups in self._errors.summaries(begin, begin + step_ms, selector):
                errors += sum(group.count for group in groups.values())
            whole.add(tally)
            buckets.append(self._bucket(begin, tally, errors))
        p50, p95, p99 = whole.percentiles_us()
        settled_ms = now_ms - PROVISIONAL_MS - int((p99 or 0) / 1000)
        provisional = max(start_ms, start_ms + (settled_ms - start_ms) // step_ms * step_ms)
        return ApmSeries(
            step_ms=step_ms,
            buckets=tuple(buckets),
            provisional_from_ms=provisional if provisional < end_ms else None,
            newest_ms=self.newest_ms(service),
            sampling=whole.recorded / whole.weight if whole.weight else None,
            mean_us=whole.mean_us,
            p50_us=p50,
            p95_us=p95,
            p99_us=p99,
            transactions=whole.weight,
            failed=whole.failed,
        )

    def _bucket(self, start_ms: int, tally: Tally, errors: int) -> ApmBucket:
        p50, p95, p99 = tally.percentiles_us()
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
        self, start_ms: int, end_ms: int, service: str | None
    ) -> list[tuple[int, dict[int, ErrorTally]]]:
        """(second, tallies by group number) for the seconds of the range that saw errors."""
        found = self._errors.summaries(start_ms, end_ms, self.selector(service))
        return [(at_ms // 1000, tallies) for at_ms, tallies in found if tallies]

    def breakdown(self, start_ms: int, end_ms: int, service: str | None) -> Breakdown:
        """Self time by span type and subtype, the largest first."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for _, rows in self._self_times.summaries(start_ms, end_ms, self.selector(service)):
            for row in rows:
                count, sum_us = sums.get((row.type, row.subtype), (0, 0))
                sums[row.type, row.subtype] = (count + row.spans, sum_us + row.sum_us)
        ordered = sorted(sums.items(), key=lambda item: (-item[1][1], item[0]))
        return Breakdown(tuple(BreakdownPart(kind, sub, count, us) for (kind, sub), (count, us) in ordered))

    def processes(
        self, start_ms: int, end_ms: int, step_ms: int, service: str | None
    ) -> tuple[ProcessMetric, ...]:
        """One entry per bucket, empty buckets included."""
        selector = self.selector(service)
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
