"""Pictures of a session in every state, all invented, none of them moving."""

from __future__ import annotations

import math
from dataclasses import replace

from stressdash.samples import (
    Component,
    ComponentState,
    DatabaseRates,
    DatabaseStatus,
    Knob,
    PoolStatus,
    ServiceStatus,
)
from stressdash.snapshot import (
    ApmFigures,
    ClientFigures,
    ErrorRow,
    Interference,
    Mark,
    RunState,
    Series,
    Snapshot,
)

NOW_S = 67.0


def curve(
    key: str, label: str, unit: str, values: list[float | None], *, provisional: float | None = None
) -> Series:
    return Series(key, label, unit, NOW_S - 60.0, 0.5, tuple(values), provisional)


def wave(level: float, swing: float, phase: float, count: int = 121) -> list[float | None]:
    return [level * (1 - math.exp(-i / 25)) + swing * math.sin(i / 6 + phase) for i in range(count)]


def make_series() -> dict[str, tuple[Series, ...]]:
    late = NOW_S - 3.0
    return {
        "rate": (
            curve("client.rate", "client", "req/s", wave(2290, 90, 0)),
            curve("apm.rate", "apm", "req/s", wave(2230, 90, 0.8)[:118], provisional=late),
        ),
        "latency": (
            curve("client.p50", "client p50", "us", wave(164_000, 9_000, 0)),
            curve("client.p99", "client p99", "us", wave(1_210_000, 80_000, 1)),
            curve("apm.p50", "apm p50", "us", wave(151_000, 9_000, 2)[:118], provisional=late),
            curve("apm.p99", "apm p99", "us", wave(1_190_000, 80_000, 3)[:118], provisional=late),
        ),
        "errors": (
            curve("rpc", "rpc", "/s", wave(1186, 60, 0)),
            curve(
                "timeout", "timeout", "/s", [None if i < 60 else 6 + 3 * math.sin(i / 4) for i in range(121)]
            ),
        ),
        "resources": (
            curve("open", "conns", "count", [100.0 if i < 60 else 400.0 for i in range(121)]),
            curve("pool", "pool", "count", wave(390, 12, 0)),
            curve("threads", "db threads", "count", [min(151.0, 3.0 * i) for i in range(121)]),
            curve("cpu", "cpu", "share", wave(0.96, 0.03, 0)),
        ),
        "where": (
            curve("where.database", "database", "us", wave(30_000, 6_000, 0)),
            curve("where.pool", "pool wait", "us", [None if i < 60 else 90_000.0 for i in range(121)]),
            curve("where.app", "application", "us", wave(12_000, 2_000, 1)),
            curve("where.network", "network and accept queue", "us", wave(25_000, 9_000, 2)),
        ),
    }


