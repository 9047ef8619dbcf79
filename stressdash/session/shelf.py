"""The runs on disk, as the screen of runs uses them: every method does its work in a thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from stressdash.errors import StoreError
from stressdash.report.compare_text import comparison_charts, comparison_text
from stressdash.report.comparison import compare_reports
from stressdash.report.runlist import title_lines
from stressdash.report.stored import settled_report, stored_page
from stressdash.report.summary import summary
from stressdash.session.export import write_file
from stressdash.session.replay import Replay
from stressdash.store.runs import RunEntry, RunFolder
from stressdash.store.upkeep import change_tags, delete_run, export_run, import_run, write_note

__all__ = ["Shelf"]


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
        path = self._beside(entry, "run")
        export_run(entry, path)
        return path

    def _page(self, entry: RunEntry) -> Path:
        path = self._beside(entry, "html")
        write_file(path, stored_page(entry).encode())
        return path

    def _beside(self, entry: RunEntry, suffix: str) -> Path:
        folder = self._state / "exports"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write to {str(folder)!r}: {error.strerror}") from error
        return folder / f"run-{entry.number:05d}-{entry.run_id[:8]}.{suffix}"

    async def take_in(self, file: str) -> RunEntry:
        """Take in a file that somebody exported."""
        return await asyncio.to_thread(self._take_in, file)

    def _take_in(self, file: str) -> RunEntry:
        # Unlike Path.expanduser, this leaves the home of a user who does not exist as it stands.
        return import_run(self._folder, Path(os.path.expanduser(file)))  # noqa: PTH111  see above

    async def summary(self, entry: RunEntry, width: int) -> Sequence[str]:
        """Lines of what a run has shown."""
        return await asyncio.to_thread(_summary, entry, width)

    async def compare(self, before: RunEntry, after: RunEntry, width: int) -> Sequence[str]:
        """Lines of the comparison of two runs, with their charts over one another."""
        return await asyncio.to_thread(_compared, before, after, width)

    async def open(self, entry: RunEntry) -> Replay:
        """A replay of a run, not yet opened."""
        return await asyncio.to_thread(Replay, entry.path)


def _summary(entry: RunEntry, width: int) -> Sequence[str]:
    return (title_lines(entry) + summary(settled_report(entry), width=width, with_chart=True)).splitlines()


def _compared(before: RunEntry, after: RunEntry, width: int) -> Sequence[str]:
    sides = [settled_report(before)], [settled_report(after)]
    names = f"run {before.name}", f"run {after.name}"
    compared = compare_reports(*sides, paired=False, names=names)
    charts = comparison_charts(*sides, names, width)
    return [*comparison_text(compared).splitlines(), "", *charts.splitlines()]
