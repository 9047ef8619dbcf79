"""Runs: what was recorded; opened, compared in groups, tagged and let go from here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from stressdash.errors import StressdashError
from stressdash.store.runs import RunEntry
from stressdash.text import byte_size
from stressdash.tui.background import in_background
from stressdash.tui.keys import bindings
from stressdash.tui.lines import Line, clean, join, wrap
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.screens.comparison import ComparisonPage
from stressdash.tui.screens.dialogs import Ask, Lines
from stressdash.tui.view import View
from stressdash.tui.widgets.head import HeadLine
from stressdash.tui.widgets.listing import Listing
from stressdash.tui.widgets.panel import Panel, ViewPanel
from stressdash.tui.widgets.prompt import FilterPrompt
from stressdash.tui.widgets.run_list import SIDES, RunList
from stressdash.tui.widgets.strips import KeyStrip, StatusStrip

if TYPE_CHECKING:
    from stressdash.session.shelf import Shelf

__all__ = ["RunsScreen"]

EVERY_S = 2.0
DETAIL_ROWS = 3
FRAME = 8
"""Columns that a dialog keeps for itself."""
LONGEST_NAMES = 20


class RunsTitle(Panel):
    """How many runs, filtered by what, which are on a side; the columns' names."""

    DEFAULT_CSS = "RunsTitle { height: 2; }"

    def __init__(self, listing: RunList) -> None:
        super().__init__()
        self._listing = listing

    def compose_lines(self, width: int) -> Sequence[Line]:
        """The counts above the columns."""
        listing = self._listing
        shown, total = len(listing.rows()), len(listing.entries)
        words: Line = [("RUNS ", "strong"), (f"{shown}" if shown == total else f"{shown} of {total}", "text")]
        if listing.filter:
            words += [("   filter ", "dim"), (clean(listing.filter), "warn")]
        sides = [side_words(side, listing.on_side(side)) for side in SIDES]
        return [join([words, *sides], gap="   "), listing.header(width)]


class ChosenRun(Panel):
    """What else is known of the run under the cursor."""

    DEFAULT_CSS = f"ChosenRun {{ height: {DETAIL_ROWS}; }}"

    def __init__(self, listing: RunList) -> None:
        super().__init__()
        self._listing = listing

    def compose_lines(self, width: int) -> Sequence[Line]:
        """Its id, what it loaded, its size; its tags, setting and note, or what is wrong with it."""
        entry = self._listing.chosen
        if entry is None:
            return []
        facts = [entry.run_id, entry.target, entry.backend, byte_size(entry.size_bytes)]
        lines: list[Line] = [[(clean("  ".join(filter(None, facts))), "dim")]]
        if entry.detail:
            lines += [[(piece, "warn")] for piece in wrap(clean(entry.detail), width, DETAIL_ROWS - 1)]
        told = (*(f"#{tag}" for tag in entry.tags), self._listing.apart(entry), entry.note)
        words = " ".join(filter(None, told))
        lines += [[(piece, "text")] for piece in wrap(clean(words), width, DETAIL_ROWS - 1)] if words else []
        return lines[:DETAIL_ROWS]


def side_words(side: str, entries: Sequence[RunEntry]) -> Line:
    """Which runs are on a side, or how many where they are too many to name; nothing where there are none."""
    if not entries:
        return []
    names = ", ".join(entry.name for entry in entries)
    return [(f"{side} ", "badge"), (names if len(names) <= LONGEST_NAMES else f"{len(entries)} runs", "warn")]


