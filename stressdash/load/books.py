"""The books of one worker: counts since the last window, and how they become a `Window`.

The loop adds to the public fields directly, as a call per figure would cost more than the figure. What can be
derived is derived when the window closes: answers from statuses, sent requests from the request numbers,
answers that came in one read from one histogram that serves as latency and as time to first byte.

Memory is bounded: at most `KINDS_LIMIT` kinds of fault in a run (the rest is counted as other), each with a
bounded reservoir; histograms are sparse and emptied with every window.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Final, NamedTuple

from stressdash.hdr import bucket_index
from stressdash.load.account import Account, Histogram, sum_of
from stressdash.load.faults import FaultKind
from stressdash.load.http1 import KEPT_BODY
from stressdash.load.secret import Redaction
from stressdash.load.trace import trace_id_of
from stressdash.samples import Exemplar, Fault, Phase, RequestCounts, Window

__all__ = ["Books", "Cell", "Ending", "Gauges", "Issue"]

KINDS_LIMIT: Final = 200
NO_SECRETS: Final = Redaction(())
RESERVOIR: Final = 16
"""Trace ids kept per fault and window."""
KEPT_HEAD: Final = 1024


class Ending(NamedTuple):
    """How one request ended, with what an exemplar needs."""

    at_ns: int
    sent_ns: int | None
    connection: int
    number: int
    """0 when no request was attached."""
    status: int | None = None
    request: str = ""
    head: bytes = b""
    body: bytes = b""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a window lies."""

    start_ns: int
    end_ns: int
    segment: int
    phase: Phase
    rate: float | None = None
    """Arrivals per second asked of this worker at the end; None: the closed loop."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """What holds at a window's end."""

    target: int
    open: int
    busy: int
    in_flight: int
    age_ns: int
    """Sum of the ages of the requests that busy connections hold."""
    cpu_ns: int
    """CPU time of the process since it began."""


@dataclass(frozen=True, slots=True)
class Issue:
    """What the pacer and the request numbers say of a window."""

    scheduled: int
    issued: int
    """Request numbers given out."""


class Tally:
    """One kind of fault in the present window."""

    __slots__ = ("count", "first", "first_ns", "latest", "numbers")

    def __init__(self, ending: Ending) -> None:
        self.count = 0
        self.first_ns = ending.at_ns
        self.first: Ending | None = None
        """Only in the window in which the run saw the kind for the first time."""
        self.latest = ending
        self.numbers: list[int] = []


