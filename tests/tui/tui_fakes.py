"""A session that exists only in tests: shows the picture it is given, notes what it is told."""

from __future__ import annotations

from dataclasses import replace

from tui_apm_pages import apm_page
from tui_pictures import KNOBS, ROWS, make_snapshot

from stressdash.errors import KnobRejected, StressdashError
from stressdash.samples import (
    DatabaseProcess,
    ErrorSample,
    Exemplar,
    FoundService,
    Frame,
    Knob,
    LogLine,
    Scope,
    Span,
    Trace,
)
from stressdash.samples.apm_page import ApmPage, TraceView
from stressdash.snapshot import (
    ErrorDetail,
    ErrorRow,
    RunState,
    Snapshot,
)

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SENT_US = 1_789_999_327_113_000

FRAMES = (
    Frame("aiohttp/web_protocol.py", 481, "_handle_request", "aiohttp.web_protocol", library=True),
    Frame("aiohttp/web_app.py", 569, "_handle", "aiohttp.web_app", library=True),
    Frame(
        "service/stats.py",
        41,
        "push",
        "service.stats",
        pre=("    row = self._row(request)",),
        context="    await self._pool.execute(INSERT, row)",
        post=("    return Empty()",),
    ),
    Frame(
        "service/pool.py",
        88,
        "connect",
        "service.pool",
        pre=("    async with self._opening:",),
        context="        conn = await self._driver.connect(self._dsn)",
        post=("    self._open += 1",),
    ),
    Frame("asyncmy/connection.pyx", 612, "connect", "asyncmy.connection", library=True),
    Frame("asyncmy/connection.pyx", 401, "_request_authentication", "asyncmy.connection", library=True),
    Frame("asyncmy/protocol.pyx", 97, "raise_for_error", "asyncmy.protocol", library=True),
    Frame("asyncmy/errors.pyx", 128, "raise_mysql_exception", "asyncmy.errors", library=True),
)
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
        id=f"doc-{sample}",
        group=row.apm_group or "",
        at_ms=SENT_US // 1000 + 170,
        type="OperationalError",
        message="(1040, 'Too many connections')",
        culprit="service.pool.connect",
        handled=False,
        frames=FRAMES,
        trace_id=TRACE_ID,
        transaction_id="t1",
        transaction_name="StatsService/Push",
        sampled=True,
        labels={"property": "42"},
        index=sample,
        total=50,
    )
    exemplar = Exemplar(
        kind="latest",
        at_ns=60_000_000_000,
        sent_ns=59_818_000_000,
        connection=217,
        number=9_144,
        latency_us=182_000,
        status=500,
        trace_id=TRACE_ID,
        request="push",
        head=b"HTTP/1.1 500 Internal Server Error\r\nserver: stats",
        body=b'{"code":"internal","msg":"Error 1040: Too many connections"}',
    )
    return ErrorDetail(
        row=row,
        sample=document,
        trace=Trace(TRACE_ID, SPANS, sampled=True),
        exemplars=(exemplar,),
        exemplar_index=0,
        knobs=(KNOBS[0], KNOBS[2]),
        explanation="MySQL refuses connections beyond max_connections; the pool opens as many as asked for.",
        similar=ROWS[2:],
        share_of_requests=0.514,
        client_sent_us=SENT_US,
    )


class FakeSession:
    """A `SessionApi` whose picture a test sets, and which notes its commands."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.picture = snapshot or make_snapshot()
        self.calls: list[tuple[object, ...]] = []
        self.refusal = ""
        self.spans_s: list[float | None] = []
        self.processes: tuple[DatabaseProcess, ...] = ()
        self.log_text = "listening on 127.0.0.1:18080"
        self.details = {row.id: make_detail(row) for row in self.picture.errors}

    def change(self, **changes: object) -> None:
        """The next picture differs in this."""
        self.picture = replace(self.picture, sequence=self.picture.sequence + 1, **changes)  # type: ignore[arg-type]

    def _note(self, *call: object) -> None:
        self.calls.append(call)
        if self.refusal:
            raise StressdashError(self.refusal)

    async def apm_page(self, tab: str, name: str | None, band: tuple[int, int | None]) -> ApmPage:
        self._note("apm_page", tab, name, band)
        return apm_page(tab, name, band)

    async def found_services(self) -> tuple[FoundService, ...]:
        self._note("found_services")
        return (FoundService("billing", ("prod", "test")), FoundService("stats", (), ("request", "job")))

    async def look_at(self, scope: Scope) -> None:
        self._note("look_at", scope)

    async def trace(self, trace_id: str) -> TraceView:
        self._note("trace", trace_id)
        return TraceView(Trace(trace_id, SPANS, sampled=True))

    def snapshot(self, span_s: float | None = 60.0) -> Snapshot:
        self.spans_s.append(span_s)
        return self.picture

    async def start_load(self) -> None:
        self._note("start_load")
        self.change(state=RunState.RUNNING)

    async def stop_load(self) -> None:
        self._note("stop_load")
        self.change(state=RunState.FINISHED)

    async def run_again(self) -> None:
        self._note("run_again")
        self.change(state=RunState.RUNNING)

    async def run_changed(self, name: str, value: str) -> None:
        self._note("run_changed", name, value)
        self.change(state=RunState.RUNNING)

    async def pause(self) -> None:
        self._note("pause")
        self.change(state=RunState.PAUSED)

    async def resume(self) -> None:
        self._note("resume")
        self.change(state=RunState.RUNNING)

    async def set_connections(self, connections: int) -> None:
        self._note("set_connections", connections)
        self.change(client=replace(self.picture.client, target_connections=connections))

    async def set_rate(self, rate: float | None) -> None:
        self._note("set_rate", rate)
        self.change(client=replace(self.picture.client, target_rate=rate))

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

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        self._note("processlist")
        return self.processes

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

    async def error_detail(self, row_id: str, sample: int | None = None) -> ErrorDetail:
        self._note("error_detail", row_id, sample)
        detail = self.details[row_id]
        if detail.sample is None:
            return detail
        return replace(detail, sample=replace(detail.sample, index=sample or 0))

    async def copy_text(self, what: str, subject: str = "") -> str:
        return f"{what} of {subject or 'the run'}"

    async def export(self) -> str:
        self._note("export")
        return "/state/runs/13.json"

    async def play(self, how: str) -> None:
        self._note("play", how)

    async def load_scenario(self, name: str) -> None:
        self._note("load_scenario", name)
        self.change(scenario=name)
