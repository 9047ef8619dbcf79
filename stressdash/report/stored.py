"""The report of a run on disk: as written at its end, or made of the rows of one that never had an end."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random

from stressdash.errors import StoreError
from stressdash.metrics.faults import FaultTable
from stressdash.metrics.join import ApmView, Axis, explained_share, join
from stressdash.metrics.series import Timeline
from stressdash.metrics.verdict import judge, unreached_reasons, void_reasons
from stressdash.metrics.window import RunTotals
from stressdash.report.build import RunFacts, apm_report, build_report, window_rows
from stressdash.report.html import html_report
from stressdash.report.run_json import ApmReport, Machine, RunReport, load, to_json
from stressdash.samples import ApmSeries
from stressdash.snapshot import Interference
from stressdash.store.gridbook import GRID_NS
from stressdash.store.runfile import Condition, StoredRun
from stressdash.store.runs import RunEntry
from stressdash.store.upkeep import mend_run
from stressdash.wire import from_builtins

__all__ = ["UNKNOWN_INTERFERENCE", "settled_report", "stored_page", "stored_report"]

STEP_MS = 1_000
UNKNOWN_INTERFERENCE = Interference(None, None, None, None, None, None, None, None, None, None)


def stored_report(run: StoredRun) -> RunReport:
    """The report of a run; that of an interrupted one is made anew from what was measured.

    Raises:
        BadInput: the file is damaged.
    """
    return load(run.report_json) if run.report_json is not None else _rebuilt(run)


def settled_report(entry: RunEntry) -> RunReport:
    """The report of a run in the list; that of an interrupted one is made once and kept in its file.

    Raises:
        BadInput: the file is damaged.
        StoreError: it cannot be read.
    """
    with StoredRun(entry.path) as run:
        report = stored_report(run)
        is_new = run.report_json is None and run.condition is Condition.INTERRUPTED
    if is_new:
        with contextlib.suppress(StoreError):  # a read-only folder: it is made anew each time
            mend_run(entry, to_json(report).decode())
    return report


def stored_page(entry: RunEntry) -> str:
    """A run in the list as a page: its report, with the stack trace of each APM group that has one.

    Raises:
        BadInput: the file is damaged.
        StoreError: it cannot be read.
    """
    report = settled_report(entry)
    with StoredRun(entry.path) as run:
        samples = [one for group in report.apm.error_groups for one in run.samples(group.key)[:1]]
    return html_report(report, samples)


def _rebuilt(run: StoredRun) -> RunReport:
    """What can be known of a run whose end nobody saw: no audit, and APM as far as it had come."""
    head = run.head
    axis = Axis(head.origin_ns, head.started_ms)
    totals, faults, timeline = RunTotals(), FaultTable(Random(head.run_id)), Timeline()
    for window in run.windows():
        totals.add(window)
        faults.add(window)
        timeline.add_window(window, head.origin_ns)
    length_s = run.steps * GRID_NS / 1e9
    groups_of = run.trace_groups()
    top = faults.top()
    void = (*unreached_reasons(totals, faults), *void_reasons(totals, open_loop=head.open_loop))
    return build_report(
        RunFacts(
            run_id=head.run_id,
            scenario=head.scenario,
            target=head.target,
            backend=head.backend,
            started=datetime.fromtimestamp(head.started_ms / 1e3, UTC),
            machine=_machine(head.machine),
            verdict=judge(void, interrupted=True),
            basis="intended" if head.open_loop else "sent",
            connections=head.connections,
            totals=totals,
            by_category=faults.by_category(),
            errors=join(top, run.groups(), groups_of, axis=axis, now_s=length_s, apm=ApmView()),
            interference=UNKNOWN_INTERFERENCE,
            plan=head.plan,
            warnings=(run.reason,) if run.reason else (),
            explained=explained_share(top, groups_of, faults.other),
            apm=_apm(run, totals.measured_s, length_s),
            knobs=run.knobs(int(length_s * 1e3)),
            marks=run.marks(),
            windows=window_rows(timeline, 0.0, max(1.0, length_s)),
        )
    )


def _machine(facts: Mapping[str, object]) -> Machine:
    return from_builtins({"cores": 0, "system": "", "python": "", **facts}, Machine)


def _apm(run: StoredRun, measured_s: float, length_s: float) -> ApmReport:
    started_ms = run.head.started_ms
    buckets = run.buckets(started_ms, started_ms + int(length_s * 1e3) + STEP_MS)
    groups = run.groups()
    if not buckets and not groups:
        return ApmReport()
    series = ApmSeries(
        step_ms=STEP_MS,
        buckets=buckets,
        provisional_from_ms=None,
        newest_ms=None,
        sampling=None,
        transactions=sum(bucket.transactions for bucket in buckets),
        failed=sum(bucket.failed for bucket in buckets),
    )
    return apm_report("recorded", series, groups, measured_s=measured_s, complete=False)
