"""What APM is told of each call: the only module besides `agent` that knows the Elastic agent.

The agent's own way, a transaction in contextvars that instrumented libraries hang spans on, costs most of its
price before sampling is decided, cannot see asyncmy (a C extension whose cursor cannot be patched) or the
pool, and loses the spans of a call that outlives its request. So the service notes times itself (`trail`),
for less than a microsecond a step, and here, when the outcome is known, replays them into transactions,
spans and errors of the agent. An uninteresting call touches the agent not at all.

Which calls:
    - A coin with the probability `sampling` decides on its own, whatever the client's traceparent says (load
      engines flag every request as recorded). Trace id and parent are kept. `sample_rate` tells the weight.
    - Every failure is an error document that carries trace and transaction id, sampled or not.
    - The first failure of a kind in each second is reported whole even if the coin said no: labelled
      `kept_for=error` and with `sample_rate` 0, so that it weighs nothing in throughput and percentiles.
      A kind is an exception class with the functions of its traceback, which is what APM groups by.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from elasticapm.conf.constants import TRANSACTION
from elasticapm.traces import Span, Transaction, execution_context
from elasticapm.utils.disttracing import TraceParent, TracingOptions

from service.agent import make_client
from service.call import Call
from service.database import INSERT
from service.errors import BadConfiguration, DatabaseError
from service.settings import Dsn
from service.trail import ACQUIRE, CONNECT, QUERY, Step
from service.twirp import TwirpError

__all__ = ["Reporter"]

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_UNROUTED = "unknown route"
LONGEST_PATH = 1024
CLOSE_S = 0.5

OUTCOMES_BEYOND_STATUS = frozenset({"canceled", "deadline_exceeded", "resource_exhausted"})
"""Codes with a 4xx status that are the server's failure nevertheless."""


