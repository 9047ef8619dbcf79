"""Runs on disk as a table for people and as JSON for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from stressdash.metrics.verdict import verdict_word
from stressdash.store.runfile import Condition
from stressdash.store.runs import RunEntry
from stressdash.text import byte_size, clock, duration_us, escape, percent, rate

__all__ = ["entry_facts", "list_text", "outcome_word", "started_text", "telling_apart", "title_lines"]

HEADER: Final = (
    *("run", "id", "started", "scenario", "result", "time", "conns", "req/s", "p99", "fail%", "size"),
    *("setting", "tags"),
)
IN_COLUMNS: Final = frozenset({"connections", "duration_s"})
"""Parts of a setting that a list shows anyway."""
RIGHT: Final = frozenset({0, 5, 6, 7, 8, 9, 10})
LONGEST: Final = 40


def list_text(entries: Sequence[RunEntry]) -> str:
    """A table, the newest first; notes and what is wrong with a run stand under it."""
    if not entries:
        return "no runs; 'stressdash run act1' records one\n"
    apart = telling_apart(entries)
    rows = [_row(entry, apart.get(entry.name, "")) for entry in entries]
    widths = [max(len(row[column]) for row in (HEADER, *rows)) for column in range(len(HEADER))]
    lines = [_line(HEADER, widths)]
    for entry, row in zip(entries, rows, strict=True):
        lines.append(_line(row, widths))
        lines += [f"{'':{widths[0]}}  {escape(text, 200)}" for text in (entry.note, entry.detail) if text]
    return "\n".join(lines) + "\n"


def telling_apart(entries: Sequence[RunEntry]) -> Mapping[str, str]:
    """What a run was set to where the runs of its scenario differ, by its name: `max_open=50`. Untrusted."""
    alike: defaultdict[tuple[str, str], list[RunEntry]] = defaultdict(list)
    for entry in entries:
        if entry.setting:
            alike[entry.scenario or entry.target, entry.backend].append(entry)
    apart = {}
    for runs in alike.values():
        names = dict.fromkeys(name for run in runs for name in run.setting if name not in IN_COLUMNS)
        differing = [name for name in names if len({run.setting.get(name) for run in runs}) > 1]
        for run in runs:
            words = (f"{name}={run.setting[name]}" for name in differing if name in run.setting)
            apart[run.name] = " ".join(words)
    return apart


def title_lines(entry: RunEntry) -> str:
    """What stands above a run's summary: its names, its tags, its note, and what is wrong with it."""
    lines = [
        f"run {entry.number}  {entry.run_id}  {started_text(entry)}  {escape(' '.join(entry.tags), 200)}"
    ]
    lines += [escape(text, 4_000) for text in (entry.note, entry.detail) if text]
    return "\n".join(line.rstrip() for line in lines) + "\n\n"


def entry_facts(entry: RunEntry) -> dict[str, Any]:
    """The entry as JSON has it: None is null and means unknown."""
    return {
        "number": entry.number,
        "run_id": entry.run_id or None,
        "path": str(entry.path),
        "condition": entry.condition.value,
        "detail": entry.detail,
        "scenario": entry.scenario,
        "target": entry.target,
        "backend": entry.backend,
        "started_ms": entry.started_ms or None,
        "size_bytes": entry.size_bytes,
        "tags": list(entry.tags),
        "note": entry.note,
        "verdict": entry.verdict,
        "thresholds": entry.thresholds,
        "duration_s": entry.duration_s,
        "connections": entry.connections,
        "requests": entry.requests,
        "requests_per_second": entry.requests_per_s,
        "goodput_per_second": entry.goodput_per_s,
        "failed_share": entry.failed_share,
        "p50_us": entry.p50_us,
        "p99_us": entry.p99_us,
        "setting": dict(entry.setting),
    }


def outcome_word(entry: RunEntry) -> str:
    """The verdict as people read it, or why there is none."""
    if entry.verdict is None or entry.condition is not Condition.FINISHED:
        return entry.condition.value
    return verdict_word(entry.verdict, entry.thresholds)


def started_text(entry: RunEntry) -> str:
    """Local date and time of the start."""
    if not entry.started_ms:
        return "–"
    return f"{datetime.fromtimestamp(entry.started_ms / 1e3).astimezone():%Y-%m-%d %H:%M:%S}"


def _row(entry: RunEntry, apart: str) -> tuple[str, ...]:
    return (
        entry.name,
        entry.run_id[:8] or "–",
        started_text(entry),
        escape(entry.scenario or entry.target, LONGEST),
        outcome_word(entry),
        clock(None if entry.duration_s is None else round(entry.duration_s, 1)),
        "–" if entry.connections is None else f"{entry.connections:,}",
        rate(entry.requests_per_s),
        duration_us(entry.p99_us),
        percent(entry.failed_share),
        byte_size(entry.size_bytes),
        escape(apart, LONGEST),
        escape(" ".join(entry.tags), LONGEST),
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.rjust(width) if column in RIGHT else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()
