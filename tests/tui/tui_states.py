"""Every state that the dashboard can be in, by name."""

from __future__ import annotations

from dataclasses import replace

from tui_pictures import APM, CLIENT, COMPONENTS, KNOBS, ROWS, USED, make_series, make_snapshot

from stressdash.course import Course, PlanAhead, PlannedStage
from stressdash.samples import (
    Component,
    ComponentState,
    DatabaseStatus,
)
from stressdash.snapshot import (
    ApmFigures,
    ClientFigures,
    Interference,
    Mark,
    RunState,
    Snapshot,
)

UNKNOWN_CLIENT = ClientFigures(1.0, None, None, None, None, False, None, 0, 100, 0, 0)
UNKNOWN_APM = ApmFigures(1.0, None, None, None, None, None, None, None, None)
IDLE = Interference(0.04, None, 0.01, 0.01, 0.01, 0.01, 0.0, None, None, None)
HOSTILE = (
    "\x1b[31mred\x1b[0m [bold]not bold[/] \x9b2J\u202emirrored\u202c\r\n<b>&\x07 [@click=app.quit]quit[/]"
)
WIDE = "データベース接続エラー 🚀 максимум превышен ﷽ e\u0301"


def apm_lost() -> Snapshot:
    absent = Component("apm", "embedded", ComponentState.ABSENT, detail="not configured")
    return make_snapshot(
        apm=replace(UNKNOWN_APM, enabled=False, detail="no APM source is attached"),
        components=(*COMPONENTS[:2], absent),
        errors=tuple(replace(row, apm_count=None, joined_share=None, note="APM is off") for row in ROWS[:2]),
        series={
            name: tuple(one for one in group if "apm" not in one.key) for name, group in make_series().items()
        },
        client_faults_explained=None,
        warnings=("APM is off: errors are shown as the client saw them",),
    )


def huge() -> Snapshot:
    big = replace(
        CLIENT,
        requests_per_s=98_765_432.1,
        goodput_per_s=1_234_567.0,
        p50_us=3_599_000_000.0,
        p99_us=30_000_000.0,
        p99_is_bound=True,
        failed_share=0.99999,
        in_flight=10_000,
        target_connections=10_000,
        open_connections=10_000,
        busy_connections=10_000,
    )
    row = replace(ROWS[0], client_count=9_876_543_210, apm_count=123_456_789, rate_per_s=1_234_567.0)
    return make_snapshot(client=big, errors=(row, *ROWS[1:]), elapsed_s=86_399.0, duration_s=90_000.0)


def hostile(text: str = HOSTILE) -> Snapshot:
    row = replace(ROWS[0], title=text * 2, code=text[:9], note=text, joined_share=None)
    knob = replace(KNOBS[0], label=text, error=text)
    component = replace(COMPONENTS[0], state=ComponentState.UNHEALTHY, detail=text)
    return make_snapshot(
        scenario=text,
        backend=text,
        notice=text,
        errors=(row, *ROWS[1:]),
        components=(component, *COMPONENTS[1:]),
        knobs=(knob, *KNOBS[1:]),
        warnings=(text,),
        marks=(Mark(40.0, text, "knob"),),
        apm=replace(APM, detail=text),
    )


def component_dead() -> Snapshot:
    dead = replace(
        COMPONENTS[0],
        state=ComponentState.FAILED,
        pid=None,
        uptime_s=None,
        exit_code=-9,
        restarts=1,
        detail="killed by signal 9 while load ran; press u on Stack to start it",
    )
    return make_snapshot(
        components=(dead, *COMPONENTS[1:]),
        service=None,
        notice="The service has ended (signal 9); load goes on and counts faults.",
        apm=replace(APM, requests_per_s=None, p50_us=None, p99_us=None, failed_share=None, lag_s=12.4),
    )


