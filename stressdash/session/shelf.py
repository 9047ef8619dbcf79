"""The runs on disk, as the screen of runs uses them: every method does its work in a thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stressdash.errors import StoreError
from stressdash.report.compare_html import comparison_page
from stressdash.report.compare_text import comparison_charts
from stressdash.report.comparison import Compared, compare_reports, in_turns
from stressdash.report.run_json import RunReport
from stressdash.report.runlist import title_lines
from stressdash.report.stored import settled_report, stored_page
from stressdash.report.summary import summary
from stressdash.session.export import write_file
from stressdash.session.replay import Replay
from stressdash.store.runs import RunEntry, RunFolder
from stressdash.store.upkeep import change_tags, delete_run, export_run, import_run, write_note

__all__ = ["Compare", "Shelf"]

LONGEST_NAMES: Final = 24


@dataclass(frozen=True, slots=True)
class Compare:
    """Two groups of runs held against each other."""

    compared: Compared
    before: tuple[RunReport, ...]
    after: tuple[RunReport, ...]


class Shelf:
    """The runs of one state folder. Every method raises `StressdashError` with a sentence for the user."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._folder = RunFolder(state)

    async def entries(self) -> tuple[RunEntry, ...]:
        """All runs, the newest first."""
        return await asyncio.to_thread(self._folder.entries)

    async def tag(self, entry: RunEntry, words: str) -> RunEntry:
        """Give a run exactly the tags of a line of words."""
        wanted = words.split()
        return await asyncio.to_thread(change_tags, entry, wanted, set(entry.tags) - set(wanted))

    async def note(self, entry: RunEntry, text: str) -> RunEntry:
        """Put words beside a run."""
        return await asyncio.to_thread(write_note, entry, text)

    async def delete(self, entry: RunEntry) -> None:
        """Remove a run for good."""
        await asyncio.to_thread(delete_run, entry)

    async def export(self, entry: RunEntry) -> str:
        """Write a run as one file into the state folder and return the path."""
        return str(await asyncio.to_thread(self._export, entry))

    async def page(self, entry: RunEntry) -> str:
        """Write a run as an HTML page into the state folder and return the path."""
        return str(await asyncio.to_thread(self._page, entry))

    def _export(self, entry: RunEntry) -> Path:
        path = self._beside(_file_name(entry), "run")
        export_run(entry, path)
        return path

    def _page(self, entry: RunEntry) -> Path:
        path = self._beside(_file_name(entry), "html")
        write_file(path, stored_page(entry).encode())
        return path

    def _beside(self, name: str, suffix: str) -> Path:
        folder = self._state / "exports"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write to {str(folder)!r}: {error.strerror}") from error
        return folder / f"{name}.{suffix}"

    async def take_in(self, file: str) -> RunEntry:
        """Take in a file that somebody exported."""
        return await asyncio.to_thread(self._take_in, file)

    def _take_in(self, file: str) -> RunEntry:
        # Unlike Path.expanduser, this leaves the home of a user who does not exist as it stands.
        return import_run(self._folder, Path(os.path.expanduser(file)))  # noqa: PTH111  see above

    async def summary(self, entry: RunEntry, width: int) -> Sequence[str]:
        """Lines of what a run has shown."""
        return await asyncio.to_thread(_summary, entry, width)

    async def compare(self, before: Sequence[RunEntry], after: Sequence[RunEntry]) -> Compare:
        """Two groups held against each other, as pairs where their times tell that they were interleaved."""
        return await asyncio.to_thread(_compare, before, after)

    async def charts(self, compare: Compare, width: int) -> Sequence[str]:
        """Lines of a comparison's charts, both sides over one another."""
        return await asyncio.to_thread(_charts, compare, width)

    async def write_compare(self, compare: Compare, suffix: str) -> str:
        """Write a comparison as a page (`html`) or for programs (`json`) and return the path."""
        return str(await asyncio.to_thread(self._write_compare, compare, suffix))

    def _write_compare(self, compare: Compare, suffix: str) -> Path:
        newest = [reports[-1].run_id[:8] for reports in (compare.before, compare.after)]
        path = self._beside(f"compare-{'-'.join(newest)}", suffix)
        write_file(path, COMPARE_FORMS[suffix](compare).encode())
        return path

    async def open(self, entry: RunEntry) -> Replay:
        """A replay of a run, not yet opened."""
        return await asyncio.to_thread(Replay, entry.path)


def _summary(entry: RunEntry, width: int) -> Sequence[str]:
    return (title_lines(entry) + summary(settled_report(entry), width=width, with_chart=True)).splitlines()


def _file_name(entry: RunEntry) -> str:
    return f"run-{entry.number:05d}-{entry.run_id[:8]}"


def _compare(before: Sequence[RunEntry], after: Sequence[RunEntry]) -> Compare:
    sides = tuple(map(settled_report, before)), tuple(map(settled_report, after))
    names = _side_name(before), _side_name(after)
    return Compare(compare_reports(*sides, paired=in_turns(*sides), names=names), *sides)


def _side_name(entries: Sequence[RunEntry]) -> str:
    names = ", ".join(entry.name for entry in entries)
    if len(names) > LONGEST_NAMES:
        return f"{len(entries)} runs from {entries[0].name} on"
    return f"{'run' if len(entries) == 1 else 'runs'} {names}"


def _charts(compare: Compare, width: int) -> Sequence[str]:
    drawn = comparison_charts(compare.before, compare.after, compare.compared.names, width)
    return drawn.splitlines()


COMPARE_FORMS: Final[dict[str, Callable[[Compare], str]]] = {
    "html": lambda compare: comparison_page(compare.compared, compare.before, compare.after),
    "json": lambda compare: compare.compared.json(),
}
