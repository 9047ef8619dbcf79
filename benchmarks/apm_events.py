"""What the agent of a service tells of its calls: each text is made once, then what differs is filled in.

A call is a transaction with a span; one in `FAILING` fails, with an error of one of twenty messages in ten
groups. Once a second come metrics. `sent` texts are lines for the intake, `stored` ones pairs of lines for
Elasticsearch's bulk API: the documents that `--forward` makes of the same events.
"""

from __future__ import annotations

import hashlib
import json
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from stressdash.embedded.apm.archive import Archive
from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.forward import made
from stressdash.embedded.apm.stream import IntakeStream

FAILING = 20
PER_CALL = 2 + 1 / FAILING
"""Events of a call, on average."""
SERVICE: Final = "stats"
METADATA: Final = {
    "metadata": {
        "service": {
            "name": SERVICE,
            "agent": {"name": "python", "version": "6.26.2"},
            "language": {"name": "python", "version": "3.11.7"},
            "runtime": {"name": "CPython", "version": "3.11.7"},
            "framework": {"name": "aiohttp", "version": "3.12.0"},
        },
        "process": {"pid": 4711, "ppid": 1, "argv": ["-m", "service"]},
        "system": {"detected_hostname": "stats-1", "architecture": "x86_64", "platform": "linux"},
    }
}
NAMES = tuple(f"POST /twirp/stats.StatsService/{method}" for method in ("Push", "Pull", "Sum", "Drop"))
PLACES = tuple(
    f"{verb}_{what}" for verb in ("insert", "count") for what in ("hit", "view", "day", "item", "user")
)
MESSAGES = ("Error 1040: Too many connections", "Error 1205: Lock wait timeout exceeded")

TRACE, TRANSACTION, SPAN, ERROR = "a1" * 16, "b2" * 8, "c3" * 8, "e5" * 16
AT_US, DURATION_MS, SPAN_MS = 1_111_111_111_111_000, 7777.5, 3333.5
MARKS = {
    TRACE: "trace",
    TRANSACTION: "transaction",
    SPAN: "span",
    ERROR: "error",
    "2005-03-18T01:58:31.111Z": "at",
    str(AT_US): "at_us",
    str(DURATION_MS): "ms",
    f"{DURATION_MS * 1000:.0f}": "us",
    str(SPAN_MS): "span_ms",
    f"{SPAN_MS * 1000:.0f}": "span_us",
}
"""What stands in an event's texts for what differs."""
Json = dict[str, Any]


