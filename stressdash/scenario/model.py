"""What a scenario file holds, and the settings and thresholds it makes.

These types are the one source of the file's form: `file` reads by them and `schema` is made of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from stressdash.metrics.thresholds import Threshold, parse_threshold
from stressdash.quantities import parse_duration
from stressdash.wire import Meta

__all__ = [
    "Condition",
    "Load",
    "RowsFile",
    "Scenario",
    "ScenarioRequest",
    "Target",
    "scenario_layer",
    "scenario_thresholds",
]


def _written(pattern: str, *examples: str) -> Meta:
    """Form of a text, for the schema; reading checks it with sentences of its own."""
    return Meta(extra_json_schema={"pattern": pattern}, examples=list(examples) or None)


Duration = Annotated[
    str, _written(r"^\s*(\d+(\.\d+)?|(\d+(\.\d+)?(us|ms|s|m|h))+)\s*$", "15s", "1m30s", "500ms")
]
Positive = Annotated[int, Meta(ge=1)]


@dataclass(frozen=True, slots=True)
class Target:
    """What is loaded. Without it, the service of the stack that ships with stressdash."""

    url: Annotated[str, Meta(description="URL under load; then no stack is started.")] | None = None
    stack: Literal["auto", "embedded", "process", "docker", "external"] | None = None
    elasticsearch: Annotated[str, Meta(description="URL that APM is read from.")] | None = None
    apm_service: Annotated[str, Meta(description="service.name in the APM data.")] | None = None
    dsn: Annotated[str, Meta(description="Name of the environment variable that holds the DSN.")] | None = (
        None
    )
    cacert: Annotated[str, Meta(description="Certificates (PEM) to trust, beside the scenario.")] | None = (
        None
    )
    cert: Annotated[str, Meta(description="Client certificate (PEM), beside the scenario.")] | None = None
    key: Annotated[str, Meta(description="Key of the client certificate (PEM).")] | None = None
    insecure: Annotated[bool, Meta(description="Take any certificate; every result says so.")] | None = None
    unix_socket: Annotated[str, Meta(description="Connect to this socket.")] | None = None
    keepalive: Annotated[bool, Meta(description="False: a connection for each request.")] | None = None
    connection_lifetime: Annotated[Duration, Meta(description="Older connections are replaced.")] | None = (
        None
    )
    resolve_every: Annotated[Duration, Meta(description="The host is looked up again.")] | None = None
    addresses: Literal["first", "turns"] | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """How hard, how long and how it ends. What is left out has its default."""

    connections: Annotated[Positive, Meta(description="Connections held open.")] | None = None
    rate: Annotated[float, Meta(gt=0, description="Arrivals per second: the open loop.")] | None = None
    arrivals: Literal["uniform", "poisson"] | None = None
    stages: (
        Annotated[
            str, Meta(description="Shape of connections or rate.", examples=["ramp 0..400 30s, hold 1m"])
        ]
        | None
    ) = None
    think: (
        Annotated[
            str,
            Meta(description="Between answer and next request.", examples=["100ms", "50ms..200ms", "exp 1s"]),
        ]
        | None
    ) = None
    warm_up: Annotated[str, Meta(description="Left out of the results.", examples=["10s", "auto"])] | None = (
        None
    )
    stop_when: Annotated[
        tuple[str, ...],
        Meta(description="Rules that end the run early.", examples=[["failed>5% 10s", "p99>500ms 10s"]]),
    ] = ()
    duration: Annotated[Duration, Meta(description="Measured time.")] | None = None
    requests: Annotated[Positive, Meta(description="Stop after so many.")] | None = None
    timeout: Annotated[Duration, Meta(description="A request is aborted after it.")] | None = None
    connect_timeout: Annotated[Duration, Meta(description="A connect is given up after it.")] | None = None
    stop: Literal["drain", "abort"] | None = None
    workers: Annotated[Positive, Meta(description="Load processes.")] | None = None
    coalesce: (
        Annotated[str, Meta(description="Serve together what became ready within it.", examples=["1ms"])]
        | None
    ) = None


@dataclass(frozen=True, slots=True)
class ScenarioRequest:
    """One kind of request; `body`, `path` and header values are templates."""

    name: Annotated[str, Meta(min_length=1)] = "request"
    method: Annotated[str, _written("^[A-Za-z]+$", "POST")] = "POST"
    path: Annotated[str, _written("^/[!-~]*$")] = "/"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    weight: Annotated[Positive, Meta(description="Share among all requests.")] = 1
    expect: Annotated[
        tuple[str, ...],
        Meta(description="What must hold of its answers.", examples=[["status=200", "json:/ok=true"]]),
    ] = ()
    secret_headers: Annotated[
        dict[str, str],
        Meta(
            description="Headers by where their values are.", examples=[{"Authorization": "Bearer env:TOKEN"}]
        ),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowsFile:
    """Rows of a file, whose columns are fields of templates: `{{NAME.COLUMN}}`."""

    file: Annotated[str, Meta(min_length=1, description="CSV or JSON Lines, beside the scenario.")]
    order: Annotated[str, _written("^(sequential|random)$")] = "sequential"


@dataclass(frozen=True, slots=True)
class Condition:
    """What the run must hold."""

    expect: Annotated[str, Meta(examples=["p(99)<200", "failed:rate<1%", "apm.latency:avg<50ms"])]
    abort_on_fail: Annotated[bool, Meta(description="End the run as soon as it does not hold.")] = False
    delay: Annotated[Duration, Meta(description="Measured time before which it ends no run.")] = "0s"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario file."""

    title: Annotated[str, Meta(min_length=1)]
    name: str = ""
    notes: str = ""
    repeats: (
        Annotated[Positive, Meta(description="Runs of each value in `experiment` and `knee`.")] | None
    ) = None
    target: Target = field(default_factory=Target)
    load: Load = field(default_factory=Load)
    request: tuple[ScenarioRequest, ...] = ()
    rows: dict[str, RowsFile] = field(default_factory=dict)
    script: Annotated[str, Meta(description="A wrk script (Lua), beside the scenario.")] | None = None
    script_args: tuple[str, ...] = ()
    knobs: dict[str, str | int | float] = field(default_factory=dict)
    threshold: tuple[Condition, ...] = ()
    file: str = ""


