"""Errors: every kind of failure, the client's and the service's, in one list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from stressdash.tui.keys import bindings
from stressdash.tui.lines import Line, clean, ends, wrap
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.view import View
from stressdash.tui.widgets.error_list import ORDERS, ErrorList
from stressdash.tui.widgets.head import HeadLine
from stressdash.tui.widgets.kpi import KpiTable
from stressdash.tui.widgets.listing import Listing
from stressdash.tui.widgets.panel import Panel, ViewPanel
from stressdash.tui.widgets.prompt import FilterPrompt
from stressdash.tui.widgets.strips import KeyStrip, StatusStrip

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
        shown, all_rows = len(listing.rows()), len(snapshot.errors)
        count = f"{shown}" if shown == all_rows else f"{shown} of {all_rows}"
        words: Line = [("ERRORS ", "strong"), (count, "bad" if all_rows else "good")]
        words += [("   by ", "dim"), (listing.order, "text")]
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
        self.errors = ErrorList("all-errors", order="latest")
        self._selected = SelectedError()
        self._prompt = FilterPrompt()

    def compose(self) -> ComposeResult:
        """From the head line down to the keys."""
        yield HeadLine("Errors")
        yield KpiTable()
        yield ListTitle(self.errors)
        yield self.errors
        yield self._selected
        yield StatusStrip()
        yield self._prompt
        yield KeyStrip("errors")

    def on_mount(self) -> None:
        """Keys go to the list."""
        self.errors.focus()

    def show(self, view: View) -> None:
        """Draw everything that can be seen."""
        self.errors.show(view)
        for part in self.query(ViewPanel):
            part.show(view)
        self._show_selected()

    def _show_selected(self) -> None:
        row = next((row for row in self.errors.rows() if row.id == self.errors.selected), None)
        self._selected.show(row.title if row is not None else "")

    @property
    def selected_error(self) -> str:
        """Id of the selected row; empty when there is none."""
        return self.errors.selected

    # --- messages and actions

    def on_listing_opened(self, event: Listing.Opened) -> None:
        """Enter opens the error."""
        self.dashboard.open_error(event.id)

    def on_listing_moved(self) -> None:
        """Show the selected error's message."""
        self._show_selected()

    def on_filter_prompt_filtered(self, event: FilterPrompt.Filtered) -> None:
        """Filter the list."""
        self.errors.filter = event.pattern
        self._again()

    def action_filter(self) -> None:
        """Open the filter line."""
        self._prompt.open(self.errors)

    def action_sort(self) -> None:
        """The next order."""
        names = list(ORDERS)
        self.errors.order = names[(names.index(self.errors.order) + 1) % len(names)]
        self._again()

    def action_mute(self) -> None:
        """Mute the selected error, or hear it again."""
        if self.selected_error:
            self.dashboard.toggle_mute(self.selected_error)

    def _again(self) -> None:
        if self.dashboard.view is not None:
            self.draw(self.dashboard.view)
