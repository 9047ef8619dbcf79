"""An agent without a service: sends calls to an APM intake, as fast as it takes them or at a steady rate.

python -m benchmarks.apm_agent URL EVENTS_A_SECOND SECONDS

Prints when it began, in microseconds since 1970, and at the end (or when it is told to end) what became of
its events, as JSON. The secret token comes from STRESSDASH_APM_TOKEN.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Self
from urllib.parse import urlsplit

from benchmarks.apm_events import METADATA, PER_CALL, Texts, sent
from benchmarks.harness import Unavailable, started

LIVE_FROM = 1_000_000_000
"""Number of the first call of a steady stream."""
EVERY_S = 0.1
TOKEN = "STRESSDASH_APM_TOKEN"


@dataclass(slots=True)
class Told:
    """What became of events."""

    calls: int = 0
    events: int = 0
    refused: int = 0
    sending_s: float = 0.0
    slowest_s: float = 0.0
    """The longest that the intake took for one request."""
    behind_s: float = 0.0
    """How late the stream was at worst."""


class Agent:
    """One connection to an intake.

    Args:
        url: of the intake.
        token: its secret token; empty for none.
    """

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self._headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._texts = Texts(sent)
        self._second = 0
        self.told = Told()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, first: int, times_us: range) -> None:
        """Calls from number `first` on, one at each of the times; with the metrics of a new second."""
        lines = [self._texts.call(first + place, at_us) for place, at_us in enumerate(times_us)]
        if lines and (second := times_us[-1] // 1_000_000) != self._second:
            self._second = second
            lines.append(self._texts.second(times_us[-1]))
        self.told.calls += len(times_us)
        text = b"".join(lines)
        self._post(gzip.compress(sent(METADATA) + text, 1), text.count(b"\n"))

    def _post(self, body: bytes, events: int) -> None:
        began = time.perf_counter()
        self._connection.request("POST", "/intake/v2/events", body, self._headers)
        with self._connection.getresponse() as answer:
            answer.read()
        took_s = time.perf_counter() - began
        self.told.events += events
        self.told.refused += 0 if answer.status == 202 else events
        self.told.sending_s += took_s
        self.told.slowest_s = max(self.told.slowest_s, took_s)


@dataclass(frozen=True, slots=True)
class Stream:
    """A steady stream from another process."""

    process: subprocess.Popen[bytes]
    began_us: int
    calls_per_s: float

    def calls_at(self, at_us: int) -> int:
        """Number of the first call that is not due at that time."""
        return LIVE_FROM + max(0, int((at_us - self.began_us) / 1e6 * self.calls_per_s))

    def end(self) -> Told:
        """End it now; what became of its events."""
        self.process.terminate()
        return self.ended()

    def ended(self) -> Told:
        """Wait for its end; what became of its events."""
        assert self.process.stdout
        try:
            return Told(**json.loads(self.process.stdout.read()))
        except (ValueError, TypeError) as error:
            raise Unavailable("the stream of events broke off") from error


@contextlib.contextmanager
def streaming(url: str, token: str, events_per_s: float, seconds: float, core: int) -> Iterator[Stream]:
    """Send events at this rate from another process, at most for so long."""
    words = [sys.executable, "-m", "benchmarks.apm_agent", url, str(events_per_s), str(seconds)]
    environment = os.environ | {TOKEN: token}
    with started(words, core, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise Unavailable("the stream of events did not start")
        yield Stream(process, int(line), events_per_s / PER_CALL)


def stream(agent: Agent, calls_per_s: float, seconds: float) -> None:
    """Every tenth of a second the calls that are due."""
    began, began_us, number = time.monotonic(), time.time_ns() // 1000, 0
    print(began_us, flush=True)
    step_us = round(1e6 / calls_per_s)
    turn = 1
    while turn * EVERY_S <= seconds:
        time.sleep(max(0.0, began + turn * EVERY_S - time.monotonic()))
        agent.told.behind_s = max(agent.told.behind_s, time.monotonic() - began - turn * EVERY_S)
        due = int(turn * EVERY_S * calls_per_s)
        first_us = began_us + round(number / calls_per_s * 1e6)
        agent.send(LIVE_FROM + number, range(first_us, first_us + (due - number) * step_us, step_us))
        number, turn = due, turn + 1


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    url, events_per_s, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    with Agent(url, os.environ.get(TOKEN, "")) as agent:
        try:
            stream(agent, events_per_s / PER_CALL, seconds)
        finally:
            print(json.dumps(asdict(agent.told)), flush=True)


if __name__ == "__main__":
    main()
