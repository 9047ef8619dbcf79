"""The result of a run as scripts read it: JSON with the schema `stressdash.run/1`.

The dataclasses here are the JSON: field names are keys, None is null and means unknown. A key keeps its name
and meaning for as long as the number after the slash stays; `run-v1.schema.json` beside this file says so
strictly. Texts are untrusted and unescaped: JSON quotes them, whoever prints them escapes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from stressdash import wire
from stressdash.errors import BadInput
from stressdash.metrics.verdict import Verdict, verdict_word
from stressdash.report.course_json import CourseReport
from stressdash.report.latency_json import LatencyReport, LatencySplit, SpectrumPoint
from stressdash.samples import ClockOffset
from stressdash.snapshot import Interference, Mark

__all__ = [
    "SCHEMA",
    "ApmLatency",
    "ApmReport",
    "AuditReport",
    "Bounds",
    "ErrorGroupReport",
    "FaultReport",
    "GeneratorReport",
    "LatencyReport",
    "LatencySplit",
    "LittleReport",
    "Machine",
    "NamedReport",
    "RequestsReport",
    "RunReport",
    "SocketErrors",
    "SpectrumPoint",
    "ThresholdReport",
    "TransferReport",
    "WindowRow",
    "json_schema",
    "load",
    "to_json",
]

SCHEMA: Final = "stressdash.run/1"

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class RequestsReport:
    """The books: scheduled = completed + failed + in_flight_at_stop."""

    scheduled: int
    sent: int
    completed: int
    failed: int
    in_flight_at_stop: int

    @property
    def reached_nobody(self) -> bool:
        """Whether all failed before anything was sent: such a run says nothing of its target."""
        return bool(self.failed) and not self.sent


@dataclass(frozen=True, slots=True)
class ThresholdReport:
    """A condition of the run and what came of it."""

    text: str
    held: bool
    value: float | None
    """Microseconds for durations, else as it is."""
    at_least: bool
    """`value` is a lower bound."""
    sentence: str


@dataclass(frozen=True, slots=True)
class NamedReport:
    """The requests of one name. A failure that held no request (a refused connect) is in none."""

    name: str
    completed: int
    failed: int
    responses: int
    requests_per_second: float | None
    goodput_per_second: float | None
    failed_share: float | None
    latency_us: LatencyReport
    """As the run's `latency_us`: of the same basis."""
    latency_raw_us: LatencyReport
    """From the first byte sent, whatever the basis."""


@dataclass(frozen=True, slots=True)
class FaultReport:
    """One kind of failure, with the APM error group behind it."""

    category: str
    code: str
    message: str
    count: int
    share: float | None
    """Of all ended requests."""
    apm_group: str | None
    joined_share: float | None
    """Share of the sampled failures that the group explains."""
    note: str
    """Why there is no group, or what else is in it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """An estimated share with its 95 % interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ApmLatency:
    """Of transactions sampled by coin, in microseconds."""

    mean: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class ErrorGroupReport:
    """One APM error group within the time of the run."""

    key: str
    type: str
    message: str
    culprit: str
    count: int
    stack_depth: int


@dataclass(frozen=True, slots=True)
class ApmReport:
    """What the service itself saw; `source` is None when APM was off."""

    source: str | None = None
    sampling: float | None = None
    transactions: float | None = None
    throughput: float | None = None
    """Transactions per measured second."""
    failed_share: float | None = None
    latency_us: ApmLatency = field(default_factory=ApmLatency)
    error_groups: tuple[ErrorGroupReport, ...] = ()
    dropped: int | None = None
    """Events lost in agent and intake."""
    complete: bool | None = None
    """Whether the source had passed the time of the stop when it was asked."""
    clock: ClockOffset | None = None
    """How far the service's clock was ahead of ours at the end; None when unknown."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What became of every request in the database; see `stressdash.store.audit`."""

    acknowledged: int | None = None
    stored: int | None = None
    lost: int | None = None
    orphaned: int | None = None
    dropped: int | None = None
    rejected: int | None = None
    duplicates: int | None = None
    net: int | None = None


@dataclass(frozen=True, slots=True)
class LittleReport:
    """Connections held against throughput x latency."""

    held: float
    explained: float
    gap: float


