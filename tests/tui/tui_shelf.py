"""A shelf of runs in memory, which notes what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui_fakes import FakeSession
from tui_pictures import make_snapshot

from stressdash.errors import BadInput, UsageError
from stressdash.metrics.compare import Change, Comparison, Judgement
from stressdash.report.compare_values import DETAILS, JUDGED
from stressdash.report.comparison import Compared, GroupChange
from stressdash.session.shelf import Compare
from stressdash.snapshot import Playback, RunState
from stressdash.store.runfile import Condition
from stressdash.store.runs import RunEntry

__all__ = ["RUNS", "FakeReplay", "FakeShelf", "compared"]


def entry(number: int, condition: Condition = Condition.FINISHED, **given: Any) -> RunEntry:
    """A run of act1 that passed."""
    values: dict[str, Any] = {
        "run_id": f"{number:x}f2a00c0ffee{number:04x}",
        "scenario": "act1",
        "target": "http://127.0.0.1:3000",
        "backend": "embedded",
        "started_ms": 1_700_000_000_000 + number * 3_600_000,
        "size_bytes": 812_000,
        "verdict": "passed",
        "thresholds": 1,
        "duration_s": 15.0,
        "connections": 400,
        "requests": 34_000,
        "requests_per_s": 2_293.4,
        "goodput_per_s": 1_107.0,
        "failed_share": 0.517,
        "p50_us": 164_000,
        "p99_us": 1_210_000,
    }
    return RunEntry(number, Path(f"{number:05d}.run"), condition, **(values | given))


UNKNOWN = dict.fromkeys(
    ("verdict", "duration_s", "connections", "requests", "requests_per_s", "goodput_per_s", "failed_share"),
)
RUNS = (
    entry(14, Condition.RECORDING, **UNKNOWN, p50_us=None, p99_us=None),
    entry(13, scenario="act3", failed_share=0.0, tags=("baseline",), note="context kept; \x1b[31mred\x1b[0m"),
    entry(12, verdict="void", thresholds=0, connections=10_000, setting={"max_open": "200"}),
    entry(11, Condition.INTERRUPTED, **UNKNOWN, p50_us=None, p99_us=None, detail="the disk is full"),
    RunEntry(10, Path("00010.run"), Condition.DAMAGED, "the run file '00010.run' is damaged", size_bytes=3),
    entry(9, thresholds=0, setting={"max_open": "50"}),
)


def compared(names: tuple[str, str], **given: Any) -> Compared:
    """Six pairs: the rate got worse, p50 better, p99 stayed; with knobs, errors and an objection."""
    by_key = {metric.key: metric for metric in (*JUDGED, *DETAILS)}
    changes = (
        Change(by_key["rate"], Judgement.WORSE, 2_293.0, 1_107.0, -0.517, -0.56, -0.474, 0.03, 0.09),
        Change(by_key["p50"], Judgement.BETTER, 164_000, 121_000, -0.262, -0.31, -0.204, 0.03, 0.11),
        Change(by_key["p99"], Judgement.NO_DIFFERENCE, 1.21e6, 1.2e6, -0.008, -0.09, 0.081, 0.7, 0.1234),
        Change(by_key["p999"], Judgement.UNKNOWN, None, 1.9e6),
    )
    details = (Change(by_key["outside"], Judgement.DETAIL, 14_000, 15_100, 0.079, 0.021, 0.14),)
    values: dict[str, Any] = {
        "comparison": Comparison(changes, (6, 6), paired=True),
        "details": Comparison(details, (6, 6), paired=True),
        "knobs": {"max_open": ("50", "200")},
        "errors": (
            GroupChange("new", "apm", "OperationalError: \x1b[31mError 1040", 0.0, 12.0),
            GroupChange("less", "client", "timeout 2s", 7.0, 3.0),
        ),
        "objections": ("the runs had different plans: connections",),
        "regressions": (),
        "names": names,
    }
    return Compared(**(values | given))


class FakeReplay(FakeSession):
    """A replay that stands still."""

    def __init__(self, number: int) -> None:
        super().__init__(
            make_snapshot(
                state=RunState.RUNNING, playback=Playback(str(number), 7.0, 15.0, 10.0, playing=True)
            )
        )

    async def open(self) -> None:
        self._note("open")

    async def close(self) -> None:
        self._note("close")


class FakeShelf:
    """Implements `Shelf`."""

    def __init__(self, entries: Sequence[RunEntry] = RUNS) -> None:
        self.runs = {each.name: each for each in entries}
        self.calls: list[tuple[object, ...]] = []
        self.replays: list[FakeReplay] = []

    async def entries(self) -> tuple[RunEntry, ...]:
        return tuple(self.runs.values())

    async def tag(self, entry: RunEntry, words: str) -> None:
        self.runs[entry.name] = replace(entry, tags=tuple(words.split()))

    async def note(self, entry: RunEntry, text: str) -> None:
        self.runs[entry.name] = replace(entry, note=text)

    async def delete(self, entry: RunEntry) -> None:
        del self.runs[entry.name]

    async def export(self, entry: RunEntry) -> str:
        return f"/state/exports/run-{entry.name}.run"

    async def page(self, entry: RunEntry) -> str:
        return f"/state/exports/run-{entry.name}.html"

    async def take_in(self, file: str) -> RunEntry:
        if file != "good.run":
            raise BadInput(f"there is no file {file!r}")
        self.runs = {"15": entry(15, note="from afar"), **self.runs}
        return self.runs["15"]

    async def summary(self, entry: RunEntry, width: int) -> Sequence[str]:
        return [f"figures of run {entry.name}".ljust(width)]

    async def compare(self, before: Sequence[RunEntry], after: Sequence[RunEntry]) -> Compare:
        if void := [each.name for each in (*before, *after) if each.verdict == "void"]:
            raise UsageError(f"void runs cannot be compared: {', '.join(void)}")
        first, second = (", ".join(each.name for each in side) for side in (before, after))
        return Compare(compared((f"runs {first}", f"runs {second}")), (), ())

    async def charts(self, compare: Compare, width: int) -> Sequence[str]:
        return [f"charts of {compare.compared.names[0]}".ljust(width)]

    async def write_compare(self, compare: Compare, suffix: str) -> str:
        return f"/state/exports/{compare.compared.names[0]}.{suffix}"

    async def open(self, entry: RunEntry) -> FakeReplay:
        if entry.condition is Condition.DAMAGED:
            raise BadInput(entry.detail)
        self.replays.append(FakeReplay(entry.number))
        return self.replays[-1]
