"""One error, opened: its stack, its trace, what the client saw, and the knobs that govern it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from stressdash.errors import StressdashError
from stressdash.snapshot import ErrorDetail, ErrorRow
from stressdash.tui.background import in_background
from stressdash.tui.error_document import PARTS, Page, header_lines, knob_line
from stressdash.tui.keys import bindings
from stressdash.tui.lines import Line, clean, wrap
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.view import View
from stressdash.tui.widgets.frames import first_own_frame
from stressdash.tui.widgets.listing import Item, Listing
from stressdash.tui.widgets.panel import Panel
from stressdash.tui.widgets.strips import KeyStrip, StatusStrip

__all__ = ["ErrorPage"]

OCCURRENCE_MARGIN_S = 2.0


class PageHeader(Panel):
    """Four lines about the error, and the tabs of the parts."""

    DEFAULT_CSS = "PageHeader { height: 5; }"

    def __init__(self) -> None:
        super().__init__()
        self.part = PARTS[0]
        self.row: ErrorRow | None = None
        self.detail: ErrorDetail | None = None
        self.view: View | None = None
        self._cells: list[tuple[int, int, str]] = []

    def compose_lines(self, width: int) -> Sequence[Line]:
        """The header as it is now."""
        if self.row is None or self.view is None:
            return [[("This error is no longer known.", "warn")]]
        tabs: Line = []
        self._cells = []
        x = 0
        for part in PARTS:
            text = f"[{part}]" if part == self.part else f" {part} "
            tabs.append((text, "key" if part == self.part else "dim"))
            self._cells.append((x, x + len(text), part))
            x += len(text)
        return [*header_lines(self.row, self.detail, self.view, width), tabs]

    def on_click(self, event: events.Click) -> None:
        """A tab goes to its part; the corner goes back."""
        screen = self.screen
        if not isinstance(screen, ErrorPage):
            return
        if event.y == 0 and event.x >= self.size.width - 3:
            self.app.pop_screen()
        for start, end, part in self._cells:
            if event.y == 4 and start <= event.x < end:
                screen.go_to(part)


class Governing(Panel):
    """What the error means, and the knobs that govern it with their present values."""

    DEFAULT_CSS = "Governing { height: auto; max-height: 3; }"

    def __init__(self) -> None:
        super().__init__()
        self.detail: ErrorDetail | None = None

    def compose_lines(self, width: int) -> Sequence[Line]:
        """The explanation above the knobs."""
        if self.detail is None:
            return []
        words: list[Line] = []
        if self.detail.explanation:
            words = [[(piece, "dim")] for piece in wrap(clean(self.detail.explanation), width, 2)]
        knobs = knob_line(self.detail.knobs, width)
        return [*words, knobs] if knobs else words


class ErrorPage(ViewScreen):
    """A page over the screen from which the error was opened."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("error")

    def __init__(self, row_id: str) -> None:
        super().__init__()
        self.row_id = row_id
        self.detail: ErrorDetail | None = None
        self._header = PageHeader()
        self._body = Listing("error-body")
        self._governing = Governing()
        self._status = StatusStrip()
        self._keys = KeyStrip("error")
        self._sample: int | None = None
        self._toggled: frozenset[str] = frozenset()
        self._failure = ""
        self._curl = ""
        self._asked_group: str | None = None

    def compose(self) -> ComposeResult:
        """From the header down to the keys."""
        yield self._header
        yield self._body
        yield self._governing
        yield self._status
        yield self._keys

    def on_mount(self) -> None:
        """Fetch what is known."""
        self._body.focus()
        self._fetch()

    def on_resize(self) -> None:
        """Lines are made for a width."""
        self._show_page()

    @property
    def selected_error(self) -> str:
        """Id of the error that is shown."""
        return self.row_id

    @property
    def governing_knob(self) -> str:
        """Name of the first knob that governs it."""
        return self.detail.knobs[0].name if self.detail is not None and self.detail.knobs else ""

    def show(self, view: View) -> None:
        """Counts go on while the page is open."""
        header = self._header
        header.view = view
        known = next((row for row in view.snapshot.errors if row.id == self.row_id), None)
        header.row = known or (self.detail.row if self.detail is not None else header.row)
        header.recompose_lines()
        self._status.show(view)
        self._keys.show(view)
        if known is not None and self.detail is not None and self.detail.sample is None:
            self._fetch_joined(known)

    def _fetch_joined(self, row: ErrorRow) -> None:
        """A row that was opened before APM had caught up may join its group while the page is open."""
        if row.apm_group not in (None, self._asked_group):
            self._asked_group = row.apm_group
            self._fetch()

    def _fetch(self) -> None:
        in_background(self, partial(self._load, self._sample), group="detail", exclusive=True)

    async def _load(self, sample: int | None) -> None:
        try:
            self.detail = await self.dashboard.session.error_detail(self.row_id, sample)
        except StressdashError as error:
            self._failure = f"{error}"
        else:
            self._failure = ""
            self._select_frame(self.detail)
        with contextlib.suppress(StressdashError):
            self._curl = await self.dashboard.session.copy_text("curl")
        self._show_page()

    def _select_frame(self, detail: ErrorDetail) -> None:
        """The cursor begins at the service's own frame, not in a library."""
        listing = self._body
        if not listing.selected and detail.sample is not None:
            listing.selected = first_own_frame(detail.sample.frames)

    def _show_page(self) -> None:
        listing = self._body
        width = listing.size.width - 1
        if width < 1:
            return
        if self._failure:
            pieces = wrap(clean(self._failure), width)
            listing.show_items([Item(((piece, "warn"),)) for piece in pieces])
        elif self.detail is None:
            listing.show_items([Item((("fetching …", "dim"),))])
        else:
            listing.show_items(self._page(self.detail).items(width))
            self._header.detail = self._governing.detail = self.detail
            self._governing.recompose_lines()
            self._governing.refresh(layout=True)
        if self.dashboard.view is not None:
            self.draw(self.dashboard.view)

    def _page(self, detail: ErrorDetail) -> Page:
        return Page(detail, self._toggled, self._curl)

    def go_to(self, part: str) -> None:
        """Scroll to a part and mark its tab."""
        listing, header = self._body, self._header
        header.part = part
        if self.detail is not None:
            row = self._page(self.detail).part_rows(listing.size.width - 1).get(part, 0)
            listing.scroll_to(y=row, animate=False)
        header.recompose_lines()

    # --- messages and actions

    def on_listing_opened(self, event: Listing.Opened) -> None:
        """Enter unfolds a frame, or opens a similar error."""
        if event.id.startswith("row-"):
            self.dashboard.open_error(event.id.removeprefix("row-"))
        else:
            self._toggled = self._toggled ^ {event.id}
            self._show_page()

    def action_next_part(self, step: int) -> None:
        """The next part of the page, round and round."""
        at = PARTS.index(self._header.part)
        self.go_to(PARTS[(at + step) % len(PARTS)])

    def action_sample(self, step: int) -> None:
        """An older or newer sample."""
        sample = self.detail.sample if self.detail is not None else None
        if sample is None:
            return
        wanted = max(0, min(sample.total - 1, sample.index + step))
        if wanted != sample.index:
            self._sample = wanted
            self._fetch()

    def action_occurrence(self) -> None:
        """The charts at the time of this error."""
        row = self._header.row
        if row is not None:
            self.dashboard.show_window(row.first_s - OCCURRENCE_MARGIN_S, row.last_s + OCCURRENCE_MARGIN_S)

    def action_mute(self) -> None:
        """Mute this error, or hear it again."""
        self.dashboard.toggle_mute(self.row_id)