class RunsScreen(ViewScreen):
    """The fourth screen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")

    def __init__(self) -> None:
        super().__init__()
        self.runs = RunList("runs")
        self._title = RunsTitle(self.runs)
        self._chosen = ChosenRun(self.runs)
        self._prompt = FilterPrompt()

    def compose(self) -> ComposeResult:
        """From the head line down to the keys."""
        yield HeadLine("Runs")
        yield self._title
        yield self.runs
        yield self._chosen
        yield StatusStrip()
        yield self._prompt
        yield KeyStrip("runs")

    def on_mount(self) -> None:
        """Keys go to the list, which is read again now and then."""
        self.runs.focus()
        self.set_interval(EVERY_S, self._read_if_seen)

    def on_screen_resume(self) -> None:
        """What was recorded meanwhile is there at once."""
        super().on_screen_resume()
        self._read_if_seen()

    def show(self, view: View) -> None:
        """Draw everything that can be seen."""
        for part in self.query(ViewPanel):
            part.show(view)

    def _read_if_seen(self) -> None:
        if self.is_current:
            in_background(self, self._read, group="runs", exclusive=True)

    async def _read(self) -> None:
        """Show what is on disk now."""
        if (shelf := self._shelf) is None:
            return
        try:
            self.runs.show(await shelf.entries())
        except StressdashError as error:
            self.dashboard.say(str(error), failed=True)
        self._again()

    def _again(self) -> None:
        self._title.recompose_lines()
        self._chosen.recompose_lines()

    @property
    def _shelf(self) -> Shelf | None:
        return self.dashboard.shelf

    # --- messages

    def on_listing_moved(self) -> None:
        """Show what is known of the run under the cursor."""
        self._again()

    def on_listing_opened(self, event: Listing.Opened) -> None:
        """Enter opens the run as a replay."""
        entry = next((entry for entry in self.runs.entries if entry.name == event.id), None)
        if entry is not None:
            self.dashboard.commands.run(f"open run {entry.name}", lambda: self.dashboard.open_run(entry))

    def on_filter_prompt_filtered(self, event: FilterPrompt.Filtered) -> None:
        """Filter the list."""
        self.runs.filter = event.pattern
        self.runs.rebuild()
        self._again()

    # --- keys

    def action_filter(self) -> None:
        """Open the filter line."""
        self._prompt.open(self.runs)

    def action_put(self, side: str) -> None:
        """Put the run under the cursor on a side, or take it off, and go on to the next."""
        if self.runs.selected:
            self.runs.put(side, [self.runs.selected])
            self.runs.action_move(1)
            self._again()

    def action_put_all(self, side: str) -> None:
        """Put all runs that the filter lets through on a side, or take them off."""
        self.runs.put(side, [entry.name for entry in self.runs.rows()])
        self._again()

    def action_clear_sides(self) -> None:
        """Take every run off its side."""
        self.runs.clear_sides()
        self._again()

    def action_compare(self) -> None:
        """Hold one side against the other, as the shell's `compare` does."""
        before, after = (self.runs.on_side(side) for side in SIDES)
        if (shelf := self._shelf) is None or not before or not after:
            self.dashboard.say("Put runs on both sides first: a for before, b for after", failed=True)
            return

        async def compare() -> None:
            self.app.push_screen(ComparisonPage(shelf, await shelf.compare(before, after)))

        self.dashboard.commands.run("compare", compare)

    def action_tag(self) -> None:
        """Type the tags of the run under the cursor."""
        question = "tags, with spaces between them; a tagged run is kept for ever"
        self._ask(question, lambda entry: " ".join(entry.tags), lambda shelf: shelf.tag)

    def action_note(self) -> None:
        """Type a note beside the run under the cursor."""
        self._ask("note", lambda entry: entry.note, lambda shelf: shelf.note)

    def _ask(
        self,
        question: str,
        present: Callable[[RunEntry], str],
        change: Callable[[Shelf], Callable[[RunEntry, str], Awaitable[object]]],
    ) -> None:
        if (entry := self.runs.chosen) is None or (shelf := self._shelf) is None:
            return

        async def write(text: str) -> None:
            await change(shelf)(entry, text)
            await self._read()

        def answered(text: str | None) -> None:
            if text is not None:
                self.dashboard.commands.run(f"change run {entry.name}", partial(write, text))

        self.app.push_screen(Ask(f"Run {entry.name}: {question}", present(entry)), answered)

    def action_delete(self) -> None:
        """Remove the run under the cursor; asks."""
        if (entry := self.runs.chosen) is None or (shelf := self._shelf) is None:
            return

        async def delete() -> None:
            await shelf.delete(entry)
            await self._read()

        commands = self.dashboard.commands
        commands.ask(
            f"Delete run {entry.name} for good?",
            "Delete",
            lambda: commands.run(f"delete run {entry.name}", delete),
        )

    def action_export(self) -> None:
        """Write the run under the cursor as one file."""
        self._write(lambda shelf: shelf.export)

    def action_page(self) -> None:
        """Write the run under the cursor as an HTML page."""
        self._write(lambda shelf: shelf.page)

    def _write(self, how: Callable[[Shelf], Callable[[RunEntry], Awaitable[str]]]) -> None:
        if (entry := self.runs.chosen) is None or (shelf := self._shelf) is None:
            return

        async def write() -> None:
            self.dashboard.say(f"Written to {await how(shelf)(entry)}")

        self.dashboard.commands.run(f"write run {entry.name}", write)

    def action_take_in(self) -> None:
        """Type the name of a file that somebody exported, to have its run in the list."""
        if (shelf := self._shelf) is None:
            return

        async def take_in(file: str) -> None:
            entry = await shelf.take_in(file)
            await self._read()
            self.runs.select(entry.name)
            self._again()
            self.dashboard.say(f"{file} is run {entry.name}")

        def answered(file: str | None) -> None:
            if file:
                self.dashboard.commands.run(f"import {file}", partial(take_in, file))

        self.app.push_screen(Ask("Import a run: name of its file"), answered)

    def action_summary(self) -> None:
        """What the run under the cursor has shown, as text."""
        if (entry := self.runs.chosen) is None or (shelf := self._shelf) is None:
            return

        async def tell() -> None:
            lines = await shelf.summary(entry, self.size.width - FRAME)
            self.app.push_screen(Lines(f"Run {entry.name}", lines))

        self.dashboard.commands.run(f"show run {entry.name}", tell)
