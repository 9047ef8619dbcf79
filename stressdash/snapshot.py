"""What the session shows: one immutable picture of everything, pulled by screens at their own pace.

Times on the axis (`_s`) are seconds since the session opened; charts turn them into 'ago'. A figure that is
not known is None and shows as a dash. Texts from outside (messages, details, names) are untrusted: whoever
draws them escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stressdash.course import Course, PlanAhead
from stressdash.lab import Lab
from stressdash.samples import (
    ClockOffset,
    Component,
    DatabaseRates,
    DatabaseStatus,
    ErrorSample,
    Exemplar,
    Knob,
    ServiceStatus,
    Trace,
)

__all__ = [
    "ApmFigures",
    "ClientFigures",
    "ErrorDetail",
    "ErrorRow",
    "Interference",
    "Mark",
    "Playback",
    "RequestFigures",
    "RunState",
    "Series",
    "Snapshot",
]


class RunState(StrEnum):
    """Life of the load, as the screen's head shows it."""

    STARTING = "starting"
    """The stack is not ready yet."""
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"
    FINISHED = "finished"
    """A run has ended; its figures stay on the screen."""
    FAILED = "failed"
    """The stack or the engine could not be used; `Snapshot.notice` says why."""


@dataclass(frozen=True, slots=True)
class Series:
    """Evenly spaced values; None is a gap."""

    key: str
    """For instance `client.rate`; stable, names colour and marker."""
    label: str
    unit: str
    """`req/s`, `us`, `share`, `count` or `/s`."""
    start_s: float
    step_s: float
    values: tuple[float | None, ...]
    provisional_from_s: float | None = None
    """Values from here on may still change and are drawn as such."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: a vertical line with a label on every chart."""

    at_s: float
    label: str
    kind: str
    """`steer`, `knob`, `component` or `run`."""


@dataclass(frozen=True, slots=True)
class ClientFigures:
    """The client's row, over the last `window_s` seconds."""

    window_s: float
    requests_per_s: float | None
    goodput_per_s: float | None
    p50_us: float | None
    p99_us: float | None
    p99_is_bound: bool
    """The percentile reaches a timeout: draw with a >= sign."""
    failed_share: float | None
    in_flight: int
    target_connections: int
    open_connections: int
    busy_connections: int
    trend: int = 0
    """-1, 0 or 1: the rate against the seconds before."""
    unread_p50_us: int | None = None
    """How long answers lay in the kernel before the generator took notice: its part of the latency."""
    by_request: tuple[RequestFigures, ...] = ()
    """Of a plan with several names, the busiest first; else empty."""
    target_rate: float | None = None
    """Arrivals per second asked for; None: the closed loop, which has none of the figures below."""
    corrected_p50_us: float | None = None
    corrected_p99_us: float | None = None
    """From the intended start."""
    corrected_is_bound: bool = False
    """The corrected p99 reaches a lower bound: draw with a >= sign."""
    send_lag_p50_us: float | None = None
    send_lag_p99_us: float | None = None
    """From due to first byte sent."""
    waited_share: float | None = None
    """Of the requests that came due, those that found every connection busy: the cap binds."""


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """What the client saw of the requests of one name, over the seconds of its row."""

    name: str
    """From the plan; untrusted."""
    requests_per_s: float | None
    goodput_per_s: float | None
    p50_us: int | None
    p99_us: int | None
    p99_is_bound: bool
    failed_share: float | None


@dataclass(frozen=True, slots=True)
class ApmFigures:
    """The service's row, over the same seconds as far as APM has come."""

    window_s: float
    requests_per_s: float | None
    p50_us: float | None
    p99_us: float | None
    failed_share: float | None
    lag_s: float | None
    """Age of the newest transaction that APM holds, while load runs."""
    dropped: int | None
    """Events dropped by agent and intake."""
    sampling: float | None
    enabled: bool | None
    detail: str = ""
    """What is wrong with the source, when something is."""
    clock: ClockOffset | None = None
    """How far the service's clock is ahead of ours; None while that is unknown."""


