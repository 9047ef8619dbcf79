"""Merged windows as rows of a table: what `--csv` and `--jsonl` write, one for each step of the grid.

`GridRow` is the list of columns, in their order. A figure that is not known, such as a percentile of too few
answers, is empty in CSV and null in JSON.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from stressdash.metrics.histogram import Histogram
from stressdash.samples import Counts, Window

__all__ = ["CsvRows", "GridRow", "JsonRows", "row_of"]


@dataclass(frozen=True, slots=True)
class GridRow:
    """One step, or the part of it with one phase and segment. Latency counts from the first byte sent."""

    t_s: float
    """Start, in seconds since the start of the run."""
    length_s: float
    phase: str
    """`run`, `paused` or `drain`."""
    segment: int
    """Number of the steering segment."""
    target_connections: int
    open_connections: int
    busy_connections: int
    in_flight: int
    """At the end of the step."""
    scheduled: int
    sent: int
    completed: int
    failed: int
    responses: int
    """Full answers of any status."""
    bytes_sent: int
    bytes_received: int
    connects: int
    reconnects: int
    mean_us: float | None
    p50_us: int | None
    p90_us: int | None
    p99_us: int | None
    max_us: int | None
    corrected_mean_us: float | None
    """From the intended start, in the open loop; so are the next three."""
    corrected_p50_us: int | None
    corrected_p99_us: int | None
    corrected_max_us: int | None
    send_lag_max_us: int | None
    """From due to first byte sent, in the open loop."""
    loop_lag_max_us: int | None
    """How long answers that were ready waited for the engine."""
    unread_max_us: int | None
    """How long answers lay in the kernel before the engine took notice; of a sample."""
    cpu_s: float
    """User and system time of the load workers."""


COLUMNS: Final = tuple(field.name for field in fields(GridRow))
SAME: Final = tuple(name for name in COLUMNS if name in {field.name for field in fields(Window)})


def row_of(window: Window, origin_ns: int) -> GridRow:
    """The row of a merged window of a run that began at `origin_ns`."""
    latency, corrected = Histogram(window.latency), Histogram(window.latency_intended)
    values: dict[str, Any] = {name: getattr(window, name) for name in SAME} | {
        "t_s": round((window.start_ns - origin_ns) / 1e9, 6),
        "length_s": round(window.length_ns / 1e9, 6),
        "phase": window.phase.value,
        "mean_us": _rounded(latency.mean),
        "p50_us": latency.percentile(0.5),
        "p90_us": latency.percentile(0.9),
        "p99_us": latency.percentile(0.99),
        "max_us": latency.maximum,
        "corrected_mean_us": _rounded(corrected.mean),
        "corrected_p50_us": corrected.percentile(0.5),
        "corrected_p99_us": corrected.percentile(0.99),
        "corrected_max_us": corrected.maximum,
        "send_lag_max_us": _maximum(window.send_lag),
        "loop_lag_max_us": _maximum(window.loop_lag),
        "unread_max_us": _maximum(window.unread),
        "cpu_s": round(window.cpu_ns / 1e9, 6),
    }
    return GridRow(**values)


class CsvRows:
    """Rows as lines of CSV, after a line of column names."""

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns

    def head(self) -> Iterable[str]:
        """Names of the columns."""
        yield ",".join(COLUMNS)

    def add(self, window: Window) -> Iterable[str]:
        """The line of a merged window."""
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(asdict(row_of(window, self._origin_ns)).values())
        yield line.getvalue()

    def rest(self) -> Iterable[str]:
        """Nothing is kept back."""
        return ()


class JsonRows:
    """Rows as lines of JSON, with what has no place in a table: statuses, faults, names of requests."""

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns

    def head(self) -> Iterable[str]:
        """Each line tells its names itself."""
        return ()

    def add(self, window: Window) -> Iterable[str]:
        """The line of a merged window."""
        row = asdict(row_of(window, self._origin_ns))
        yield json.dumps(row | _nested(window), separators=(",", ":"))

    def rest(self) -> Iterable[str]:
        """Nothing is kept back."""
        return ()


def _nested(window: Window) -> dict[str, Any]:
    return {
        "statuses": {str(status): number for status, number in sorted(window.statuses.items())},
        "faults": [
            {"category": fault.category, "code": fault.code, "message": fault.message, "count": fault.count}
            for fault in window.faults
        ],
        "by_request": {
            name: {
                "completed": counts.completed,
                "failed": counts.failed,
                "responses": counts.responses,
                "mean_us": _rounded(Histogram(counts.latency).mean),
                "max_us": _maximum(counts.latency),
            }
            for name, counts in window.by_request.items()
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _maximum(counts: Counts) -> int | None:
    return Histogram(counts).maximum
