"""The runs on disk, as the screen of runs uses them: every method does its work in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from stressdash.errors import StoreError
from stressdash.report.compare_text import comparison_text
from stressdash.report.comparison import compare_reports
from stressdash.report.stored import settled_report
from stressdash.session.replay import Replay
from stressdash.store.runs import RunEntry, RunFolder
from stressdash.store.upkeep import change_tags, delete_run, export_run, write_note

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

    def _export(self, entry: RunEntry) -> Path:
        folder = self._state / "exports"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write to {str(folder)!r}: {error.strerror}") from error
        path = folder / f"run-{entry.number:05d}-{entry.run_id[:8]}.run"
        export_run(entry, path)
        return path

    async def compare(self, before: RunEntry, after: RunEntry) -> Sequence[str]:
        """Lines of the comparison of two runs."""
        return await asyncio.to_thread(_compared, before, after)

    async def open(self, entry: RunEntry) -> Replay:
        """A replay of a run, not yet opened."""
        return await asyncio.to_thread(Replay, entry.path)


def _compared(before: RunEntry, after: RunEntry) -> Sequence[str]:
    compared = compare_reports([settled_report(before)], [settled_report(after)], paired=False)
    return comparison_text(compared).splitlines()
