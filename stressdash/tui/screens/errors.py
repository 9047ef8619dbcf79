"""Errors: every kind of failure, the client's and the service's, in one list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from stressdash.errors import StressdashError
from stressdash.samples.apm_page import APM_TABS, ApmPage
from stressdash.tui.apm_document import TRACE, scope_choices, scope_words
from stressdash.tui.background import in_background
from stressdash.tui.keys import bindings
from stressdash.tui.lines import Line, clean, ends, wrap
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.screens.dialogs import Choose
from stressdash.tui.screens.trace_page import TracePage
from stressdash.tui.view import View
from stressdash.tui.widgets.apm_list import ApmList
from stressdash.tui.widgets.error_list import ErrorList
from stressdash.tui.widgets.head import HeadLine
from stressdash.tui.widgets.kpi import KpiTable
from stressdash.tui.widgets.listing import Listing
from stressdash.tui.widgets.panel import Panel, ViewPanel
from stressdash.tui.widgets.prompt import FilterPrompt
from stressdash.tui.widgets.strips import KeyStrip, StatusStrip
from stressdash.tui.widgets.tabs import Tabs

__all__ = ["ErrorsScreen"]

DETAIL_ROWS = 2


class ListTitle(ViewPanel):
    """How many errors, in which order, filtered by what; the columns' names."""

    DEFAULT_CSS = "ListTitle { height: 2; }"

    def __init__(self, listing: ErrorList) -> None:
        super().__init__()
        self._listing = listing

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """The counts above the columns."""
        snapshot, listing = view.snapshot, self._listing
        shown, all_rows = len(listing.rows), len(snapshot.errors)
        count = f"{shown}" if shown == all_rows else f"{shown} of {all_rows}"
        words: Line = [("ERRORS ", "strong"), (count, "bad" if all_rows else "good")]
        words += [("   by ", "dim"), (listing.ranking.order, "text")]
        if listing.ranking.is_held:
            words.append((", held (g sorts)", "dim"))
        if listing.filter:
            words += [("   filter ", "dim"), (clean(listing.filter), "warn")]
        if view.muted:
            words += [("   muted ", "dim"), (f"{len(view.muted)}", "warn")]
        scrollbar = " " if listing.show_vertical_scrollbar else ""
        return [words, ends([], [*listing.header(width - len(scrollbar)), (scrollbar, "dim")], width)]


class SelectedError(Panel):
    """The selected error's whole message."""

    DEFAULT_CSS = "SelectedError { height: 2; }"

    def __init__(self) -> None:
        super().__init__()
        self._title = ""

    def show(self, title: str) -> None:
        """Draw a message."""
        self._title = title
        self.recompose_lines()

    def compose_lines(self, width: int) -> Sequence[Line]:
        """At most two lines of it."""
        return [[(piece, "dim")] for piece in wrap(clean(self._title), width, DETAIL_ROWS)]


class ErrorsScreen(ViewScreen):
    """The second screen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("errors")

    def __init__(self) -> None:
        super().__init__()
        self.errors = ErrorList("all-errors")
        self.apm = ApmList(self._ask)
        self._tabs = Tabs(("errors", *APM_TABS))
        self._title = ListTitle(self.errors)
        self._selected = SelectedError()
        self._prompt = FilterPrompt()

    def compose(self) -> ComposeResult:
        """From the head line down to the keys."""
        yield HeadLine("Errors")
        yield KpiTable()
        yield self._tabs
        yield self._title
        yield self.errors
        yield self.apm
        yield self._selected
        yield StatusStrip()
        yield self._prompt
        yield KeyStrip("errors")

    def on_mount(self) -> None:
        """Keys go to the list."""
        self._look_at("errors")

    def show(self, view: View) -> None:
        """Draw everything that can be seen."""
        self.errors.show(view)
        self.apm.show(view)
        for part in self.query(ViewPanel):
            part.show(view)
        self._show_selected()

    def _show_selected(self) -> None:
        row = next((row for row in self.errors.rows if row.id == self.errors.selected), None)
        self._selected.show(" · ".join(filter(None, (row.title, row.culprit))) if row is not None else "")

    @property
    def selected_error(self) -> str:
        """Id of the selected row, or which view of APM is shown; empty when there is neither."""
        return self.errors.selected if self.errors.display else self.apm.subject

    # --- messages and actions

    def on_listing_opened(self, event: Listing.Opened) -> None:
        """Enter opens the error or the trace, or narrows an APM view down."""
        if event.listing is self.errors:
            self.dashboard.open_error(event.id)
        elif event.id.startswith(TRACE):
            self.app.push_screen(TracePage(event.id.removeprefix(TRACE)))
        elif self.apm.narrow(event.id):
            self._tabs.show(self.apm.tab, self.apm.narrowed)

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        """Another tab."""
        self._look_at(event.name)

    def on_listing_moved(self) -> None:
        """Show the selected error's message."""
        self._show_selected()

    def on_filter_prompt_filtered(self, event: FilterPrompt.Filtered) -> None:
        """Filter what is shown."""
        self.errors.filter = self.apm.filter = event.pattern
        self.apm.redraw()
        self._again()

    def action_filter(self) -> None:
        """Open the filter line."""
        self._prompt.open(self.errors if self.errors.display else self.apm)

    def action_tab(self, step: int) -> None:
        """The next view of APM, or back to the errors, round and round."""
        self._look_at(self._tabs.neighbour(step))

    def action_scope(self) -> None:
        """Ask whose APM data are to be shown, and show them."""
        if self.dashboard.commands.refuse_in_replay():
            return
        in_background(self, self._ask_scope, group="scope", exclusive=True)

    async def _ask_scope(self) -> None:
        try:
            scopes = scope_choices(await self.dashboard.session.found_services())
        except StressdashError as error:
            self.dashboard.say(f"Could not ask APM for its services: {error}", failed=True)
            return

        def chosen(number: str | None) -> None:
            if number is not None:
                self.dashboard.commands.look_at(scopes[int(number)])

        choices = [(f"{number}", scope_words(scope)) for number, scope in enumerate(scopes)]
        self.app.push_screen(Choose("Whose APM data?", choices), chosen)

    def widen(self) -> bool:
        """Undo the last narrowing of an APM view; false when there was none."""
        widened = self.apm.display and self.apm.widen()
        if widened:
            self._tabs.show(self.apm.tab, self.apm.narrowed)
        return widened

    def _look_at(self, tab: str) -> None:
        is_errors = tab == "errors"
        for part in (self.errors, self._title, self._selected):
            part.display = is_errors
        self.apm.display = not is_errors
        self._tabs.show(tab)
        if not is_errors:
            self.apm.look_at(tab)
        (self.errors if is_errors else self.apm).focus()

    async def _ask(self, tab: str, name: str | None, band: tuple[int, int | None]) -> ApmPage:
        return await self.dashboard.session.apm_page(tab, name, band)

    def action_sort(self) -> None:
        """The next order."""
        self.errors.ranking.turn()
        self._again()

    def action_mute(self) -> None:
        """Mute the selected error, or hear it again."""
        if self.errors.display and self.errors.selected:
            self.dashboard.toggle_mute(self.errors.selected)

    def _again(self) -> None:
        if self.dashboard.view is not None:
            self.draw(self.dashboard.view)
