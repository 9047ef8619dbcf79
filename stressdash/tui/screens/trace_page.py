"""One trace, opened: its waterfall, with the client's own view of the request where it is remembered."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from stressdash.charts.units import duration
from stressdash.errors import StressdashError
from stressdash.samples.apm_page import TraceView
from stressdash.tui.background import in_background
from stressdash.tui.keys import bindings
from stressdash.tui.lines import clean, wrap
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.view import View
from stressdash.tui.widgets.listing import Item, Listing
from stressdash.tui.widgets.panel import Title
from stressdash.tui.widgets.strips import KeyStrip, StatusStrip
from stressdash.tui.widgets.waterfall import ClientBar, trace_lines, trace_total_us

__all__ = ["TracePage"]


class TracePage(ViewScreen):
    """A page over the screen from which the trace was opened."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("trace")

    def __init__(self, trace_id: str) -> None:
        super().__init__()
        self.trace_id = trace_id
        self._title = Title("trace-title", [("Trace ", "strong"), (clean(trace_id), "accent")])
        self._body = Listing("trace-body")
        self._status = StatusStrip()
        self._found: TraceView | None = None
        self._failure = ""

    def compose(self) -> ComposeResult:
        """From the title down to the keys."""
        yield self._title
        yield self._body
        yield self._status
        yield KeyStrip("trace")

    def on_mount(self) -> None:
        """Fetch the trace."""
        self._body.focus()
        in_background(self, self._load, group="trace", exclusive=True)

    def on_resize(self) -> None:
        """Lines are made for a width."""
        self._show_trace()

    def show(self, view: View) -> None:
        """The trace itself does not change."""
        self._status.show(view)

    async def _load(self) -> None:
        try:
            self._found = await self.dashboard.session.trace(self.trace_id)
        except StressdashError as error:
            self._failure = f"{error}"
        self._show_trace()

    def _show_trace(self) -> None:
        width = self._body.size.width - 1
        if width < 1:
            return
        if self._failure:
            pieces = wrap(clean(self._failure), width)
            self._body.show_items([Item(((piece, "warn"),)) for piece in pieces])
        elif self._found is not None:
            self._show_found(self._found, width)

    def _show_found(self, found: TraceView, width: int) -> None:
        if not found.trace.spans:
            self._body.show_items([Item((("APM holds nothing of this trace.", "dim"),))])
            return
        seen = found.exemplar
        bar = None
        if seen is not None and seen.latency_us is not None:
            bar = ClientBar(seen.latency_us, found.client_sent_us)
        self._title.show(
            [("Trace ", "strong"), (clean(self.trace_id), "accent")],
            [("total ", "dim"), (duration(trace_total_us(found.trace, bar)), "strong"), ("  ESC", "key")],
        )
        items = [Item(tuple(line)) for line in trace_lines(found.trace, bar, width)]
        self._body.show_items([*items, *_errors(found, width)])


def _errors(found: TraceView, width: int) -> list[Item]:
    """What went wrong in it, in full."""
    errors = [span for span in found.trace.spans if span.kind == "error"]
    return [
        Item(((f"  {piece}", "bad"),))
        for span in errors
        for piece in ["", *wrap(clean(f"{span.type}: {span.name}"), max(8, width - 2), 6)]
    ]