OPEN_CLIENT = replace(
    CLIENT,
    target_rate=500.0,
    corrected_p50_us=850_000.0,
    corrected_p99_us=2_100_000.0,
    corrected_is_bound=True,
    send_lag_p50_us=210.0,
    send_lag_p99_us=1_800_000.0,
    waited_share=0.41,
)
PLAN = PlanAhead(
    of="rate",
    stages=(
        PlannedStage("hold 100", 0.0, 10.0, 100.0, 100.0),
        PlannedStage("ramp 100..900", 10.0, 30.0, 100.0, 900.0),
        PlannedStage("hold 900", 30.0, 50.0, 900.0, 900.0),
    ),
    at_s=15.0,
)


def open_loop() -> Snapshot:
    """Half way up a ramp of the rate, with too few connections and a warm-up that is over."""
    return make_snapshot(
        client=OPEN_CLIENT,
        plan=PLAN,
        course=Course(
            (20.0, 30.0), is_steady=False, words="steady: latency never reached: it drifted by 40%"
        ),
        warnings=("the connection cap binds: 41.0% of due requests wait for one of 400 connections",),
    )


STATES = {
    "running": make_snapshot,
    "open-loop": open_loop,
    "starting": lambda: make_snapshot(
        state=RunState.STARTING,
        client=UNKNOWN_CLIENT,
        apm=UNKNOWN_APM,
        interference=IDLE,
        series={},
        marks=(),
        errors=(),
        run_number=0,
        run_started_s=None,
        elapsed_s=0.0,
        totals={},
        client_faults_explained=None,
        service=None,
        database=None,
        components=tuple(replace(one, state=ComponentState.STARTING, uptime_s=0.4) for one in COMPONENTS),
    ),
    "ready": lambda: make_snapshot(
        state=RunState.READY,
        client=UNKNOWN_CLIENT,
        apm=replace(UNKNOWN_APM, enabled=True),
        interference=IDLE,
        series={},
        marks=(),
        errors=(),
        run_started_s=None,
        elapsed_s=0.0,
        totals={},
        client_faults_explained=None,
        database=DatabaseStatus(151, 2, 1, 2, 40),
    ),
    "paused": lambda: make_snapshot(
        state=RunState.PAUSED,
        client=replace(
            CLIENT, requests_per_s=0.0, goodput_per_s=0.0, busy_connections=0, in_flight=0, trend=-1
        ),
    ),
    "draining": lambda: make_snapshot(state=RunState.DRAINING),
    "finished": lambda: make_snapshot(state=RunState.FINISHED, now_s=120.0, run_ended_s=60.0, elapsed_s=15.0),
    "failed": lambda: make_snapshot(
        state=RunState.FAILED,
        notice="Port 18080 is taken by another program; stop it or choose --service-port.",
        client=UNKNOWN_CLIENT,
        apm=UNKNOWN_APM,
        interference=IDLE,
        series={},
        marks=(),
        errors=(),
        totals={},
        service=None,
        database=None,
        run_started_s=None,
        client_faults_explained=None,
        components=(
            replace(COMPONENTS[0], state=ComponentState.FAILED, exit_code=3, detail="port 18080 is taken"),
            *(replace(one, state=ComponentState.STOPPED) for one in COMPONENTS[1:]),
        ),
    ),
    "no-errors": lambda: make_snapshot(
        errors=(),
        client=replace(CLIENT, failed_share=0.0),
        database=DatabaseStatus(1000, 100, 60, 110, 512_000),
        client_faults_explained=None,
    ),
    "saturated": lambda: make_snapshot(
        interference=replace(USED, generator_core=0.97, steal=0.03),
        warnings=("The generator is at 97% of its core: figures show its limit", "Figures mix two segments"),
    ),
    "component-dead": component_dead,
    "apm-absent": apm_lost,
    "huge": huge,
    "hostile": hostile,
    "wide-unicode": lambda: hostile(WIDE),
    "endless": lambda: make_snapshot(duration_s=None),
}
"""Name of a state to what makes its picture."""