CLIENT = ClientFigures(
    window_s=1.0,
    requests_per_s=2293.0,
    goodput_per_s=1107.0,
    p50_us=164_000.0,
    p99_us=1_210_000.0,
    p99_is_bound=False,
    failed_share=0.517,
    in_flight=398,
    target_connections=400,
    open_connections=400,
    busy_connections=398,
    trend=1,
)
APM = ApmFigures(
    window_s=1.0,
    requests_per_s=2281.0,
    p50_us=151_000.0,
    p99_us=1_190_000.0,
    failed_share=0.519,
    lag_s=1.3,
    dropped=0,
    sampling=0.1,
    enabled=True,
)
USED = Interference(
    machine=0.98,
    generator=0.16,
    dashboard=0.04,
    apm=0.22,
    service=0.41,
    database=0.15,
    steal=0.0,
    share=0.43,
    generator_core=0.31,
    generator_cpu_us_per_request=62.5,
)
ROWS = (
    ErrorRow(
        id="rpc-1040",
        category="rpc",
        code="internal",
        title="Error 1040: Too many connections",
        client_count=17_744,
        apm_count=17_744,
        rate_per_s=1186.0,
        first_s=52.4,
        last_s=67.0,
        joined_share=1.0,
        note="",
        new=False,
        apm_group="3f2a8c",
        spark=(1, 3, 6, 8, 7, 8, 8, 7),
    ),
    ErrorRow(
        id="timeout",
        category="timeout",
        code="2 s",
        title="POST /twirp/stats.StatsService/Push",
        client_count=90,
        apm_count=None,
        rate_per_s=6.0,
        first_s=58.0,
        last_s=66.0,
        joined_share=None,
        note="no APM event",
        new=False,
        spark=(0, 0, 1, 2, 8, 6, 6, 6),
    ),
    ErrorRow(
        id="apm-canceled",
        category="apm",
        code="",
        title="twirp error internal: context canceled",
        client_count=None,
        apm_count=12,
        rate_per_s=1.0,
        first_s=61.0,
        last_s=64.0,
        joined_share=None,
        note="",
        new=True,
        apm_group="77aa01",
        spark=(0, 0, 0, 0, 0, 1, 2, 1),
    ),
)
COMPONENTS = (
    Component(
        "service",
        "embedded",
        ComponentState.RUNNING,
        pid=4242,
        uptime_s=83.0,
        cpu_seconds=34.0,
        rss_bytes=92_274_688,
        endpoints={"http": "http://127.0.0.1:18080"},
    ),
    Component(
        "database",
        "embedded",
        ComponentState.RUNNING,
        pid=4243,
        uptime_s=84.0,
        cpu_seconds=12.5,
        rss_bytes=61_865_984,
        endpoints={"mysql": "127.0.0.1:13306"},
    ),
    Component(
        "apm",
        "embedded",
        ComponentState.RUNNING,
        pid=4244,
        uptime_s=85.0,
        cpu_seconds=18.0,
        rss_bytes=70_254_592,
        endpoints={"intake": "http://127.0.0.1:18200"},
    ),
)
KNOBS = (
    Knob(
        "max_open",
        "max_open",
        "service",
        "int",
        "live",
        None,
        "0",
        "0",
        "",
        0,
        10_000,
        help="connections that the pool may open; 0 is unlimited",
    ),
    Knob(
        "max_idle",
        "max_idle",
        "service",
        "int",
        "live",
        "50",
        "2",
        "2",
        "",
        0,
        10_000,
        help="idle connections kept",
    ),
    Knob(
        "max_connections",
        "max_connections",
        "database",
        "int",
        "live",
        "151",
        "151",
        "151",
        "",
        1,
        100_000,
        help="what MySQL lets in",
    ),
    Knob(
        "cancellation",
        "cancellation",
        "service",
        "choice",
        "live",
        "inherit",
        "inherit",
        "inherit",
        choices=("inherit", "shield"),
        help="whether a client that hangs up cancels its insert",
    ),
    Knob(
        "push_timeout",
        "push timeout",
        "service",
        "seconds",
        "live",
        "9999",
        "0",
        "0",
        "s",
        0,
        3600,
        error="push_timeout: 9999 is more than 3600",
    ),
    Knob(
        "sampling",
        "sampling",
        "service",
        "float",
        "live",
        None,
        "0.1",
        "0.1",
        "share",
        0,
        1,
        help="share of transactions recorded",
    ),
)
POOL = PoolStatus(0, 2, 400, 398, 2, 0, 17_744, 12.5, 3_021, 0, 17_744)


def make_snapshot(**changes: object) -> Snapshot:
    """The picture of act 1, seven seconds in, with whatever a test changes."""
    snapshot = Snapshot(
        sequence=1,
        now_s=NOW_S,
        state=RunState.RUNNING,
        notice="",
        scenario="act1",
        backend="embedded",
        target="http://127.0.0.1:18080/twirp/stats.StatsService/Push",
        cores=2,
        run_id="20261124-r13",
        run_number=13,
        run_started_s=52.0,
        elapsed_s=7.0,
        duration_s=15.0,
        client=CLIENT,
        apm=APM,
        interference=USED,
        series=make_series(),
        marks=(Mark(33.0, "conns 100→400", "steer"),),
        errors=ROWS,
        components=COMPONENTS,
        knobs=KNOBS,
        service=ServiceStatus(pool=POOL, cancellation="inherit", sampling=0.1, apm_enabled=True),
        database=DatabaseStatus(151, 151, 140, 151, 512_000),
        database_rates=DatabaseRates(questions=2_293.0, commits=1_107.0),
        usage={
            "service.cpu": (curve("service.cpu", "of a core", "share", wave(0.6, 0.1, 1.0)),),
            "service.memory": (curve("service.memory", "in use", "bytes", wave(41e6, 2e6, 2.0)),),
            "service.network": (
                curve("service.in", "in/s", "bytes", wave(310e3, 40e3, 1.0)),
                curve("service.out", "out/s", "bytes", wave(240e3, 30e3, 1.2)),
            ),
        },
        totals={"scheduled": 34_733, "sent": 34_733, "completed": 16_501, "failed": 17_834, "in_flight": 398},
        client_faults_explained=(0.995, 0.989, 0.998),
    )
    return replace(snapshot, **changes)  # type: ignore[arg-type]
