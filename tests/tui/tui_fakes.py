"""A session that exists only in tests: pictures of every state, and a record of what it was told."""

from __future__ import annotations

import math
from dataclasses import replace

from stressdash.errors import KnobRejected, StressdashError
from stressdash.samples import (
    Component,
    ComponentState,
    DatabaseStatus,
    ErrorSample,
    Exemplar,
    Frame,
    Knob,
    LogLine,
    PoolStatus,
    ServiceStatus,
    Span,
    Trace,
)
from stressdash.snapshot import (
    ApmFigures,
    ClientFigures,
    ErrorDetail,
    ErrorRow,
    Interference,
    Mark,
    RunState,
    Series,
    Snapshot,
)

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SENT_US = 1_789_999_327_113_000
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
    }


CLIENT = ClientFigures(
    window_s=1.0, requests_per_s=2293.0, goodput_per_s=1107.0, p50_us=164_000.0, p99_us=1_210_000.0,
    p99_is_bound=False, failed_share=0.517, in_flight=398, target_connections=400, open_connections=400,
    busy_connections=398, trend=1,
)  # fmt: skip
APM = ApmFigures(
    window_s=1.0, requests_per_s=2281.0, p50_us=151_000.0, p99_us=1_190_000.0, failed_share=0.519, lag_s=1.3,
    dropped=0, sampling=0.1, enabled=True,
)  # fmt: skip
USED = Interference(
    machine=0.98, generator=0.16, dashboard=0.04, apm=0.22, service=0.41, database=0.15, steal=0.0, share=0.43,
    generator_core=0.31, generator_cpu_us_per_request=62.5,
)  # fmt: skip
ROWS = (
    ErrorRow(
        id="rpc-1040", category="rpc", code="internal", title="Error 1040: Too many connections",
        client_count=17_744, apm_count=17_744, rate_per_s=1186.0, first_s=52.4, last_s=67.0, joined_share=1.0,
        note="", new=False, apm_group="3f2a8c", spark=(1, 3, 6, 8, 7, 8, 8, 7),
    ),
    ErrorRow(
        id="timeout", category="timeout", code="2 s", title="POST /twirp/stats.StatsService/Push", client_count=90,
        apm_count=None, rate_per_s=6.0, first_s=58.0, last_s=66.0, joined_share=None, note="no APM event", new=False,
        spark=(0, 0, 1, 2, 8, 6, 6, 6),
    ),
    ErrorRow(
        id="apm-canceled", category="apm", code="", title="twirp error internal: context canceled", client_count=None,
        apm_count=12, rate_per_s=1.0, first_s=61.0, last_s=64.0, joined_share=None, note="", new=True,
        apm_group="77aa01", spark=(0, 0, 0, 0, 0, 1, 2, 1),
    ),
)  # fmt: skip
COMPONENTS = (
    Component("service", "embedded", ComponentState.RUNNING, pid=4242, uptime_s=83.0, cpu_seconds=34.0,
              rss_bytes=92_274_688, endpoints={"http": "http://127.0.0.1:18080"}),
    Component("database", "embedded", ComponentState.RUNNING, pid=4243, uptime_s=84.0, cpu_seconds=12.5,
              rss_bytes=61_865_984, endpoints={"mysql": "127.0.0.1:13306"}),
    Component("apm", "embedded", ComponentState.RUNNING, pid=4244, uptime_s=85.0, cpu_seconds=18.0,
              rss_bytes=70_254_592, endpoints={"intake": "http://127.0.0.1:18200"}),
)  # fmt: skip
KNOBS = (
    Knob("max_open", "max_open", "service", "int", "live", None, "0", "0", "connections", 0, 10_000,
         help="connections that the pool may open; 0 is unlimited"),
    Knob("max_idle", "max_idle", "service", "int", "live", "50", "2", "2", "connections", 0, 10_000,
         help="idle connections kept"),
    Knob("max_connections", "max_connections", "database", "int", "live", "151", "151", "151", "connections", 1,
         100_000, help="what MySQL lets in"),
    Knob("cancellation", "cancellation", "service", "choice", "live", "inherit", "inherit", "inherit",
         choices=("inherit", "shield"), help="whether a client that hangs up cancels its insert"),
    Knob("push_timeout", "push timeout", "service", "seconds", "live", "9999", "0", "0", "s", 0, 3600,
         error="push_timeout: 9999 is more than 3600"),
    Knob("sampling", "sampling", "service", "float", "live", None, "0.1", "0.1", "share", 0, 1,
         help="share of transactions recorded"),
)  # fmt: skip
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
        totals={"scheduled": 34_733, "sent": 34_733, "completed": 16_501, "failed": 17_834, "in_flight": 398},
        client_faults_explained=(0.995, 0.989, 0.998),
    )
    return replace(snapshot, **changes)  # type: ignore[arg-type]


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
    big = replace(CLIENT, requests_per_s=98_765_432.1, goodput_per_s=1_234_567.0, p50_us=3_599_000_000.0,
                  p99_us=30_000_000.0, p99_is_bound=True, failed_share=0.99999, in_flight=10_000,
                  target_connections=10_000, open_connections=10_000, busy_connections=10_000)  # fmt: skip
    row = replace(ROWS[0], client_count=9_876_543_210, apm_count=123_456_789, rate_per_s=1_234_567.0)
    return make_snapshot(client=big, errors=(row, *ROWS[1:]), elapsed_s=86_399.0, duration_s=90_000.0)


