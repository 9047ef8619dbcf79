"""The Elastic APM agent as this service uses it: the only importer of elasticapm.

Defaults differ from the agent's where a dashboard wants to see the last second: metrics every second, events
sent after 300 ms. Local variables are not collected: they hold passwords, and cost more than the rest of an
error. Processors that clean what is never collected here (headers, cookies, bodies) are left out. Any
`ELASTIC_APM_*` variable of the environment wins over these defaults.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from elasticapm import Client
from elasticapm.conf.constants import ERROR, SPAN, TRANSACTION
from elasticapm.events import Exception as ExceptionEvent
from elasticapm.metrics.base_metrics import MetricSet
from elasticapm.transport.http import Transport

__all__ = ["Agent", "CountingTransport", "SelfTimes"]

PACKAGE = Path(__file__).parent
CLOSE_S = 0.5

DEFAULTS: dict[str, object] = {
    "SERVICE_NAME": "stats",
    "API_REQUEST_TIME": "300ms",
    "METRICS_INTERVAL": "1s",
    "CLOUD_PROVIDER": "none",
    "CENTRAL_CONFIG": "false",
    "SPAN_COMPRESSION_ENABLED": "false",
    "SPAN_STACK_TRACE_MIN_DURATION": "-1",
    "CAPTURE_HEADERS": "false",
    "COLLECT_LOCAL_VARIABLES": "off",
    "SOURCE_LINES_ERROR_LIBRARY_FRAMES": "0",
    "DISABLE_LOG_RECORD_FACTORY": "true",
    "INSTRUMENT": "false",
    "PROCESSORS": [],
    "BREAKDOWN_METRICS": "false",  # SelfTimes takes their place
    # The first name is for culprits (prefixes of modules), the second for frames (globs of paths).
    "INCLUDE_PATHS": ["service", f"{PACKAGE}/*"],
    # asyncmy's Cython frames have relative paths, which the agent would take for the application's own.
    "EXCLUDE_PATHS": ["*/lib/python3*/*", "asyncmy/*"],
    "TRANSPORT_CLASS": "service.agent.CountingTransport",
}

_ACCEPTED = re.compile(r'"accepted":\s*(\d+)')


class CountingTransport(Transport):
    """The agent's HTTP transport; `dropped` counts events that it gave up, which the agent only logs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.dropped = 0
        self._buffered = 0
        self._flushing = 0
        super().__init__(*args, **kwargs)

    def queue(self, event_type: str, data: Any, flush: bool = False) -> None:
        """Hand an event to the sending thread; the agent drops it when 10,000 wait already."""
        if self._event_queue.full():
            self.dropped += 1
        super().queue(event_type, data, flush)

    def _process_event(self, event_type: str, data: Any) -> Any:
        processed = super()._process_event(event_type, data)  # type: ignore[no-untyped-call]  # the agent
        if processed is not None:
            self._buffered += 1
        return processed

    def _flush(self, buffer: Any, forced_flush: bool = False) -> None:
        self._flushing, self._buffered = self._buffered, 0
        if not self.state.should_try():  # type: ignore[no-untyped-call]  # the agent
            self.dropped += self._flushing
        super()._flush(buffer, forced_flush=forced_flush)

    def handle_transport_fail(self, exception: BaseException | None = None, **kwargs: Any) -> None:
        """Count the events of a request that failed, apart from those that the server says it accepted."""
        accepted = _ACCEPTED.search(str(exception))
        self.dropped += max(0, self._flushing - int(accepted[1] if accepted else 0))
        super().handle_transport_fail(exception, **kwargs)


class SelfTimes(MetricSet):
    """Breakdown metrics: own time by transaction name, span type and subtype since the last collection."""

    def __init__(self, registry: Any) -> None:
        super().__init__(registry)
        self._times: dict[tuple[str, str, str], list[float]] = {}
        self._handing_over = threading.Lock()

    def add(self, transaction: str, times: Iterable[tuple[str, str, float]]) -> None:
        """Count the own times of one call: span type, subtype, seconds."""
        with self._handing_over:
            for kind, subtype, seconds in times:
                total = self._times.setdefault((transaction, kind, subtype), [0, 0.0])
                total[0] += 1
                total[1] += seconds

    def collect(self) -> Iterator[dict[str, Any]]:
        """The metric sets, in intake form; called by the agent's metrics thread."""
        with self._handing_over:
            totals, self._times = self._times, {}
        timestamp = int(time.time() * 1e6)
        for (transaction, kind, subtype), (count, seconds) in totals.items():
            yield {
                "timestamp": timestamp,
                "transaction": {"name": transaction, "type": "request"},
                "span": {"type": kind, "subtype": subtype},
                "samples": {
                    "span.self_time.count": {"value": count},
                    "span.self_time.sum.us": {"value": seconds * 1e6},
                },
            }


class Agent:
    """A running agent, its threads included."""

    def __init__(self, server_url: str, secret_token: str | None) -> None:
        self._client = Client({**DEFAULTS, "SERVER_URL": server_url, "SECRET_TOKEN": secret_token})
        self.self_times: Any = self._client.metrics.register(SelfTimes)

    @property
    def dropped(self) -> int:
        """Events that were given up: queue full, server unreachable or unwilling."""
        transport: Any = self._client._transport  # noqa: SLF001 - the agent has no other door to it
        return int(transport.dropped)

    def record(self, *, on: bool) -> None:
        """Collect metrics or not."""
        self._client.config.update("knob", recording=on)

    def send_transaction(self, document: dict[str, Any]) -> None:
        """Queue a transaction."""
        self._client.queue(TRANSACTION, document)

    def send_span(self, document: dict[str, Any]) -> None:
        """Queue a span."""
        self._client.queue(SPAN, document)

    def send_error(self, document: dict[str, Any], error: BaseException, message: str) -> None:
        """Queue an error; the agent adds the exception, its stack trace and its culprit."""
        captured = ExceptionEvent.capture(  # type: ignore[no-untyped-call]  # the agent
            self._client, exc_info=(type(error), error, error.__traceback__), message=message
        )
        captured["exception"]["handled"] = True
        self._client.queue(ERROR, {**document, **captured, "timestamp": int(time.time() * 1e6)})

    def close(self) -> None:
        """Send what waits, for a short while, and stop the threads."""
        # The agent waits for its last request as long as api_request_time, which is short here.
        self._client.config.update("closing", api_request_time=f"{int(CLOSE_S * 1000)}ms")
        self._client.close()
