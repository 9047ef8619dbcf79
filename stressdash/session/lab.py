"""The session's own book of runs, for the Lab: runs of one setting are repeats, and settings are compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Final

from stressdash.errors import UsageError
from stressdash.lab import Lab, LabRow, LabSetting
from stressdash.report.compare_text import change_row, error_words
from stressdash.report.comparison import Compared, compare_reports
from stressdash.report.run_json import RunReport
from stressdash.text import count, percent

__all__ = ["LabBook"]

SETTINGS: Final = 40
REPEATS: Final = 40
Facts = dict[str, str]
"""What makes a setting: knobs and plan by name."""


class LabBook:
    """Finished runs by setting. Void and interrupted runs are told of and not compared."""

    def __init__(self) -> None:
        self.lab = Lab()
        self._settings: list[tuple[Facts, list[RunReport]]] = []

    async def add(self, report: RunReport) -> None:
        """Take in a finished run."""
        if report.verdict.status in {"void", "interrupted"}:
            why = "".join(f": {reason}" for reason in report.verdict.reasons[:1])
            words = f"run {report.run_id[:8]} is {report.verdict.status} and not compared{why}"
            self.lab = replace(self.lab, headline=words)
            return
        facts = _facts(report)
        known = next((entry for entry in self._settings if entry[0] == facts), None)
        if known is not None:
            self._settings.remove(known)
        entry = known or (facts, [])
        entry[1].append(replace(report, windows=(), spectrum=()))
        del entry[1][:-REPEATS]
        self._settings = [*self._settings, entry][-SETTINGS:]
        self.lab = await asyncio.to_thread(self._made)

    def _made(self) -> Lab:
        shown = tuple(
            _setting(_label(facts, self._settings[place - 1][0] if place else None), runs)
            for place, (facts, runs) in enumerate(self._settings)
        )
        if len(self._settings) < 2:
            return Lab(settings=shown, headline="one setting so far; change a knob and run again")
        before, after = (runs for _, runs in self._settings[-2:])
        try:
            compared = compare_reports(before, after, paired=False)
        except UsageError as error:
            return Lab(settings=shown, sentences=(str(error),), headline=str(error))
        rows = tuple(LabRow(*change_row(change)) for change in compared.comparison.changes)
        return Lab(shown, rows, _sentences(compared, after[-1]), _headline(shown[-1].label, compared))


def _facts(report: RunReport) -> Facts:
    plan = {name: str(value) for name, value in report.plan.items()}
    knobs = {name: str(value) for name, value in report.knobs.items()}
    return {"scenario": report.scenario, **plan, "connections": str(report.connections), **knobs}


def _label(facts: Facts, before: Facts | None) -> str:
    if before is None or before["scenario"] != facts["scenario"]:
        return f"{facts['scenario'] or 'run'}, {facts['connections']} connections"
    changed = [f"{name}={value}" for name, value in facts.items() if before.get(name) != value]
    return ", ".join(changed)


def _setting(label: str, runs: list[RunReport]) -> LabSetting:
    def middle(read: Callable[[RunReport], float | None]) -> float | None:
        found = [value for run in runs if (value := read(run)) is not None]
        return median(found) if found else None

    return LabSetting(
        label=label,
        runs=len(runs),
        requests_per_s=middle(lambda run: run.requests_per_second),
        goodput_per_s=middle(lambda run: run.goodput_per_second),
        p50_us=middle(lambda run: run.latency_us.p50),
        p99_us=middle(lambda run: run.latency_us.p99),
        failed_share=middle(lambda run: run.failed_share),
    )


def _sentences(compared: Compared, newest: RunReport) -> tuple[str, ...]:
    told = [f"{name}: {a} → {b}" for name, (a, b) in compared.knobs.items()]
    told += [f"{error_words(change)}: {change.text}" for change in compared.errors]
    told += [
        f"beware: {text}" for text in compared.objections if not text.startswith("the runs had different")
    ]
    told += _audit(newest)
    if not compared.comparison.enough:
        told.append("too few repeats to decide; r runs again, and four on each side can")
    return tuple(told)


def _audit(report: RunReport) -> list[str]:
    audit = report.audit
    if audit.lost is None:
        return []
    found = ((name, getattr(audit, name)) for name in ("acknowledged", "lost", "orphaned", "dropped"))
    return [f"audit of the newest run: {', '.join(f'{name} {count(number)}' for name, number in found)}"]


def _headline(label: str, compared: Compared) -> str:
    by_key = {change.metric.key: change for change in compared.comparison.changes}
    goodput, failed = by_key["goodput"], by_key["failed"]
    words = "" if goodput.change is None else f"goodput {goodput.change:+.1%}"
    if failed.before is not None and failed.after is not None:
        words += f", failed {percent(failed.before)} → {percent(failed.after)}"
    runs = "/".join(map(str, compared.comparison.repeats))
    return f"{label}: {words.strip(', ')} ({runs} runs)"
