"""What APM is told of which call.

The agent's own way, a transaction in contextvars on which instrumented libraries hang spans, spends most of
its price before sampling is decided, cannot see asyncmy (a C extension whose cursor cannot be patched) or the
pool, and loses the spans of a call that outlives its request. So the service notes times itself (`trail`,
under a microsecond a step), and when the outcome is known `documents` turns them into what the agent sends.
That takes a tenth of the time that the agent's Transaction and Span need. Stack traces, culprits, metrics,
queue and transport are the agent's.

Which calls:
    - A coin with the probability `sampling` decides on its own, whatever the client's traceparent says (load
      engines flag every request as recorded). Trace id and parent are kept. `sample_rate` tells the weight.
    - Every failure is an error document that carries trace and transaction id, sampled or not.
    - The first failure of a kind in each second is reported whole even if the coin said no: labelled
      `kept_for=error` and with `sample_rate` 0, so that it weighs nothing in throughput and percentiles.
      A kind is an exception class with the functions of its traceback, which is what APM groups by.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

from service.agent import Agent
from service.call import Call
from service.documents import Documents, Identity, self_times, transaction_name
from service.errors import BadConfiguration, DatabaseError
from service.settings import Dsn
from service.twirp import TwirpError

__all__ = ["Reporter"]

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


class Reporter:
    """Reports calls through an agent that `start_agent` makes when first needed.

    `start_agent` is None where no APM server is known; `clock` is the one of the trails.
    """

    def __init__(
        self,
        start_agent: Callable[[], Agent] | None,
        dsn: Dsn,
        chance: random.Random,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._start_agent = start_agent
        self._documents = Documents(dsn)
        self._chance = chance
        self._clock = clock
        self._agent: Agent | None = None
        self._on = False
        self._sampling = 0.0
        self._second = -1
        self._kept: set[object] = set()
        """Kinds of failure that were reported whole in this second."""

    @property
    def dropped(self) -> int:
        """Events that the agent gave up since it was started."""
        return self._agent.dropped if self._agent else 0

    def turn(self, *, on: bool, sampling: float) -> None:
        """Set both knobs; turned off, the agent collects no metrics either.

        Raises:
            BadConfiguration: on, but there is no server to report to.
        """
        if on and self._agent is None:
            if self._start_agent is None:
                raise BadConfiguration("apm cannot be turned on: ELASTIC_APM_SERVER_URL is not set")
            self._agent = self._start_agent()
        elif self._agent and on != self._on:
            self._agent.record(on=on)
        self._on, self._sampling = on, sampling

    def close(self) -> None:
        """Send what waits, for a short while."""
        if self._agent:
            self._agent.close()

    def finish(self, call: Call, failure: TwirpError | None, error: BaseException | None) -> None:
        """Report a call that ended now; `failure` is its answer if it failed, `error` what was raised."""
        if not self._on or self._agent is None:
            return
        sampled = self._chance.random() < self._sampling
        if failure is None or error is None:
            if sampled:
                self._whole(self._agent, call, self._identify(call), None, {}, self._sampling)
            return
        labels = {"mysql_errno": str(error.errno)} if isinstance(error, DatabaseError) else {}
        identity = self._identify(call)
        whole = self._first_of_its_kind(error) or sampled
        if whole:
            kept = {} if sampled else {"kept_for": "error"}
            self._whole(
                self._agent, call, identity, failure, labels | kept, self._sampling if sampled else 0.0
            )
        document = self._documents.error(call, identity, failure, sampled=whole, labels=labels)
        message = str(error) if isinstance(error, Exception) and str(error) else str(failure)
        self._agent.send_error(document, error, message)

    def _whole(
        self,
        agent: Agent,
        call: Call,
        identity: Identity,
        failure: TwirpError | None,
        labels: dict[str, str],
        sample_rate: float,
    ) -> None:
        """Send transaction and spans; `sample_rate` 0 keeps the call out of everything that is weighed."""
        duration_s = self._clock() - call.began
        agent.send_transaction(
            self._documents.transaction(
                call, identity, failure, duration_s=duration_s, sample_rate=sample_rate, labels=labels
            )
        )
        for span in self._documents.spans(call, identity, sample_rate):
            agent.send_span(span)
        if sample_rate:
            agent.self_times.add(transaction_name(call), self_times(call.trail.steps, duration_s))

    def _identify(self, call: Call) -> Identity:
        parent = _TRACEPARENT.fullmatch(call.traceparent or "")
        bits = self._chance.getrandbits
        return Identity(
            trace_id=parent[1] if parent else f"{bits(128):032x}",
            parent_id=parent[2] if parent else None,
            transaction_id=f"{bits(64):016x}",
            span_ids=[f"{bits(64):016x}" for _ in call.trail.steps],
        )

    def _first_of_its_kind(self, error: BaseException) -> bool:
        """Whether no such failure was reported whole in this second; notes that one is now."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._kept.clear()
        kind = _kind(error)
        if kind in self._kept:
            return False
        self._kept.add(kind)
        return True


def _kind(error: BaseException) -> object:
    functions = []
    trace = error.__traceback__
    while trace is not None:
        functions.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return type(error), tuple(functions)
