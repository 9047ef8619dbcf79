"""`stressdash run`: a session without a screen. stdout carries the result, stderr the narration."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stressdash.errors import EngineError, TargetError
from stressdash.metrics.thresholds import Outcome, Threshold
from stressdash.narration import Progress, on_signal
from stressdash.report.html import html_report
from stressdash.report.junit import junit_xml
from stressdash.report.markdown import run_markdown
from stressdash.report.run_json import RunReport, to_json
from stressdash.report.summary import summary
from stressdash.samples import ErrorSample
from stressdash.scenario import Scenario
from stressdash.session import Session, make_session
from stressdash.session.detail import error_samples
from stressdash.session.export import append_file, check_writable, write_file
from stressdash.settings import Settings
from stressdash.stdout import write_stdout, write_text
from stressdash.text import escape

__all__ = ["run_headless"]

INTERRUPTED: Final = 130
CHART_FROM: Final = 80
"""Columns of a terminal from which the summary has a chart."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the result goes, apart from the summary on stdout."""

    json: str | None = None
    """File, or `-` for stdout instead of the summary."""
    html: str | None = None
    junit: str | None = None
    markdown: str | None = None
    """Appended to, as CI systems want it."""
    quiet: bool = False
    """No progress line."""

    def check(self) -> None:
        """Refuse files that could not be written, before any load."""
        for path in (self.json, self.html, self.junit, self.markdown):
            if path not in (None, "-"):
                check_writable(Path(str(path)))

    def write(
        self, report: RunReport, outcomes: Sequence[Outcome], samples: Sequence[ErrorSample] = ()
    ) -> None:
        """Write the files; `samples` are errors with their stack traces.

        Raises:
            BadInput: one of them cannot be written.
        """
        if self.json not in (None, "-"):
            write_file(Path(str(self.json)), to_json(report))
        if self.html is not None:
            write_file(Path(self.html), html_report(report, samples).encode())
        if self.junit is not None:
            write_file(Path(self.junit), junit_xml(report, outcomes))
        if self.markdown is not None:
            append_file(Path(self.markdown), run_markdown(report).encode())


def run_headless(
    settings: Settings, scenario: Scenario | None, outputs: Outputs, thresholds: tuple[Threshold, ...] = ()
) -> int:
    """Run the load, print the summary or the JSON, and return the exit code.

    Raises:
        StressdashError: the stack, the target or an input cannot be used; a report, if any, was given.
    """
    outputs.check()
    for path in (settings.hlog, settings.csv, settings.jsonl):
        if path is not None:
            check_writable(path)
    session = make_session(settings, scenario, thresholds, "run")
    try:
        report, samples = asyncio.run(_run(session, quiet=outputs.quiet, sampled=outputs.html is not None))
    except asyncio.CancelledError:
        return INTERRUPTED
    try:
        outputs.write(report, session.outcomes, samples)
    finally:
        write_stdout(to_json(report)) if outputs.json == "-" else write_text(_summary(report))
    if session.run is not None and session.run.fleet.failure is not None:
        raise session.run.fleet.failure
    _check_reached(report)
    if session.run is not None and session.run.files is not None:
        session.run.files.check()
    return report.verdict.status.exit_code


def _check_reached(report: RunReport) -> None:
    """Refuse a run in which no request could be sent, whatever else was told of it.

    Raises:
        TargetError: with the commonest reason.
    """
    if report.requests.reached_nobody and report.faults:
        fault = report.faults[0]
        raise TargetError(f"no request reached {report.target}: {fault.message or fault.code}")


def _summary(report: RunReport) -> str:
    """As wide as the terminal, and with a chart there; as ever into a file or a pipe."""
    ascii_only = not _is_unicode(sys.stdout.encoding)
    if not sys.stdout.isatty():
        return summary(report, ascii_only=ascii_only)
    columns = shutil.get_terminal_size().columns
    return summary(report, width=columns, ascii_only=ascii_only, with_chart=columns >= CHART_FROM)


def _is_unicode(encoding: str) -> bool:
    return encoding.replace("-", "").casefold().startswith("utf")


async def _run(
    session: Session, *, quiet: bool, sampled: bool = False
) -> tuple[RunReport, tuple[ErrorSample, ...]]:
    """The report and, when they are wanted, errors with their stack traces."""
    samples: tuple[ErrorSample, ...] = ()
    progress = Progress(shown=not quiet and sys.stderr.isatty())
    if session.choice and not quiet:
        sys.stderr.write(f"{escape(session.choice, 400)}\n")
    with _interruptible(session):
        try:
            await session.open(progress.say)
            await session.start_load()
            async with progress.following(session):
                report = await session.finished()
            if sampled and report is not None:
                samples = await error_samples(session, report)
        finally:
            progress.clear()
            await session.close()
    if report is None:
        raise EngineError(session.notice or "the run ended without a result")
    return report, samples


@contextlib.contextmanager
def _interruptible(session: Session) -> Iterator[None]:
    """The first signal ends the load in the plan's way and keeps its result; the next gives up at once.

    Once there is a result, nothing is given up any more: what is left to do takes no time.
    """
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    stopping: list[asyncio.Task[None]] = []

    def interrupt() -> None:
        if session.loading and not stopping:
            stopping.append(loop.create_task(session.stop_load()))
        elif main is not None and session.report is None:
            main.cancel()

    with on_signal(interrupt):
        yield
