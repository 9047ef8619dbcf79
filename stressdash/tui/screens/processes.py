"""Who is connected to the database and what runs there: SHOW PROCESSLIST, fetched when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from stressdash.charts.units import UNKNOWN
from stressdash.errors import StressdashError
from stressdash.samples import DatabaseProcess
from stressdash.sessionapi import SessionApi
from stressdash.tui.background import in_background
from stressdash.tui.lines import Line, clean, fit
from stressdash.tui.widgets.listing import Item, Listing
from stressdash.tui.widgets.panel import Title

__all__ = ["Processes"]

COLUMNS = (("id", 7), ("user", 11), ("from", 16), ("database", 9), ("command", 8), ("s", 5), ("state", 14))


class Processes(ModalScreen[None]):
    """A table over the Stack screen; it does not move unless it is fetched again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,P", "close", "close"),
        Binding("r", "fetch", "fetch again"),
    ]

    def __init__(self, session: SessionApi) -> None:
        super().__init__()
        self._session = session
        self._title = Title("processes-title", [("PROCESSES ", "strong"), ("asking the database", "dim")])
        self._list = Listing("processes")

    def compose(self) -> ComposeResult:
        """What it is, the columns, the rows."""
        with Vertical(classes="dialog -wide"):
            yield self._title
            yield Title("processes-columns", [(_row([name for name, _ in COLUMNS]) + "statement", "dim")])
            yield self._list

    def on_mount(self) -> None:
        """Ask at once."""
        self._list.focus()
        self.action_fetch()

    def action_fetch(self) -> None:
        """Ask the database."""
        in_background(self, self.fetch, group="fetch")

    async def fetch(self) -> None:
        """Fill the table, or say why the database does not answer."""
        try:
            found = await self._session.processlist()
        except StressdashError as error:
            self._list.show_items([])
            self._title.show([("PROCESSES ", "strong"), (clean(str(error)), "bad")])
            return
        width = max(40, self._list.size.width)
        busy = sum(one.command != "Sleep" for one in found)
        words = f"{len(found):,}, {busy:,} of them busy   r fetch again   esc back"
        self._title.show([("PROCESSES ", "strong"), (words, "dim")])
        order = sorted(found, key=lambda one: (one.command == "Sleep", -(one.seconds or 0), one.id))
        self._list.show_items([Item(tuple(process_line(one, width)), str(one.id)) for one in order])

    def action_close(self) -> None:
        """Back to the screen below."""
        self.dismiss(None)


def process_line(process: DatabaseProcess, width: int) -> Line:
    """One connection; all of its words are the database's and are escaped."""
    seconds = UNKNOWN if process.seconds is None else f"{process.seconds}"
    cells = (
        f"{process.id}",
        process.user,
        process.host,
        process.database or UNKNOWN,
        process.command,
        seconds,
        process.state or UNKNOWN,
    )
    text = _row([clean(cell) for cell in cells])
    idle = process.command == "Sleep"
    statement = clean(process.statement) if process.statement else ""
    return [(text, "dim" if idle else "text"), (fit(statement, max(0, width - len(text))), "accent")]


def _row(cells: Sequence[str]) -> str:
    return "".join(fit(cell, width - 1) + " " for cell, (_, width) in zip(cells, COLUMNS, strict=True))
