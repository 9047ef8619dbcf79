"""One run with everything in it: two workers, failures, APM, an audit, a mark and a knob."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from window_factory import GRID_NS, counts, fault, window

from stressdash.metrics.faults import FaultTable
from stressdash.metrics.interference import Usage, interference
from stressdash.metrics.join import ApmView, Axis, explained_share, join
from stressdash.metrics.results import Results, WarmUp
from stressdash.metrics.series import Timeline
from stressdash.metrics.verdict import judge, void_reasons
from stressdash.metrics.window import RunTotals
from stressdash.report.build import RunFacts, apm_report, build_report, window_rows
from stressdash.report.course import CourseFacts
from stressdash.report.run_json import Machine, RunReport
from stressdash.samples import ApmSeries, ErrorGroup, Knob, RequestCounts, Window
from stressdash.snapshot import Mark
from stressdash.store.audit import Audit

GROUP = ErrorGroup(
    key="3f2a9900",
    type="OperationalError",
    message="Error 1040: Too many connections",
    culprit="service.pool in connect",
    handled=False,
    count=1_000,
    first_ms=1_000,
    last_ms=9_000,
    stack_depth=9,
)
SERIES = ApmSeries(
    step_ms=1_000,
    buckets=(),
    provisional_from_ms=None,
    newest_ms=9_000,
    sampling=0.1,
    mean_us=151_000.0,
    p50_us=149_000.0,
    p95_us=400_000.0,
    p99_us=1_190_000.0,
    transactions=4_000.0,
    failed=1_000.0,
)
REFUSED = "Error 1040: Too many connections"


def answered(number: int) -> RequestCounts:
    """Answers of one name, all without a fault, in 20 ms."""
    return RequestCounts(number, 0, number, counts([20_000] * number), {}, {}, {})


def run_windows() -> list[Window]:
    """Ten seconds of two workers: 20 answers each cell, a quarter of them errors, now and then a timeout."""
    random = Random(3)
    made = []
    for cell in range(100):
        for worker in range(2):
            late = [2_000_000] if cell % 10 == 0 else []
            faults = [fault(5, message=REFUSED, trace_ids=tuple(f"{cell}-{worker}-{n}" for n in range(5)))]
            if late:
                faults.append(fault(1, category="timeout", code="2s", message="no answer"))
            made.append(
                window(
                    start_ns=cell * GRID_NS,
                    worker=worker,
                    target_connections=50,
                    open_connections=50,
                    busy_connections=48,
                    in_flight=48,
                    scheduled=20 + len(late) + (48 if cell == 0 else 0),
                    sent=20 + len(late) + (48 if cell == 0 else 0),
                    completed=15,
                    failed=5 + len(late),
                    responses=20,
                    statuses={200: 15, 500: 5},
                    bytes_sent=5_000,
                    bytes_received=3_000,
                    latency=[round(random.lognormvariate(11, 0.5)) for _ in range(20)] + late,
                    latency_timeouts=late,
                    busy_ns=48 * GRID_NS,
                    cpu_ns=GRID_NS // 3,
                    faults=tuple(faults),
                    by_request={"read": answered(15), "write": answered(5)},
                )
            )
    return made


@dataclass
class Folded:
    """The arguments of `build_report`."""

    totals: RunTotals
    table: FaultTable
    arguments: dict[str, Any]


@pytest.fixture(scope="session")
def folded() -> Folded:
    totals, table, timeline = RunTotals(), FaultTable(Random(1)), Timeline()
    results = Results(WarmUp(5.0))
    for made in run_windows():
        totals.add(made)
        table.add(made)
        results.add(made)
        timeline.add_window(made, 0)
    looked_up = {
        trace_id: (GROUP.key,) if number % 10 else ()
        for failure in table.top()
        for number, trace_id in enumerate(failure.trace_ids)
    }
    groups = {"generator": 2.5, "dashboard": 0.6, "apm": 3.5, "service": 6.5, "database": 2.4}
    arguments = {
        "run_id": "1f",
        "scenario": "act1",
        "target": "http://127.0.0.1:8080/twirp/stats.StatsService/Push",
        "backend": "embedded",
        "started": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "machine": Machine(2, "Linux 6.1", "3.11.7"),
        "verdict": judge(void_reasons(totals, open_loop=False)),
        "connections": 100,
        "totals": totals,
        "by_category": table.by_category(),
        "errors": join(table.top(), [GROUP], looked_up, axis=Axis(0, 0), now_s=10.0, apm=ApmView()),
        "interference": interference(Usage(10, 15.6, 0.1, groups), 2, generator_core=0.33, requests=4_020),
        "explained": explained_share(table.top(), looked_up),
        "apm": apm_report("embedded intake", SERIES, [GROUP], measured_s=10.0, dropped=3, complete=True),
        "audit": Audit(3_000, 3_040, 0, 40, 76, 980, 0),
        "plan": {"loop": "closed", "duration_s": 10.0, "max_requests": None},
        "knobs": (Knob("max_open", "Open", "service", "int", "live", "0", "0", "0"),),
        "marks": (Mark(4.0, "conns 50 to 100", "steer"),),
        "warnings": ("generator and stack share this machine",),
        "windows": window_rows(timeline, 0.0, 10.0),
        "course": CourseFacts(results, 0, "5s"),
    }
    return Folded(totals, table, arguments)


@pytest.fixture
def report(folded: Folded) -> RunReport:
    return build_report(RunFacts(**folded.arguments))
