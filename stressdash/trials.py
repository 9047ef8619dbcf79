"""A series of runs without a screen: each value of a knob, or each level of load, several times over.

One session serves them all, so the stack starts once. The first signal ends the run that goes on and with it
the series; what was measured until then is judged. The next signal gives up at once.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stressdash.errors import UsageError
from stressdash.metrics.thresholds import Threshold
from stressdash.narration import Progress, on_signal
from stressdash.report.run_json import RunReport
from stressdash.scenario import Scenario
from stressdash.session import Session, make_session
from stressdash.session.trial import Setting, run_trial
from stressdash.settings import Settings

__all__ = ["Series", "Trial", "repeats_of", "run_series"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a series."""

    setting: int
    """Number of its setting, from 0."""
    report: RunReport


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of a series, in the order in which they were made."""

    trials: tuple[Trial, ...]
    interrupted: bool

    def of(self, setting: int) -> tuple[RunReport, ...]:
        """Reports of one setting."""
        return tuple(trial.report for trial in self.trials if trial.setting == setting)


def repeats_of(said: int | None, scenario: Scenario | None, default: int) -> int:
    """How often each variant is run: as the flag says, else the scenario, else the default.

    Raises:
        UsageError: not even once.
    """
    if said is None:
        said = scenario.repeats if scenario is not None else None
    if said is not None and said < 1:
        raise UsageError("--repeat must be at least 1")
    return said or default


def run_series(
    settings: Settings,
    scenario: Scenario | None,
    variants: Sequence[Setting],
    order: Sequence[int],
    *,
    row: Callable[[str, RunReport], str],
    quiet: bool,
    thresholds: tuple[Threshold, ...] = (),
) -> Series:
    """Make the runs and show each as a row on stderr when it has ended.

    Args:
        settings: What all runs have in common.
        scenario: What is sent.
        variants: What they have not.
        order: Numbers of variants.
        row: Writes a line about a run, given the label of its variant.
        quiet: Show nothing.
        thresholds: What each run is held to, besides those of the scenario.

    Raises:
        StressdashError: the stack or the target cannot be used.
    """
    session = make_session(settings, scenario, thresholds, "series")
    work = _Series(session, variants, order, row, quiet=quiet)
    return asyncio.run(work.run())


class _Series:
    """The series while it is made."""

    def __init__(
        self,
        session: Session,
        variants: Sequence[Setting],
        order: Sequence[int],
        row: Callable[[str, RunReport], str],
        *,
        quiet: bool,
    ) -> None:
        self._session = session
        self._variants = variants
        self._order = order
        self._row = row
        self._quiet = quiet
        self._progress = Progress(shown=not quiet and sys.stderr.isatty())
        self._trials: list[Trial] = []
        self._interrupted = False
        self._stopping: asyncio.Task[None] | None = None

    async def run(self) -> Series:
        """Make all runs, or as many as there are before an interruption."""
        work = asyncio.create_task(self._work())

        def interrupt() -> None:
            if self._interrupted or not self._session.loading:
                work.cancel()
            else:
                self._stopping = asyncio.create_task(self._session.stop_load())
            self._interrupted = True

        with on_signal(interrupt):
            try:
                await work
            except asyncio.CancelledError:
                if not self._interrupted:
                    raise
            finally:
                self._progress.clear()
                await self._session.close()
        return Series(tuple(self._trials), self._interrupted)

    async def _work(self) -> None:
        await self._session.open(self._progress.say)
        async with self._progress.following(self._session):
            for place, number in enumerate(self._order, 1):
                setting = self._variants[number]
                self._progress.begin(f"{place}/{len(self._order)}  {setting.label}  ")
                report = await run_trial(self._session, setting, self._progress.say)
                if self._interrupted:
                    return
                self._trials.append(Trial(number, report))
                self._tell(setting.label, report)

    def _tell(self, label: str, report: RunReport) -> None:
        if not self._quiet:
            self._progress.clear()
            sys.stderr.write(self._row(label, report) + "\n")
            sys.stderr.flush()
