"""The life of a run: it starts, and is seen through to its report. Whoever steers waits for its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stressdash.errors import StressdashError
from stressdash.session.finish import finish_run
from stressdash.session.guard import check_names
from stressdash.session.plan import next_plan
from stressdash.session.run import LiveRun, make_run
from stressdash.snapshot import RunState

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["see_through", "start_run"]


async def start_run(session: Session) -> LiveRun:
    """Start a run with the present connections, duration and knobs.

    Raises:
        StressdashError: the plan, the target or the engine cannot be used; no run goes on then.
    """
    plan = next_plan(session)
    check_names(session.thresholds, plan)
    session.runs += 1
    run = make_run(session.settings, plan, session.runs, session.clock, session.timeline)
    session.report = None
    session.errors.begin_run(run)
    if session.apm is not None:
        session.apm.begin_run()
    await _begin(session, run)
    session.processors.begin_run(session.watch.components, run.fleet.worker_pids)
    run.started_s = session.clock.axis_s(run.fleet.started_ns)
    session.recording.begin(run)
    run.begin_files()
    session.mark(f"run {run.number}", "run")
    return run


async def _begin(session: Session, run: LiveRun) -> None:
    session.run, session.state, session.notice = run, RunState.RUNNING, ""
    session.begun.clear()
    session.ended.clear()
    try:
        await run.fleet.start()
    except StressdashError as error:
        session.notice = str(error)
        await run.fleet.close()
        raise
    finally:
        if not run.fleet.started_ns:  # it was refused, or whoever asked for it is gone
            session.run, session.state = None, RunState.READY
            session.ended.set()
        session.begun.set()


async def see_through(session: Session, run: LiveRun) -> None:
    """Wait for the run's end and report on it; whatever becomes of that, the run is over."""
    try:
        await _last(session, run)
        session.state = RunState.DRAINING
        session.report = await finish_run(session, run)
        await session.recording.finish(run, session.report)
        await session.lab_book.add(session.report)
    finally:
        session.state = RunState.FINISHED
        session.ended.set()
        await run.fleet.close()


async def _last(session: Session, run: LiveRun) -> None:
    try:
        await run.fleet.wait()
    except StressdashError as error:
        session.notice = str(error)
    finally:
        run.ended_s = session.clock.now_s()
        run.end_files()