def hostile(text: str = HOSTILE) -> Snapshot:
    row = replace(ROWS[0], title=text * 2, code=text[:9], note=text, joined_share=None)
    knob = replace(KNOBS[0], label=text, error=text)
    component = replace(COMPONENTS[0], state=ComponentState.UNHEALTHY, detail=text)
    return make_snapshot(
        scenario=text, backend=text, notice=text, errors=(row, *ROWS[1:]), components=(component, *COMPONENTS[1:]),
        knobs=(knob, *KNOBS[1:]), warnings=(text,), marks=(Mark(40.0, text, "knob"),),
        apm=replace(APM, detail=text),
    )  # fmt: skip


def component_dead() -> Snapshot:
    dead = replace(COMPONENTS[0], state=ComponentState.FAILED, pid=None, uptime_s=None, exit_code=-9, restarts=1,
                   detail="killed by signal 9 while load ran; press u on Stack to start it")  # fmt: skip
    return make_snapshot(
        components=(dead, *COMPONENTS[1:]),
        service=None,
        notice="The service has ended (signal 9); load goes on and counts faults.",
        apm=replace(APM, requests_per_s=None, p50_us=None, p99_us=None, failed_share=None, lag_s=12.4),
    )


STATES = {
    "running": make_snapshot,
    "starting": lambda: make_snapshot(
        state=RunState.STARTING, client=UNKNOWN_CLIENT, apm=UNKNOWN_APM, interference=IDLE, series={}, marks=(),
        errors=(), run_number=0, run_started_s=None, elapsed_s=0.0, totals={}, client_faults_explained=None,
        service=None, database=None,
        components=tuple(replace(one, state=ComponentState.STARTING, uptime_s=0.4) for one in COMPONENTS),
    ),
    "ready": lambda: make_snapshot(
        state=RunState.READY, client=UNKNOWN_CLIENT, apm=replace(UNKNOWN_APM, enabled=True), interference=IDLE,
        series={}, marks=(), errors=(), run_started_s=None, elapsed_s=0.0, totals={}, client_faults_explained=None,
        database=DatabaseStatus(151, 2, 1, 2, 40),
    ),
    "paused": lambda: make_snapshot(
        state=RunState.PAUSED, client=replace(CLIENT, requests_per_s=0.0, goodput_per_s=0.0, busy_connections=0,
                                              in_flight=0, trend=-1),
    ),
    "draining": lambda: make_snapshot(state=RunState.DRAINING),
    "finished": lambda: make_snapshot(state=RunState.FINISHED, now_s=120.0, elapsed_s=15.0),
    "failed": lambda: make_snapshot(
        state=RunState.FAILED, notice="Port 18080 is taken by another program; stop it or choose --service-port.",
        client=UNKNOWN_CLIENT, apm=UNKNOWN_APM, interference=IDLE, series={}, marks=(), errors=(), totals={},
        service=None, database=None, run_started_s=None, client_faults_explained=None,
        components=(replace(COMPONENTS[0], state=ComponentState.FAILED, exit_code=3, detail="port 18080 is taken"),
                    *(replace(one, state=ComponentState.STOPPED) for one in COMPONENTS[1:])),
    ),
    "no-errors": lambda: make_snapshot(
        errors=(), client=replace(CLIENT, failed_share=0.0), database=DatabaseStatus(1000, 100, 60, 110, 512_000),
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
}  # fmt: skip
"""Name of a state to what makes its picture."""

FRAMES = (
    Frame("aiohttp/web_protocol.py", 481, "_handle_request", "aiohttp.web_protocol", library=True),
    Frame("aiohttp/web_app.py", 569, "_handle", "aiohttp.web_app", library=True),
    Frame("service/stats.py", 41, "push", "service.stats", pre=("    row = self._row(request)",),
          context="    await self._pool.execute(INSERT, row)", post=("    return Empty()",)),
    Frame("service/pool.py", 88, "connect", "service.pool",
          pre=("    async with self._opening:",), context="        conn = await self._driver.connect(self._dsn)",
          post=("    self._open += 1",)),
    Frame("asyncmy/connection.pyx", 612, "connect", "asyncmy.connection", library=True),
    Frame("asyncmy/connection.pyx", 401, "_request_authentication", "asyncmy.connection", library=True),
    Frame("asyncmy/protocol.pyx", 97, "raise_for_error", "asyncmy.protocol", library=True),
    Frame("asyncmy/errors.pyx", 128, "raise_mysql_exception", "asyncmy.errors", library=True),
)  # fmt: skip
SPANS = (
    Span("t1", None, "transaction", "service", "request", SENT_US + 30_000, 151_000, "failure"),
    Span("s1", "t1", "span", "pool.acquire", "app", SENT_US + 31_000, 139_000, "failure"),
    Span(
        "s2",
        "s1",
        "span",
        "mysql connect",
        "db.mysql.connect",
        SENT_US + 162_000,
        8_000,
        "failure",
        "mysql/stats",
    ),
    Span("e1", "s2", "error", "1040", "OperationalError", SENT_US + 170_000, 0),
)


def make_detail(row: ErrorRow = ROWS[0], sample: int = 0) -> ErrorDetail:
    document = ErrorSample(
        id=f"doc-{sample}", group=row.apm_group or "", at_ms=SENT_US // 1000 + 170, type="OperationalError",
        message="(1040, 'Too many connections')", culprit="service.pool.connect", handled=False, frames=FRAMES,
        trace_id=TRACE_ID, transaction_id="t1", transaction_name="StatsService/Push", sampled=True,
        labels={"property": "42"}, index=sample, total=50,
    )  # fmt: skip
    exemplar = Exemplar(
        kind="latest", at_ns=60_000_000_000, sent_ns=59_818_000_000, connection=217, number=9_144, latency_us=182_000,
        status=500, trace_id=TRACE_ID, request="push", head=b"HTTP/1.1 500 Internal Server Error\r\nserver: stats",
        body=b'{"code":"internal","msg":"Error 1040: Too many connections"}',
    )  # fmt: skip
    return ErrorDetail(
        row=row, sample=document, trace=Trace(TRACE_ID, SPANS, sampled=True), exemplars=(exemplar,), exemplar_index=0,
        knobs=(KNOBS[0], KNOBS[2]),
        explanation="MySQL refuses connections beyond max_connections, and the pool opens as many as it is asked for.",
        similar=ROWS[2:], share_of_requests=0.514, client_sent_us=SENT_US,
    )  # fmt: skip


class FakeSession:
    """A `SessionApi` whose picture a test sets, and which notes its commands."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.picture = snapshot or make_snapshot()
        self.calls: list[tuple[object, ...]] = []
        self.refusal = ""
        self.log_text = "listening on 127.0.0.1:18080"
        self.details = {row.id: make_detail(row) for row in self.picture.errors}

    def change(self, **changes: object) -> None:
        """The next picture differs in this."""
        self.picture = replace(self.picture, sequence=self.picture.sequence + 1, **changes)  # type: ignore[arg-type]

    def _note(self, *call: object) -> None:
        self.calls.append(call)
        if self.refusal:
            raise StressdashError(self.refusal)

    def snapshot(self) -> Snapshot:
        return self.picture

    async def start_load(self) -> None:
        self._note("start_load")
        self.change(state=RunState.RUNNING)

    async def stop_load(self) -> None:
        self._note("stop_load")
        self.change(state=RunState.FINISHED)

    async def pause(self) -> None:
        self._note("pause")
        self.change(state=RunState.PAUSED)

    async def resume(self) -> None:
        self._note("resume")
        self.change(state=RunState.RUNNING)

    async def set_connections(self, connections: int) -> None:
        self._note("set_connections", connections)
        self.change(client=replace(self.picture.client, target_connections=connections))

    async def set_duration(self, seconds: float | None) -> None:
        self._note("set_duration", seconds)
        self.change(duration_s=seconds)

    async def set_knob(self, name: str, value: str) -> Knob:
        self._note("set_knob", name, value)
        knob = next(knob for knob in self.picture.knobs if knob.name == name)
        if value == "refused":
            raise KnobRejected(f"{name} does not take {value!r}")
        knob = replace(knob, desired=value, actual=value, error="")
        self.change(knobs=tuple(knob if one.name == name else one for one in self.picture.knobs))
        return knob

    async def component_action(self, component: str, action: str) -> None:
        self._note("component_action", component, action)

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:
        lines = [
            f"{self.log_text} ({component})",
            "WARNING: pool is empty",
            "Error 1040: Too many connections",
        ]
        all_lines = [
            LogLine(component, index + 1, SENT_US // 1000 + index, text) for index, text in enumerate(lines)
        ]
        return tuple(line for line in all_lines if line.sequence > after)

    async def error_detail(self, row_id: str, sample: int = 0) -> ErrorDetail:
        self._note("error_detail", row_id, sample)
        detail = self.details[row_id]
        if detail.sample is None:
            return detail
        return replace(detail, sample=replace(detail.sample, index=sample))

    def copy_text(self, what: str, row_id: str = "") -> str:
        return f"{what} of {row_id or 'the run'}"

    async def export(self) -> str:
        self._note("export")
        return "/state/runs/13.json"

    async def load_scenario(self, name: str) -> None:
        self._note("load_scenario", name)
        self.change(scenario=name)