class Books:
    """Counts since the last window. Histograms are sparse, in the layout of `stressdash.hdr`."""

    def __init__(self, run_id: int, worker: int, draw: random.Random, redact: Redaction = NO_SECRETS) -> None:
        self.redact = redact
        """For what a server sent and is to be kept."""
        self._run_id = run_id
        self._worker = worker
        self._draw = draw
        self._known: set[FaultKind] = set()
        self._accounts: dict[str, Account] = {}
        self._age_ns = 0
        self._cpu_ns = 0
        self._clear()

    def _clear(self) -> None:
        self.unsent = 0
        """Requests that were issued a number, but whose first byte could not be sent."""
        self.bytes_sent = 0
        self.bytes_received = 0
        self.connects = 0
        self.reconnects = 0
        self.ended_ns = 0
        """Sum over the requests that ended of the time since their first byte was sent."""
        self.statuses: Histogram = defaultdict(int)
        self.several_first: Histogram = defaultdict(int)
        """Time to first byte of the full answers that took several reads or failed."""
        self.failed_latency: Histogram = defaultdict(int)
        self._unfinished: Histogram = defaultdict(int)
        """Ages of what the schedule holds and the run did not finish."""
        self.send_lag: Histogram = defaultdict(int)
        self.waited = 0
        self.connect: Histogram = defaultdict(int)
        self.tls: Histogram = defaultdict(int)
        self.unread: Histogram = defaultdict(int)
        self.loop_lag: Histogram = defaultdict(int)
        self.failed = 0
        self.failed_answers = 0
        """Full answers whose request failed."""
        self._tallies: dict[FaultKind, Tally] = {}
        self._other = 0
        self.slowest: list[Exemplar] = []
        for account in self._accounts.values():
            account.clear()

    def account(self, name: str) -> Account:
        """The account of a request's name, opened when there is none yet."""
        return self._accounts.setdefault(name, Account(name))

    def forget_accounts(self) -> None:
        """A script makes the requests, so the names are not the plan's."""
        self._accounts = {}

    def begin(self, cpu_ns: int) -> None:
        """The run begins; what the process has spent so far is not its."""
        self._cpu_ns = cpu_ns

    def answered(self, account: Account, status: int, latency_ns: int, first_byte_ns: int) -> None:
        """Book a full answer that did not take the fast path; `failed_answer` follows when it is an error."""
        self.statuses[status] += 1
        self.ended_ns += latency_ns
        account.several[bucket_index(latency_ns // 1000)] += 1
        self.several_first[bucket_index(first_byte_ns // 1000)] += 1

    def failed_answer(self, kind: FaultKind, latency_ns: int, ending: Ending) -> None:
        """Book the failure of a request that got a full answer."""
        self.failed_answers += 1
        self.account(ending.request).failed_answers += 1
        self.failed_latency[bucket_index(latency_ns // 1000)] += 1
        self.fault(kind, ending)

    def timed_out(self, kind: FaultKind, latency_ns: int, ending: Ending) -> None:
        """Book an aborted request; its latency is a lower bound."""
        index = bucket_index(latency_ns // 1000)
        account = self.account(ending.request)
        account.several[index] += 1
        account.timeouts[index] += 1
        self.failed_latency[index] += 1
        self.broken(kind, latency_ns, ending)

    def unfinished(self, age_ns: int, account: Account | None = None) -> None:
        """Book the age of a request that the schedule holds but the run did not finish: a lower bound.

        `account` is None of one that was never sent, so that nothing says what it would have been.
        """
        index = bucket_index(age_ns // 1000)
        if account is None:
            self._unfinished[index] += 1
        else:
            account.intended[index] += 1
            account.intended_bounds[index] += 1

    def broken(self, kind: FaultKind, held_ns: int, ending: Ending) -> None:
        """Book a request that ended without a full answer after holding its connection for `held_ns`."""
        self.ended_ns += held_ns
        self.fault(kind, ending)

    def fault(self, kind: FaultKind, ending: Ending) -> None:
        """Count one failed request."""
        self.failed += 1
        if ending.number:
            self.account(ending.request).failed += 1
        tally = self._tallies.get(kind)
        if tally is None:
            tally = self._open_tally(kind, ending)
            if tally is None:
                self._other += 1
                return
        tally.count += 1
        tally.latest = ending
        if not ending.number:
            return
        if len(tally.numbers) < RESERVOIR:
            tally.numbers.append(ending.number)
        elif (place := self._draw.randrange(tally.count)) < RESERVOIR:
            tally.numbers[place] = ending.number

    def _open_tally(self, kind: FaultKind, ending: Ending) -> Tally | None:
        tally = Tally(ending)
        if kind not in self._known:
            if len(self._known) >= KINDS_LIMIT:
                return None
            self._known.add(kind)
            tally.first = ending
        self._tallies[kind] = tally
        return tally

    def slow(self, latency_ns: int, ending: Ending) -> None:
        """Keep the slowest request of a second."""
        self.slowest.append(self._exemplar("slowest", ending, latency_ns // 1000))

    def close(self, cell: Cell, gauges: Gauges, issue: Issue) -> Window:
        """The window of everything since the last one; the books start anew."""
        responses = sum(self.statuses.values())
        accounts = self._accounts.values()
        singles = [account.single for account in accounts]
        bounds = sum_of(self._unfinished, *(account.intended_bounds for account in accounts))
        window = Window(
            start_ns=cell.start_ns,
            length_ns=cell.end_ns - cell.start_ns,
            worker=self._worker,
            segment=cell.segment,
            phase=cell.phase,
            target_rate=cell.rate,
            target_connections=gauges.target,
            open_connections=gauges.open,
            busy_connections=gauges.busy,
            in_flight=gauges.in_flight,
            scheduled=issue.scheduled,
            sent=issue.issued - self.unsent,
            completed=responses - self.failed_answers,
            failed=self.failed,
            responses=responses,
            statuses=dict(self.statuses),
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            connects=self.connects,
            reconnects=self.reconnects,
            latency=sum_of(*singles, *(account.several for account in accounts)),
            latency_failed=dict(self.failed_latency),
            latency_timeouts=sum_of(*(account.timeouts for account in accounts)),
            latency_intended=sum_of(self._unfinished, *(account.intended for account in accounts)),
            latency_intended_bounds=bounds,
            connect=dict(self.connect),
            tls=dict(self.tls),
            first_byte=sum_of(self.several_first, *singles),
            send_lag=dict(self.send_lag),
            loop_lag=dict(self.loop_lag),
            busy_ns=self.ended_ns + gauges.age_ns - self._age_ns,
            cpu_ns=gauges.cpu_ns - self._cpu_ns,
            faults=tuple(self._fault(kind, tally) for kind, tally in self._tallies.items()),
            exemplars=tuple(self.slowest),
            waited=self.waited,
            faults_other=self._other,
            by_request=self._by_request(),
            unread=dict(self.unread),
        )
        self._age_ns, self._cpu_ns = gauges.age_ns, gauges.cpu_ns
        self._clear()
        return window

    def _by_request(self) -> dict[str, RequestCounts]:
        if len(self._accounts) < 2:
            return {}
        return {name: account.counts() for name, account in self._accounts.items()}

    def _fault(self, kind: FaultKind, tally: Tally) -> Fault:
        exemplars = [self._exemplar("latest", tally.latest)]
        if tally.first is not None:
            exemplars.insert(0, self._exemplar("first", tally.first))
        return Fault(
            category=kind.category,
            code=kind.code,
            message=kind.message,
            count=tally.count,
            first_ns=tally.first_ns,
            last_ns=tally.latest.at_ns,
            exemplars=tuple(exemplars),
            trace_ids=tuple(trace_id_of(self._run_id, self._worker, number) for number in tally.numbers),
        )

    def _exemplar(self, kind: str, ending: Ending, latency_us: int | None = None) -> Exemplar:
        if latency_us is None and ending.sent_ns is not None:
            latency_us = (ending.at_ns - ending.sent_ns) // 1000
        return Exemplar(
            kind=kind,
            at_ns=ending.at_ns,
            sent_ns=ending.sent_ns,
            connection=ending.connection,
            number=ending.number,
            latency_us=latency_us,
            status=ending.status,
            trace_id=trace_id_of(self._run_id, self._worker, ending.number) if ending.number else None,
            request=ending.request,
            head=self.redact(bytes(ending.head[:KEPT_HEAD])),
            body=self.redact(bytes(ending.body[:KEPT_BODY])),
            note=ending.note,
        )
