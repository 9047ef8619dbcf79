"""The Elastic APM agent as this service uses it: configuration, and a transport that counts what it drops.

Defaults differ from the agent's where a dashboard wants to see the last second: metrics every second, events
sent after 300 ms. Span compression is off: every call shows its own steps. Local variables are not collected:
they hold passwords, and cost more than the rest of an error. Any `ELASTIC_APM_*` variable of the environment
wins over these defaults.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from elasticapm import Client
from elasticapm.transport.http import Transport

__all__ = ["CountingTransport", "make_client"]

PACKAGE = Path(__file__).parent

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


def make_client(server_url: str, secret_token: str | None) -> Client:
    """A running agent; its threads start here."""
    return Client({**DEFAULTS, "SERVER_URL": server_url, "SECRET_TOKEN": secret_token})