@dataclass(frozen=True, slots=True)
class GeneratorReport:
    """How hard the generator itself had to work."""

    workers: int
    core_share_max: float | None
    """Of the busiest worker."""
    saturated_windows: float | None
    """Largest share of measured time that one worker spent over 90 % of its core."""
    send_lag_p99_us: int | None
    loop_lag_p99_us: int | None
    unread_p50_us: int | None = None
    """How long answers lay in the kernel before the generator took notice: a part of every latency."""
    unread_p99_us: int | None = None
    unread_share: float | None = None
    """The median of it, as a share of the median latency."""
    unread_samples: int = 0


@dataclass(frozen=True, slots=True)
class TransferReport:
    """Bytes on the wire, head and body."""

    sent_bytes: int
    received_bytes: int
    received_bytes_per_second: float | None
    connects: int = 0
    """Connections that were established."""
    reconnects: int = 0
    """The part of them that replace one which the server closed while it was idle."""


@dataclass(frozen=True, slots=True)
class SocketErrors:
    """Failures below HTTP, in wrk's four kinds."""

    connect: int
    read: int
    write: int
    timeout: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Where all of it ran."""

    cores: int
    system: str
    python: str
    cpu: str = ""
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One step of the run. Rates are per measured second; None where load was paused."""

    t_s: float
    """Start, in seconds since the start of the run."""
    requests_per_second: float | None
    goodput_per_second: float | None
    failed: float | None
    p50_us: float | None
    p99_us: float | None
    open: float | None
    busy: float | None
    in_flight: float | None


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run, whole."""

    schema: str
    stressdash: str
    """Version of the program."""
    run_id: str
    scenario: str
    target: str
    """URL, without credentials."""
    backend: str
    started: str
    """UTC, ISO 8601."""
    machine: Machine
    verdict: Verdict
    warnings: tuple[str, ...]
    duration_s: float
    """Measured seconds of running load: what every rate is divided by."""
    connections: int
    plan: Mapping[str, Scalar]
    requests: RequestsReport
    requests_per_second: float | None
    goodput_per_second: float | None
    failed_share: float | None
    latency_basis: str
    """`sent` (from the actual first byte), `intended` (from when the request was due; open loop), or `mixed`
    of a run that was switched between the loops: then `latency_us` is unknown, and segments have theirs."""
    latency_us: LatencyReport
    latency_corrected_us: LatencyReport | None
    """From the intended start; None in the closed loop, which has none."""
    latency_raw_us: LatencyReport
    """From the first byte sent, whatever the basis."""
    segments_mixed: bool
    statuses: Mapping[str, int]
    socket_errors: SocketErrors
    faults: tuple[FaultReport, ...]
    faults_explained: Bounds | None
    """Share of failed requests that some APM group explains."""
    transfer: TransferReport
    apm: ApmReport
    audit: AuditReport
    interference: Interference
    generator: GeneratorReport
    little: LittleReport | None
    knobs: Mapping[str, Scalar]
    marks: tuple[Mark, ...]
    """`at_s` counts from the start of the run."""
    windows: tuple[WindowRow, ...]
    latency_split: LatencySplit = field(default_factory=LatencySplit)
    spectrum: tuple[SpectrumPoint, ...] = ()
    """Of the latency that `latency_basis` names."""
    thresholds: tuple[ThresholdReport, ...] = ()
    script_output: str = ""
    """What a wrk script has printed, in `done` and before."""
    backend_reason: str = ""
    """Why `auto` meant this backend; empty where it was named."""
    by_request: tuple[NamedReport, ...] = ()
    """Of a plan with several names, in the order of their names; else empty."""
    send_lag_us: LatencyReport | None = None
    """From when requests were due to their first byte sent; None in the closed loop."""
    course: CourseReport = field(default_factory=CourseReport)

    @property
    def outcome(self) -> str:
        """The verdict as people read it."""
        return verdict_word(self.verdict.status, len(self.thresholds))


def to_json(report: RunReport) -> bytes:
    """The report as JSON text, indented, with a newline at its end; every character is one that shows."""
    text = json.dumps(wire.to_builtins(report), indent=2, allow_nan=False)
    return text.replace("\x7f", "\\u007f").encode() + b"\n"


def load(data: bytes | str) -> RunReport:
    """A report from its JSON text.

    Raises:
        BadInput: It is not a report, or one of another version.
    """
    head = wire.from_json(data, dict[str, Any])
    if head.get("schema") != SCHEMA:
        raise BadInput(f"this report has the schema {head.get('schema')!r}; this version reads {SCHEMA!r}")
    return wire.from_builtins(head, RunReport)


def json_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) that every report obeys."""
    schema: dict[str, Any] = json.loads(files(__package__).joinpath("run-v1.schema.json").read_text("utf-8"))
    return schema
