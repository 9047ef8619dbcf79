"""Events as agents send them, for tests of the intake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parent.parent / "apm" / "samples"
AT_US = 1_795_464_735_000_000
AT_MS = AT_US // 1000

METADATA: dict[str, Any] = {
    "service": {"name": "stats", "agent": {"name": "python", "version": "6.26.2"}},
    "process": {"pid": 7},
    "system": {"detected_hostname": "box"},
}


def line(kind: str, event: dict[str, Any]) -> bytes:
    return json.dumps({kind: event}).encode()


def metadata(**service: Any) -> bytes:
    return line("metadata", {**METADATA, "service": {**METADATA["service"], **service}})


def transaction(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{number:016x}",
        "trace_id": f"{number:032x}",
        "type": "request",
        "name": "stats.StatsService/Push",
        "span_count": {"started": 0},
        "duration": 10.0,
        "timestamp": AT_US,
        "outcome": "success",
        "result": "HTTP 2xx",
        "sampled": True,
        "sample_rate": 1.0,
        **fields,
    }


def span(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{number + 0xA000:016x}",
        "trace_id": f"{number:032x}",
        "transaction_id": f"{number:016x}",
        "parent_id": f"{number:016x}",
        "name": "INSERT INTO incoming",
        "type": "db",
        "subtype": "mysql",
        "action": "query",
        "duration": 2.5,
        "timestamp": AT_US,
        **fields,
    }


def frame(function: str = "push", module: str = "service.stats", **fields: Any) -> dict[str, Any]:
    return {"filename": "service/stats.py", "module": module, "function": function, "lineno": 41, **fields}


def error(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "trace_id": f"{number:032x}",
        "transaction_id": f"{number:016x}",
        "parent_id": f"{number:016x}",
        "timestamp": AT_US,
        "culprit": "service.stats.push",
        "exception": {
            "type": "OperationalError",
            "message": "Error 1040: Too many connections",
            "handled": False,
            "stacktrace": [frame()],
        },
        "transaction": {"name": "stats.StatsService/Push", "type": "request", "sampled": True},
        **fields,
    }


def self_time(kind: str, subtype: str, spans: int, sum_us: int) -> dict[str, Any]:
    return {
        "timestamp": AT_US,
        "transaction": {"name": "stats.StatsService/Push", "type": "request"},
        "span": {"type": kind, "subtype": subtype},
        "samples": {"span.self_time.count": {"value": spans}, "span.self_time.sum.us": {"value": sum_us}},
    }


def body(*lines: bytes, meta: bytes | None = None) -> bytes:
    return b"\n".join([metadata() if meta is None else meta, *lines]) + b"\n"