class Reporter:
    """Reports calls through an agent that it starts when first turned on.

    `random` gives numbers in [0, 1); `perf_counter` is the clock of trails.
    """

    def __init__(
        self,
        server_url: str | None,
        secret_token: str | None,
        dsn: Dsn,
        *,
        random: Callable[[], float],
        perf_counter: Callable[[], float],
    ) -> None:
        self._server_url = server_url
        self._secret_token = secret_token
        self._random = random
        self._perf_counter = perf_counter
        self._database = _database_contexts(dsn)
        self._client: Any = None
        self._on = False
        self._sampling = 0.0
        self._second = -1
        self._kept: set[object] = set()
        """Kinds of failure that were reported whole in this second."""

    @property
    def dropped(self) -> int:
        """Events that the agent gave up since it was started."""
        return self._client._transport.dropped if self._client else 0  # noqa: SLF001 - the agent has no door to it

    def check(self, *, on: bool) -> None:
        """Refuse to be turned on without a server.

        Raises:
            BadConfiguration: there is no server to report to.
        """
        if on and not self._server_url:
            raise BadConfiguration("apm cannot be turned on: ELASTIC_APM_SERVER_URL is not set")

    def turn(self, *, on: bool, sampling: float) -> None:
        """Set both knobs; turned off, the agent collects no metrics either."""
        self.check(on=on)
        if on and self._client is None:
            self._client = make_client(str(self._server_url), self._secret_token)
        elif self._client is not None and on != self._on:
            self._client.config.update("knob", recording=on)
        self._on, self._sampling = on, sampling

    def close(self) -> None:
        """Send what waits, for a short while, and stop the agent's threads."""
        if self._client is not None:
            # The agent waits for its last request as long as api_request_time, which is short here.
            self._client.config.update("closing", api_request_time=f"{int(CLOSE_S * 1000)}ms")
            self._client.close()

    def finish(self, call: Call, failure: TwirpError | None, error: BaseException | None) -> None:
        """Report a call that ended now; `failure` is its answer if it failed, `error` what was raised."""
        if not self._on:
            return
        sampled = self._random() < self._sampling
        if failure is None or error is None:
            if sampled:
                self._end(self._begin(call, None, sampled=True, rate=self._sampling), call)
            return
        whole = self._first_of_its_kind(error) or sampled
        transaction = self._begin(call, failure, sampled=whole, rate=self._sampling if sampled else 0.0)
        if isinstance(error, DatabaseError):
            transaction.labels["mysql_errno"] = str(error.errno)
        if whole and not sampled:
            transaction.labels["kept_for"] = "error"
            transaction._breakdown = None  # noqa: SLF001 - what weighs nothing must not enter the self times
        if whole:
            error._elastic_apm_span_id = self._end(transaction, call)  # type: ignore[attr-defined]  # noqa: SLF001 - how the agent learns an error's parent
        self._capture(transaction, failure, error)

    def _begin(self, call: Call, failure: TwirpError | None, *, sampled: bool, rate: float) -> Any:
        """A transaction with everything but its spans and end."""
        parent = _TRACEPARENT.fullmatch(call.traceparent or "")
        transaction: Any = Transaction(
            self._client.tracer,
            "request",
            trace_parent=TraceParent(0, parent[1], parent[2], TracingOptions(recorded=sampled))
            if parent
            else None,
            is_sampled=sampled,
            start=call.began_s,
            sample_rate=rate,
        )
        status = failure.status if failure else 200
        transaction.name = f"{call.service}/{call.method}" if call.method else _UNROUTED
        transaction.result = f"HTTP {status // 100}xx"
        transaction.outcome = "failure" if _is_failure(failure) else "success"
        transaction.context = {
            "request": {"method": call.verb, "url": {"pathname": call.path[:LONGEST_PATH]}},
            "response": {"status_code": status},
        }
        if call.method:
            transaction.labels = {"twirp_service": call.service, "twirp_method": call.method}
        if failure:
            transaction.labels["twirp_error_code"] = failure.code
        return transaction

    def _end(self, transaction: Any, call: Call) -> str:
        """Add the spans and send; returns the id of the innermost failed step, else the transaction's."""
        duration = timedelta(seconds=self._perf_counter() - call.began)
        failed: str = transaction.id
        running: list[tuple[Span, Step]] = []
        for step in call.trail.steps:
            while running and running[-1][1].end <= step.start:
                _end_span(*running.pop())
            span = self._span(transaction, running[-1][0] if running else None, call, step)
            if not step.ok:
                failed = span.id
            running.append((span, step))
        while running:
            _end_span(*running.pop())
        transaction.end(duration=duration)
        self._client.queue(TRANSACTION, transaction.to_dict())
        return failed

    def _span(self, transaction: Any, parent: Span | None, call: Call, step: Step) -> Span:
        name, subtype, action = _SPANS[step.kind]
        database = self._database.get(step.kind)
        span = Span(
            transaction,
            name,
            "db",
            context={key: {**value} for key, value in database.items()} if database else None,
            leaf=database is not None,
            parent=parent,
            span_subtype=subtype,
            span_action=action,
            start=call.began_s + (step.start - call.began),
        )
        span.outcome = "success" if step.ok else "failure"
        transaction._span_counter += 1  # noqa: SLF001 - begin_span does so, but walks the stack as well
        return span

    def _capture(self, transaction: Any, failure: TwirpError, error: BaseException) -> None:
        message = str(error) if isinstance(error, Exception) and str(error) else str(failure)
        execution_context.set_transaction(transaction)
        try:
            self._client.capture_exception(
                exc_info=(type(error), error, error.__traceback__), message=message
            )
        finally:
            execution_context.get_transaction(clear=True)

    def _first_of_its_kind(self, error: BaseException) -> bool:
        """Whether no such failure was reported whole in this second; notes that one is now."""
        second = int(self._perf_counter())
        if second != self._second:
            self._second = second
            self._kept.clear()
        kind = _kind(error)
        if kind in self._kept:
            return False
        self._kept.add(kind)
        return True


_SPANS = {
    ACQUIRE: ("pool.acquire", "pool", "acquire"),
    CONNECT: ("CONNECT", "mysql", "connect"),
    QUERY: ("INSERT INTO incoming", "mysql", "query"),
}
"""Name, subtype and action by kind of step. A pool is no dependency: its spans have no destination."""


def _database_contexts(dsn: Dsn) -> dict[str, dict[str, dict[str, object]]]:
    """Span context by kind of step that goes to the database."""
    destination: dict[str, object] = {"address": dsn.unix_socket or dsn.host}
    if not dsn.unix_socket:
        destination["port"] = dsn.port
    database: dict[str, object] = {"type": "sql", "instance": dsn.database, "user": dsn.user}
    return {
        CONNECT: {"db": database, "destination": destination},
        QUERY: {"db": {**database, "statement": INSERT}, "destination": destination},
    }


def _end_span(span: Any, step: Step) -> None:
    span.end(duration=timedelta(seconds=step.end - step.start))


def _is_failure(failure: TwirpError | None) -> bool:
    return failure is not None and (failure.status >= 500 or failure.code in OUTCOMES_BEYOND_STATUS)


def _kind(error: BaseException) -> object:
    functions = []
    trace = error.__traceback__
    while trace is not None:
        functions.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return type(error), tuple(functions)
