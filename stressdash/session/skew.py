"""Finds out how far the service's clock is ahead of ours, from requests that both sides remember.

What stamps APM's events is the clock of the service's machine, so it is this one that counts; Elasticsearch's
own clock stamps nothing that is read here. Each tick a few of the client's exemplars are looked up in APM by
their trace id: our send and receive times bound when the transaction can have been. An answer's `Date` header
serves until APM tells; behind a proxy it is the proxy's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Final

from stressdash.apm.clocked import ClockedSource
from stressdash.apm.source import ApmSource
from stressdash.errors import SourceError
from stressdash.metrics.skew import Bounds, ClockSkew, dated_bounds, joined_bounds
from stressdash.samples import ClockOffset, Exemplar, Trace
from stressdash.session.clock import Clock
from stressdash.session.run import LiveRun

__all__ = ["SkewWatch", "date_of"]

SPAN_ID: Final = 16
"""Last digits of a trace id: the engine makes them the id of the client's span."""
ASKED_AT_ONCE: Final = 3
WELL_KNOWN: Final = 16
"""Joined bounds, from which on less is asked: one exemplar every `RARELY` ticks."""
RARELY: Final = 8
REMEMBERED: Final = 4096
SOON_NS: Final = 3_000_000_000
LATE_NS: Final = 13_000_000_000
"""Age of an exemplar that is asked for: enough for a tuned agent, and for one that reports every 10 s."""
DATE: Final = re.compile(rb"^date:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


class SkewWatch:
    """Lasts as long as the session: what one run taught holds for the next.

    Args:
        clock: ours.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._skew = ClockSkew()
        self._source: ApmSource | None = None
        self._asked: dict[str, None] = {}
        """Trace ids that were looked up, in order."""
        self._age_ns = SOON_NS
        self._ticks = 0

    @property
    def offset(self) -> ClockOffset | None:
        """What is known of the service's clock; None while nothing is."""
        return self._skew.offset

    @property
    def correction_us(self) -> int:
        """What times from APM are set back by."""
        return self._skew.correction_us

    def corrected(self, source: ApmSource | None) -> ApmSource | None:
        """A source with its times on our clock; from now on it is asked for the traces of requests."""
        self._source = source
        if source is None:
            return None
        return ClockedSource(source, lambda: self.correction_us, self._clock.wall_ms)

    async def poll(self, run: LiveRun | None) -> None:
        """Look up some requests of a run; where APM does not answer, others next time."""
        self._ticks += 1
        rarely = self._skew.joined >= WELL_KNOWN and self._ticks % RARELY
        if run is None or self._source is None or rarely:
            return
        asked = dict(self._candidates(run))
        if not asked:
            return
        self._remember(asked)
        try:
            traces = await asyncio.gather(*(self._source.trace(trace_id) for trace_id in asked))
        except SourceError:  # told by who watches APM
            return
        pairs = zip(asked.values(), traces, strict=True)
        joined = [bounds for exemplar, trace in pairs if (bounds := self._joined(exemplar, trace))]
        dated = [bounds for exemplar in asked.values() if (bounds := self._dated(exemplar))]
        if not any(trace.spans for trace in traces):
            self._age_ns = min(LATE_NS, self._age_ns + SOON_NS)
        self._skew.add(joined, dated)

    def _candidates(self, run: LiveRun) -> Iterator[tuple[str, Exemplar]]:
        old_enough = run.recent.answered(run.recent.newest_ns - self._age_ns)
        unasked = ((each.trace_id, each) for each in old_enough if each.trace_id not in self._asked)
        number = 1 if self._skew.joined >= WELL_KNOWN else ASKED_AT_ONCE
        for trace_id, exemplar in islice(unasked, number):
            if trace_id is not None:
                yield trace_id, exemplar

    def _remember(self, trace_ids: Iterable[str]) -> None:
        self._asked.update(dict.fromkeys(trace_ids))
        while len(self._asked) > REMEMBERED:
            del self._asked[next(iter(self._asked))]

    def _joined(self, exemplar: Exemplar, trace: Trace) -> Bounds | None:
        client_span = trace.trace_id[-SPAN_ID:]
        for span in trace.spans:
            if span.kind == "transaction" and span.parent_id == client_span:
                return joined_bounds(*self._times_us(exemplar), span.start_us, span.duration_us)
        return None

    def _dated(self, exemplar: Exemplar) -> Bounds | None:
        date_s = date_of(exemplar.head)
        return dated_bounds(*self._times_us(exemplar), date_s) if date_s is not None else None

    def _times_us(self, exemplar: Exemplar) -> tuple[int, int]:
        """When the first byte was sent and the last one came, on our wall clock."""
        assert exemplar.sent_ns is not None
        return self._clock.wall_us_of_ns(exemplar.sent_ns), self._clock.wall_us_of_ns(exemplar.at_ns)


def date_of(head: bytes) -> int | None:
    """Seconds since 1970 of an answer's `Date`; None when it has none that can be read."""
    found = DATE.search(head)
    if found is None:
        return None
    try:
        return int(parsedate_to_datetime(found[1].decode("latin-1")).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
