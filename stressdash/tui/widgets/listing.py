"""A list with a cursor, drawn line by line: only rows that are visible and have changed are drawn again.

Textual's own table costs 72 ms for forty cells; this one costs what its visible rows cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from stressdash.tui.keys import bindings
from stressdash.tui.lines import Line, crop
from stressdash.tui.palette import Palette
from stressdash.tui.theming import palette_of

__all__ = ["Item", "Listing"]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list."""

    line: tuple[tuple[str, str], ...]
    id: str = ""
    """What `Opened` and `Moved` name; lines without one cannot be selected."""


class Listing(ScrollView, can_focus=True):
    """Lines that scroll; those with an id can be selected and opened. The cursor follows its item."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
    DEFAULT_CSS = "Listing { scrollbar-size-vertical: 1; overflow-x: hidden; }"

    @dataclass
    class Opened(Message):
        """Enter or a click on the selected item."""

        listing: Listing
        id: str

        @property
        def control(self) -> Listing:
            """The list that it happened in."""
            return self.listing

    @dataclass
    class Moved(Message):
        """Another item is selected now."""

        listing: Listing
        id: str

        @property
        def control(self) -> Listing:
            """The list that it happened in."""
            return self.listing

    def __init__(self, list_id: str, *, follow: bool = False) -> None:
        super().__init__(id=list_id)
        self.follow = follow
        """Keep the last line in sight when lines are added."""
        self.selected = ""
        self._items: tuple[Item, ...] = ()
        self._strips: list[Strip | None] = []
        self._palette: Palette | None = None
        self._drawn_width = 0

    def on_mount(self) -> None:
        """Another theme draws everything anew."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.show_items(self._items))

    @property
    def items(self) -> tuple[Item, ...]:
        """All lines."""
        return self._items

    def show_items(self, items: Sequence[Item]) -> None:
        """Take over new lines; draws what differs."""
        new = tuple(items)
        palette = palette_of(self.app)
        old, self._items = self._items, new
        selected = self.selected
        self._keep_selection(old)
        if len(new) != len(old) or palette is not self._palette:
            self._palette, self._strips = palette, [None] * len(new)
            self.virtual_size = Size(self.size.width, len(new))
            self.refresh()
            if self.follow:
                self.scroll_end(animate=False, immediate=False)
            return
        for row, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after or (selected != self.selected and after.id in (selected, self.selected)):
                self._forget(row)

    def keep_end(self) -> None:
        """While it follows, bring the end back into sight: the space around it may have changed meanwhile."""
        if self.follow and not self.is_vertical_scroll_end:
            self.scroll_end(animate=False)

    def select(self, item_id: str) -> None:
        """Move the cursor to an item and into sight."""
        if item_id == self.selected:
            return
        before = self.row
        self.selected = item_id
        for row in (before, self.row):
            if row is not None:
                self._forget(row)
        if (row := self.row) is not None:
            self.scroll_to_region(Region(0, row, 1, 1), animate=False, force=True)
        self.post_message(self.Moved(self, item_id))

    @property
    def row(self) -> int | None:
        """Row of the selected item."""
        return next(
            (row for row, item in enumerate(self._items) if item.id and item.id == self.selected), None
        )

    def _keep_selection(self, old: tuple[Item, ...]) -> None:
        """When the selected item is gone, the one that took its row is next."""
        ids = [item.id for item in self._items if item.id]
        if self.selected in ids:
            return
        row = (
            next((row for row, item in enumerate(old) if item.id == self.selected), 0) if self.selected else 0
        )
        nearest = [item.id for item in self._items[row:] if item.id] or ids[-1:]
        self.selected = nearest[0] if nearest else ""

    def _forget(self, row: int) -> None:
        if row < len(self._strips):
            self._strips[row] = None
        y = row - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        row = y + self.scroll_offset.y
        if self._palette is None or row >= len(self._items):
            return Strip.blank(self.size.width, self.rich_style)
        width = self.scrollable_content_region.width
        if width != self._drawn_width:
            self._drawn_width, self._strips = width, [None] * len(self._items)
        strip = self._strips[row]
        if strip is None:
            line = crop(self._drawn(self._items[row]), width)
            strip = self._palette.strip(line).apply_style(self.rich_style)
            self._strips[row] = strip
        return strip

    def _drawn(self, item: Item) -> Line:
        if item.id and item.id == self.selected and self.shows_cursor:
            return [(text, f"cursor:{role}") for text, role in item.line]
        return list(item.line)

    @property
    def shows_cursor(self) -> bool:
        """Whether the selected line is highlighted."""
        return self.has_focus

    # --- keys and mouse

    def action_move(self, count: int) -> None:
        """Select `count` items on; a list without items to select scrolls."""
        ids = [item.id for item in self._items if item.id]
        if not ids:
            self.follow = False
            self.scroll_relative(y=count, animate=False)
            return
        at = ids.index(self.selected) if self.selected in ids else 0
        target = max(0, min(len(ids) - 1, at + count))
        if target == at:
            self.scroll_relative(y=max(-self.size.height, min(self.size.height, count)), animate=False)
        self.select(ids[target])

    def action_page(self, pages: int) -> None:
        """A screenful on or back."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_open(self) -> None:
        """Open the selected item."""
        if self.selected:
            self.post_message(self.Opened(self, self.selected))

    def on_click(self, event: events.Click) -> None:
        """A click selects; on the selected item, it opens."""
        row = event.y + self.scroll_offset.y
        if not 0 <= row < len(self._items) or not self._items[row].id:
            return
        item_id = self._items[row].id
        if item_id == self.selected:
            self.action_open()
        else:
            self.select(item_id)

    def on_focus(self) -> None:
        """The cursor is drawn only where the keys go."""
        self._redraw_cursor()

    def on_blur(self) -> None:
        """The cursor is drawn only where the keys go."""
        self._redraw_cursor()

    def _redraw_cursor(self) -> None:
        if (row := self.row) is not None:
            self._forget(row)

    def on_resize(self, _event: events.Resize) -> None:
        """Lines are made for a width."""
        self.virtual_size = Size(self.size.width, len(self._items))
        if self.follow:
            self.scroll_end(animate=False)
