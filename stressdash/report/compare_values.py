"""What of a run is compared: each metric with its value, out of the run's report.

The first family is what a user of the service would notice, and is tested. The second explains the first and
is shown with intervals only, so that it takes no power from it; a limit on a regression may name either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from stressdash.metrics.compare import Metric
from stressdash.report.run_json import LatencyReport, RunReport
from stressdash.text import byte_size, count, duration_us, percent, rate

__all__ = ["DETAILS", "FORMATS", "JUDGED", "values"]

LATENCIES: Final = ("mean", "p50", "p75", "p90", "p99", "p999")
SPLIT: Final = ("p50", "p99")
PHASES: Final = ("connect", "tls", "first_byte")
CATEGORIES: Final = ("dns", "connect", "tls", "write", "read", "timeout", "protocol", "http", "rpc", "body")

FORMATS: Final[Mapping[str, Callable[[float | None], str]]] = {
    "req/s": rate,
    "us": duration_us,
    "share": percent,
    "bytes": byte_size,
    "count": count,
}


def _less(key: str, label: str, unit: str = "us", *, ratio: bool = True) -> Metric:
    return Metric(key, label, unit, higher_is_better=False, ratio=ratio)


JUDGED: Final = (
    Metric("rate", "req/s", "req/s", higher_is_better=True),
    Metric("goodput", "goodput/s", "req/s", higher_is_better=True),
    *(_less(name, f"latency {name}") for name in LATENCIES),
    _less("failed", "failed share", "share", ratio=False),
)

DETAILS: Final = (
    *(_less(f"completed_{name}", f"completed {name}") for name in SPLIT),
    *(_less(f"refused_{name}", f"failed {name}") for name in SPLIT),
    *(_less(f"{phase}_p50", f"{phase.replace('_', ' ')} p50") for phase in PHASES),
    *(_less(f"apm_{name}", f"APM {name}") for name in ("mean", *SPLIT)),
    _less("outside", "mean outside the service"),
    *(_less(f"{category}_share", f"{category} errors", "share", ratio=False) for category in CATEGORIES),
    _less("apm_failed", "APM failed share", "share", ratio=False),
    _less("cpu", "generator CPU/request"),
    _less("service_cpu", "service CPU/request"),
    _less("database_cpu", "database CPU/request"),
    _less("machine", "machine busy", "share", ratio=False),
    _less("interference", "interference", "share", ratio=False),
)


def values(report: RunReport) -> dict[str, float | None]:
    """Value of every metric of both families; None where the run does not tell it."""
    seen = report.interference
    return {
        "rate": report.requests_per_second,
        "goodput": report.goodput_per_second,
        **{name: getattr(report.latency_us, name) for name in LATENCIES},
        "failed": report.failed_share,
        "cpu": seen.generator_cpu_us_per_request,
        **_split(report),
        **_by_category(report),
        **_of_service(report),
        "service_cpu": _cpu_per_request(report, seen.service),
        "database_cpu": _cpu_per_request(report, seen.database),
        "machine": seen.machine,
        "interference": seen.share,
    }


def _split(report: RunReport) -> dict[str, float | None]:
    split = report.latency_split
    outcomes = {"completed": split.completed, "refused": split.failed}
    phases: dict[str, LatencyReport] = {phase: getattr(split, phase) for phase in PHASES}
    return {
        **{f"{key}_{name}": getattr(one, name) for key, one in outcomes.items() for name in SPLIT},
        **{f"{phase}_p50": one.p50 for phase, one in phases.items()},
    }


def _by_category(report: RunReport) -> dict[str, float | None]:
    ended = report.requests.completed + report.requests.failed
    counts = dict.fromkeys(CATEGORIES, 0)
    for fault in report.faults:
        if fault.category in counts:
            counts[fault.category] += fault.count
    return {f"{name}_share": number / ended if ended else None for name, number in counts.items()}


def _of_service(report: RunReport) -> dict[str, float | None]:
    apm, sent = report.apm, report.latency_raw_us
    inside = apm.latency_us.mean
    return {
        **{f"apm_{name}": getattr(apm.latency_us, name) for name in ("mean", *SPLIT)},
        "apm_failed": apm.failed_share,
        "outside": sent.mean - inside if sent.mean is not None and inside is not None else None,
    }


def _cpu_per_request(report: RunReport, share: float | None) -> float | None:
    """Microseconds of CPU that a component spent for each ended request."""
    ended = report.requests.completed + report.requests.failed
    if share is None or not ended:
        return None
    return 1e6 * share * report.machine.cores * report.duration_s / ended