@dataclass(frozen=True, slots=True)
class Interference:
    """Who used the machine's busy CPU in the last seconds; shares of the whole machine, 1.0 = all cores."""

    machine: float | None
    generator: float | None
    dashboard: float | None
    apm: float | None
    service: float | None
    database: float | None
    steal: float | None
    share: float | None
    """(generator + dashboard + apm) / the machine's busy CPU."""
    generator_core: float | None
    """The busiest worker's share of its own core: near 1 the generator is the bottleneck."""
    generator_cpu_us_per_request: float | None


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One line of the error list: a client fault, an APM error group, or both joined by trace id."""

    id: str
    """Stable over refreshes."""
    category: str
    """Client category (`rpc`, `timeout`, ...) or `apm`."""
    code: str
    title: str
    """Folded message; untrusted."""
    client_count: int | None
    """None when the client saw none of it."""
    apm_count: int | None
    """None when APM has none of it."""
    rate_per_s: float
    first_s: float
    last_s: float
    joined_share: float | None
    """Share of this fault's sampled requests that the group explains."""
    note: str
    """Why it did not join, for instance `no APM event` or `APM only`."""
    new: bool
    """Not seen in the run before."""
    apm_group: str | None = None
    spark: tuple[int, ...] = ()
    """Occurrences per second, newest last."""
    culprit: str = ""
    """Where in the service it was raised, by APM: tells errors apart whose messages are equal; untrusted."""


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """Everything known of one error row, for the opened page."""

    row: ErrorRow
    sample: ErrorSample | None
    """From APM; None when no group joined or the source cannot answer (`apm_note` says why)."""
    trace: Trace | None
    """Of `sample`, or of the exemplar when there is no sample."""
    exemplars: tuple[Exemplar, ...]
    """What the client saw."""
    exemplar_index: int | None
    """Which exemplar has the trace of `sample`, or without a sample that of `trace`."""
    knobs: tuple[Knob, ...]
    """Knobs that govern this kind of error."""
    explanation: str
    """For a known kind of error, what it means in one or two sentences; else empty."""
    apm_note: str = ""
    similar: tuple[ErrorRow, ...] = ()
    share_of_requests: float | None = None
    client_sent_us: int | None = None
    """When the exemplar at `exemplar_index` (else the first) was sent, wall-clock microseconds since 1970, so
    that it can stand on the trace's time line; None when it was never sent."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One picture of everything. Cheap to hold, never changed."""

    sequence: int
    now_s: float
    state: RunState
    notice: str
    """One sentence about the whole, for instance why the state is `failed`; untrusted."""
    scenario: str
    backend: str
    target: str
    """URL under load, without credentials."""
    cores: int
    run_id: str
    run_number: int
    run_started_s: float | None
    elapsed_s: float
    duration_s: float | None
    """None: until stopped."""
    client: ClientFigures
    apm: ApmFigures
    interference: Interference
    series: Mapping[str, tuple[Series, ...]]
    """Chart name (`rate`, `latency`, `errors`, `resources`, `where`) to its series."""
    marks: tuple[Mark, ...]
    errors: tuple[ErrorRow, ...]
    components: tuple[Component, ...]
    knobs: tuple[Knob, ...]
    service: ServiceStatus | None
    database: DatabaseStatus | None
    totals: Mapping[str, int] = field(default_factory=dict)
    """scheduled, sent, completed, failed, in_flight of the run."""
    client_faults_explained: tuple[float, float, float] | None = None
    """Share of failed requests explained by an APM group, with the bounds of its 95 % interval."""
    warnings: tuple[str, ...] = ()
    """Standing warnings: generator saturated, figures mixed over segments, APM off."""
    database_rates: DatabaseRates | None = None
    usage: Mapping[str, tuple[Series, ...]] = field(default_factory=dict)
    """What components use, by `COMPONENT.CHART`: cpu, memory, network and disk of each."""
    owner: str = ""
    """Who owns the load, when this dashboard can only watch it; else empty."""
    choice: str = ""
    """Which stack this is and why, where that was not said; else empty."""
    playback: Playback | None = None
    """Of a replay; None of a live session."""
    run_ended_s: float | None = None
    """When the run ended; None while it goes on. A finished run's series end there."""
    plan: PlanAhead | None = None
    """None when the load has no shape."""
    course: Course | None = None
    lab: Lab = field(default_factory=Lab)
    """Settings run in this session, and how the newest two differ."""


@dataclass(frozen=True, slots=True)
class Playback:
    """Where a replay stands."""

    run: str
    """What the list of runs calls it."""
    position_s: float
    length_s: float
    speed: float
    """1.0 is as fast as it happened."""
    playing: bool
