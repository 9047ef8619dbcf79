"""Two groups of runs held against each other, over the list that they were chosen from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from stressdash.tui.background import in_background
from stressdash.tui.comparison_document import comparison_lines
from stressdash.tui.keys import bindings
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.view import View
from stressdash.tui.widgets.listing import Item, Listing
from stressdash.tui.widgets.panel import Title
from stressdash.tui.widgets.strips import KeyStrip, StatusStrip

if TYPE_CHECKING:
    from stressdash.session.shelf import Compare, Shelf

__all__ = ["ComparisonPage"]


class ComparisonPage(ViewScreen):
    """Figures and sentences at once; charts of both sides over one another as soon as they are drawn."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("comparison")

    def __init__(self, shelf: Shelf, compare: Compare) -> None:
        super().__init__()
        self._shelf = shelf
        self._compare = compare
        self._body = Listing("comparison-body")
        self._status = StatusStrip()
        self._charts: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        """From the title down to the keys."""
        yield Title("comparison-title", [("COMPARISON", "strong")])
        yield self._body
        yield self._status
        yield KeyStrip("comparison")

    def on_mount(self) -> None:
        """Keys go to the lines."""
        self._body.focus()

    def on_resize(self) -> None:
        """Lines and charts are made for a width."""
        self._fill()
        in_background(self, self._draw_charts, group="charts", exclusive=True)

    def show(self, view: View) -> None:
        """The comparison itself does not change."""
        self._status.show(view)
        for strip in self.query(KeyStrip):
            strip.show(view)

    @property
    def _width(self) -> int:
        return max(1, self._body.size.width - 1)

    def _fill(self) -> None:
        lines = comparison_lines(self._compare.compared, self._width)
        items = [Item(tuple(line)) for line in lines]
        if self._charts:
            items += [Item(()), *(Item(((line, "text"),)) for line in self._charts)]
        self._body.show_items(items)

    async def _draw_charts(self) -> None:
        self._charts = await self._shelf.charts(self._compare, self._width)
        self._fill()

    # --- keys

    def action_page(self) -> None:
        """Write the comparison as an HTML page."""
        self._write("html")

    def action_export(self) -> None:
        """Write the comparison for programs."""
        self._write("json")

    def _write(self, suffix: str) -> None:
        async def write() -> None:
            path = await self._shelf.write_compare(self._compare, suffix)
            self.dashboard.say(f"Written to {path}")

        self.dashboard.commands.run("write the comparison", write)