def scenario_layer(scenario: Scenario) -> dict[str, tuple[str, Any]]:
    """Settings that a scenario file makes: name -> (where, value)."""
    where = f"scenario {scenario.name}"
    load, target = scenario.load, scenario.target
    values: dict[str, Any] = {
        "scenario": scenario.name,
        "url": target.url,
        "stack": target.stack or ("external" if target.url else None),
        "elasticsearch": target.elasticsearch,
        "apm_service": target.apm_service,
        "dsn": target.dsn,
        "ca_file": _beside(scenario, target.cacert),
        "cert_file": _beside(scenario, target.cert),
        "key_file": _beside(scenario, target.key),
        "insecure": target.insecure,
        "unix_socket": target.unix_socket,
        "keepalive": target.keepalive,
        "lifetime_s": target.connection_lifetime,
        "resolve_every_s": target.resolve_every,
        "addresses": target.addresses,
        "script": _beside(scenario, scenario.script),
        "script_args": scenario.script_args or None,
        "connections": load.connections,
        "rate": load.rate,
        "arrivals": load.arrivals,
        "stages": load.stages,
        "think": load.think,
        "warm_up": load.warm_up,
        "stop_when": load.stop_when or None,
        "duration_s": None if load.duration is None else parse_duration(load.duration),
        "max_requests": load.requests,
        "timeout_s": None if load.timeout is None else parse_duration(load.timeout),
        "connect_timeout_s": None if load.connect_timeout is None else parse_duration(load.connect_timeout),
        "stop": load.stop,
        "workers": load.workers,
        "coalesce": load.coalesce,
    }
    layer = {name: (where, value) for name, value in values.items() if value is not None}
    return {**layer, "knobs": (where, {name: str(value) for name, value in scenario.knobs.items()})}


def _beside(scenario: Scenario, name: str | None) -> str | None:
    """Path of a file that a scenario names."""
    return None if name is None else str(Path(scenario.file).parent / name)


def scenario_thresholds(scenario: Scenario | None) -> tuple[Threshold, ...]:
    """What a run of the scenario must hold."""
    return tuple(
        parse_threshold(
            condition.expect, abort_on_fail=condition.abort_on_fail, delay_s=parse_duration(condition.delay)
        )
        for condition in (scenario.threshold if scenario is not None else ())
    )