class Texts:
    """Events of calls, as one kind of text.

    Args:
        write: an event -> its text, with the marks in it.
    """

    def __init__(self, write: Callable[[Json], bytes]) -> None:
        def form(*events: Json) -> bytes:
            text = b"".join(write(event) for event in events).replace(b"%", b"%%")
            for mark, name in MARKS.items():
                text = text.replace(mark.encode(), f"%({name})b".encode())
            return text

        self._good = [form(transaction(name, 200), span()) for name in NAMES]
        self._bad = [
            form(transaction(NAMES[0], 500), span(), error(place, text))
            for place in PLACES
            for text in MESSAGES
        ]
        self._second = form(process(), breakdown("app", ""), breakdown("db", "mysql"))

    def call(self, number: int, at_us: int) -> bytes:
        """Everything about the call of that number, line by line."""
        failed = number % FAILING == 0
        forms, turn = (self._bad, number // FAILING) if failed else (self._good, number)
        identifier = digest(number)
        duration_us = 5_000 + number * 7919 % 40_000
        return forms[turn % len(forms)] % {
            b"trace": identifier[:32],
            b"transaction": identifier[32:48],
            b"span": identifier[48:],
            b"error": identifier[16:48],
            **times(at_us),
            b"ms": b"%.3f" % (duration_us / 1000),
            b"us": b"%d" % duration_us,
            b"span_ms": b"%.3f" % (duration_us / 2000),
            b"span_us": b"%d" % (duration_us // 2),
        }

    def second(self, at_us: int) -> bytes:
        """The metrics of a second."""
        return self._second % times(at_us)


class Past:
    """Calls that came as fast as they were taken in, so that the newest minutes look like any other.

    Args:
        now_us: wall clock in microseconds since 1970.
    """

    def __init__(self, now_us: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._now_us = now_us
        self._began_us = [now_us()]
        self._first = [0]

    def batches(self, calls: int, size: int) -> Iterator[tuple[int, range]]:
        """Number of the first call and the times of all, spread from the batch before until now."""
        for first in range(0, calls, size):
            now_us = self._now_us()
            step_us = max(1, (now_us - self._began_us[-1]) // size)
            yield first, range(now_us - size * step_us, now_us, step_us)
            self._began_us.append(now_us)
            self._first.append(first + size)

    @property
    def began_ms(self) -> int:
        return self._began_us[0] // 1000 - 1

    @property
    def ended_ms(self) -> int:
        return self._began_us[-1] // 1000 + 1

    def calls_at(self, at_us: int) -> int:
        """Number of the first call that had not come by then, to a batch."""
        return self._first[bisect_right(self._began_us, at_us) - 1]


def failed_traces(calls_at: Callable[[int], int]) -> Callable[[int], Iterable[str]]:
    """Traces of the calls that failed within a second, by its end in milliseconds.

    Args:
        calls_at: number of the first call that had not come by a time in microseconds.
    """

    def failed(now_ms: int) -> Iterable[str]:
        first, end = calls_at((now_ms - 1000) * 1000), calls_at(now_ms * 1000)
        return [trace_id(number) for number in range(first + -first % FAILING, end, FAILING)]

    return failed


def times(at_us: int) -> dict[bytes, bytes]:
    at = datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")
    return {b"at": at.replace("+00:00", "Z").encode(), b"at_us": b"%d" % at_us}


def trace_id(number: int) -> str:
    """The call's trace."""
    return digest(number)[:32].decode()


def digest(number: int) -> bytes:
    """64 hexadecimal digits that look random."""
    return hashlib.blake2b(b"%d" % number, digest_size=32).hexdigest().encode()


def sent(event: Json) -> bytes:
    """A line for the intake."""
    return json.dumps(event).encode() + b"\n"


def stored(event: Json) -> bytes:
    """Two lines for the bulk API."""
    handed_on: list[Line] = []
    stream = IntakeStream(Archive(1, lambda: 0, hand_on=handed_on.append), 0, "", 1 << 20)
    for _ in stream.feed(sent(METADATA) + sent(event)):
        pass
    stream.finish()
    document = made(handed_on[0])
    return json.dumps({"create": {"_index": document.index}}).encode() + b"\n" + document.text + b"\n"


def transaction(name: str, status: int) -> Json:
    failed = status >= 500
    return {
        "transaction": {
            "id": TRANSACTION,
            "trace_id": TRACE,
            "name": name,
            "type": "request",
            "timestamp": AT_US,
            "duration": DURATION_MS,
            "result": f"HTTP {status // 100}xx",
            "outcome": "failure" if failed else "success",
            "sampled": True,
            "sample_rate": 1.0,
            "span_count": {"started": 1, "dropped": 0},
            "context": {
                "request": {
                    "method": "POST",
                    "url": {
                        "full": f"http://127.0.0.1:3000{name[5:]}",
                        "protocol": "http:",
                        "pathname": name[5:],
                    },
                    "headers": {"content-type": "application/json", "content-length": "49"},
                },
                "response": {"status_code": status, "headers": {"content-type": "application/json"}},
            },
        }
    }


def span() -> Json:
    return {
        "span": {
            "id": SPAN,
            "transaction_id": TRANSACTION,
            "parent_id": TRANSACTION,
            "trace_id": TRACE,
            "name": "INSERT INTO incoming",
            "type": "db",
            "subtype": "mysql",
            "action": "query",
            "timestamp": AT_US,
            "duration": SPAN_MS,
            "sample_rate": 1.0,
            "outcome": "success",
            "context": {
                "db": {
                    "type": "sql",
                    "statement": "INSERT INTO incoming (property, section, id) VALUES (?, ?, ?)",
                },
                "destination": {"service": {"resource": "mysql/stats", "name": "", "type": ""}},
            },
        }
    }


def error(place: str, message: str) -> Json:
    """An error that was raised eight calls deep."""
    return {
        "error": {
            "id": ERROR,
            "trace_id": TRACE,
            "transaction_id": TRANSACTION,
            "parent_id": TRANSACTION,
            "timestamp": AT_US,
            "culprit": f"service.stats.{place}",
            "exception": {
                "type": "OperationalError",
                "module": "service.sql",
                "message": message,
                "handled": False,
                "stacktrace": [frame(place, depth) for depth in range(8)],
            },
            "transaction": {"name": NAMES[0], "type": "request", "sampled": True},
        }
    }


def frame(place: str, depth: int) -> Json:
    return {
        "filename": "service/stats.py",
        "abs_path": "/srv/stats/service/stats.py",
        "module": "service.stats",
        "function": f"{place}_{depth}" if depth else place,
        "lineno": 41 + depth,
        "pre_context": [
            "    async with self._pool.acquire() as connection:",
            "        cursor = connection.cursor()",
        ],
        "context_line": "        await cursor.execute(statement, values)",
        "post_context": ["        await connection.commit()", "        return cursor.lastrowid"],
    }


def process() -> Json:
    gauges = {
        "system.cpu.total.norm.pct": 0.34,
        "system.memory.actual.free": 23_899_525_120,
        "system.memory.total": 25_274_793_984,
        "system.process.cpu.total.norm.pct": 0.21,
        "system.process.memory.size": 203_710_464,
        "system.process.memory.rss.bytes": 46_104_576,
    }
    samples = {name: {"value": value, "type": "gauge"} for name, value in gauges.items()}
    return {"metricset": {"timestamp": AT_US, "samples": samples}}


def breakdown(kind: str, subtype: str) -> Json:
    samples = {"span.self_time.count": {"value": 240}, "span.self_time.sum.us": {"value": 2_400_000}}
    return {
        "metricset": {
            "timestamp": AT_US,
            "transaction": {"name": NAMES[0], "type": "request"},
            "span": {"type": kind, **({"subtype": subtype} if subtype else {})},
            "samples": samples,
        }
    }
