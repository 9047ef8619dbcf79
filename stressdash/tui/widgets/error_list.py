"""The list of errors: client faults and APM groups in one table, joined where they are the same thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.cells import cell_len
from textual import events

from stressdash.charts.units import UNKNOWN, clock, duration, grouped, si
from stressdash.snapshot import ErrorRow, RunState
from stressdash.tui.filtering import matches
from stressdash.tui.lines import Line, clean, fit, line_width, spark
from stressdash.tui.ranking import Ranking
from stressdash.tui.view import View
from stressdash.tui.widgets.listing import Item, Listing

__all__ = ["ErrorList", "ago_text", "error_kind", "message_cell"]

LARGEST_LIST = 200
MILLION = 1_000_000
COUNT_WIDTH = 8
RATE_WIDTH = 6
AGE_WIDTH = 5
NEW_WIDTH = 4
FIRST_WIDTH = 8
SPARK_WIDTH = 20
JOINED_FROM = 76
"""Below it, why errors joined stands on their page only, and new ones are told before their message."""
FIRST_FROM = 100
WIDE_FROM = 130
SPARK_FROM = 150
SHORTEST_CULPRIT = 12
LEAST_FOR_BOTH = 30
"""Cells from which on a message is still readable beside where it was raised."""


def kind_width(width: int) -> int:
    """Cells of the kind: `rpc deadline_exceeded` in full where there is room."""
    return 21 if width >= WIDE_FROM else 13


def joined_width(width: int) -> int:
    """Cells of the share that joined, or of why nothing did."""
    return 26 if width >= WIDE_FROM else 12


class ErrorList(Listing):
    """Columns of fixed width; the message takes what is left, a rate over time is added on wide screens.

    Whoever moves the cursor away from the first line, or scrolls, holds all lines at their places. In a list
    that nobody holds, the cursor stays on its error until that leaves the lines in sight.
    """

    def __init__(self, list_id: str) -> None:
        super().__init__(list_id)
        self.ranking = Ranking()
        self.filter = ""
        self._view: View | None = None
        self._rows: list[ErrorRow] = []

    def show(self, view: View) -> None:
        """Draw a new view."""
        self._view = view
        rows = self.ranking.arranged(view)
        self._follow_join(rows)
        self._rows = [row for row in rows if matches(row_text(row), self.filter)][:LARGEST_LIST]
        if self.display and self.size.width:
            self._rebuild()

    def _follow_join(self, rows: Sequence[ErrorRow]) -> None:
        """An error that only APM had seen becomes a part of the client's row once both are joined."""
        before = next((row for row in self._rows if row.id == self.selected), None)
        if before is not None and before.apm_group and all(row.id != before.id for row in rows):
            self.selected = next((row.id for row in rows if row.apm_group == before.apm_group), before.id)

    def on_resize(self, _event: events.Resize) -> None:
        """Columns depend on the width."""
        self._rebuild()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows come into sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.ranking.is_held = self.ranking.is_held or new_value > 0
            self._rebuild()

    @property
    def rows(self) -> Sequence[ErrorRow]:
        """The rows shown: filtered, ordered, muted ones last."""
        return self._rows

    def select(self, item_id: str) -> None:
        """Whoever leaves the first line holds the list; back there, it is let go."""
        super().select(item_id)
        self._hold_or_let_go()

    def action_open(self) -> None:
        """Nothing has moved when the user comes back."""
        self.ranking.is_held = True
        super().action_open()

    def _hold_or_let_go(self) -> None:
        if self.row:
            self.ranking.is_held = True
        elif self.ranking.is_held:
            self.ranking.let_go()

    def _rebuild(self) -> None:
        if self._view is None:
            return
        width = self.size.width - (1 if self.show_vertical_scrollbar else 0)
        first = self.scroll_offset.y
        seen = range(first, first + self.size.height)
        # Rows out of sight are composed when they come into it.
        rows = self._rows
        words = Counter(_words(row) for row in rows)
        items = [
            self._item(row, width, alike=words[_words(row)] > 1) if y in seen else Item((), row.id)
            for y, row in enumerate(rows)
        ]
        if not self.ranking.is_held and all(row.id != self.selected for row in rows[: self.size.height]):
            self.selected = ""
        self.show_items(items or [Item(((self._empty_words(), "dim"),))])

    def _empty_words(self) -> str:
        if self._view is None or self._view.snapshot.state in (RunState.STARTING, RunState.READY):
            return ""
        return f"  nothing passes the filter {self.filter}" if self.filter else "  no errors"

    def _item(self, row: ErrorRow, width: int, *, alike: bool) -> Item:
        view = self._view
        if view is None:
            return Item((), row.id)
        muted = row.id in view.muted
        cells = error_cells(row, view, width, alike=alike)
        line = tuple((text, "dim" if muted else role) for text, role in cells)
        return Item(line, row.id)

    def _drawn(self, item: Item) -> Line:
        line = super()._drawn(item)
        if item.id and item.id == self.selected and line:
            return [("▸" + line[0][0][1:], line[0][1]), *line[1:]]
        return line

    def header(self, width: int) -> Line:
        """Names of the columns, for whoever stands above the list."""
        names = ["client".rjust(COUNT_WIDTH), "apm".rjust(COUNT_WIDTH), "/s".rjust(RATE_WIDTH)]
        if width >= FIRST_FROM:
            names.append("first".rjust(FIRST_WIDTH))
        names.append("last".rjust(AGE_WIDTH))
        if width >= JOINED_FROM:
            names.append("  " + fit("joined", joined_width(width)) + " " * NEW_WIDTH)
        if width >= SPARK_FROM:
            names.append("over time ".rjust(SPARK_WIDTH))
        return [("".join(names), "dim")]


def error_cells(row: ErrorRow, view: View, width: int, *, alike: bool = False) -> Line:
    """One row of the table; its runs take `width` cells together. `alike`: another row has the same words."""
    tail = _figures(row, view, width)
    used = sum(len(text) for text, _ in tail)
    room = max(1, width - used - kind_width(width) - 2)
    kind = " " + fit(clean(error_kind(row)), kind_width(width)) + " "
    return [
        (kind, "bad" if row.category != "apm" else "warn"),
        *message_cell(row, room, is_narrow=width < JOINED_FROM, alike=alike),
        *tail,
    ]


def message_cell(row: ErrorRow, room: int, *, is_narrow: bool, alike: bool) -> Line:
    """The message, and where it was raised: when there is room for both, or when nothing else differs."""
    new: Line = [("NEW ", "warn")] if row.new and is_narrow else []
    room -= line_width(new)
    title, culprit = clean(row.title), clean(row.culprit)
    least = min(cell_len(culprit), max(SHORTEST_CULPRIT, room // 2)) if alike else cell_len(culprit)
    left = room - 2 - (min(cell_len(title), room - 2 - least) if alike else cell_len(title))
    if not culprit or left < least or (room < LEAST_FOR_BOTH and cell_len(title) + left + 2 > room):
        return [*new, (fit(title, room), "text")]
    return [*new, (fit(title, room - 2 - left) + "  ", "text"), (_fit_end(culprit, left), "dim")]


def _fit_end(dotted: str, width: int) -> str:
    """Exactly `width` cells, cut at the front: the end of a dotted name tells most."""
    if cell_len(dotted) <= width:
        return fit(dotted, width)
    return fit("…" + dotted[max(0, len(dotted) - width + 1) :], width)


def _figures(row: ErrorRow, view: View, width: int) -> Line:
    """All cells behind the message."""
    now_s = view.snapshot.now_s
    tail: Line = [
        (
            fit(grouped(row.client_count, below=MILLION), COUNT_WIDTH, right=True),
            "text" if row.client_count else "dim",
        ),
        (
            fit(grouped(row.apm_count, below=MILLION), COUNT_WIDTH, right=True),
            "text" if row.apm_count else "dim",
        ),
        (fit(rate_text(row.rate_per_s), RATE_WIDTH, right=True), "text"),
    ]
    if width >= FIRST_FROM:
        started = view.snapshot.run_started_s or 0.0
        tail.append((fit(clock(row.first_s - started), FIRST_WIDTH, right=True), "text"))
    tail.append((fit(ago_text(now_s - row.last_s), AGE_WIDTH, right=True), "text"))
    if width >= JOINED_FROM:
        new = fit("NEW", NEW_WIDTH, right=True) if row.new else " " * NEW_WIDTH
        tail += [("  ", "text"), joined_cell(row, joined_width(width)), (new, "warn")]
    if width >= SPARK_FROM:
        tail.append((spark(row.spark, SPARK_WIDTH - 1) + " ", "accent"))
    return tail


def joined_cell(row: ErrorRow, width: int) -> tuple[str, str]:
    """The share that APM explains, or why nothing joined."""
    note = clean(row.note)
    if row.joined_share is not None:
        whole = row.joined_share >= 0.9995
        text = "100%" if whole else f"{row.joined_share:.0%}"
        told = f"{text}, {note}" if note else text
        return fit(told if cell_len(told) <= width else text, width), "good" if whole else "text"
    return fit(note or UNKNOWN, width), "dim"


def rate_text(per_s: float) -> str:
    """`1186` in full up to five digits, one decimal below ten."""
    if per_s >= 100_000:
        return si(per_s)
    return f"{per_s:.0f}" if per_s >= 10 or per_s == int(per_s) else f"{per_s:.1f}"


def error_kind(row: ErrorRow) -> str:
    """`rpc internal`, `timeout 2 s`, `apm only`."""
    if row.category == "apm":
        return "apm only"
    return f"{row.category} {row.code}".strip()


def ago_text(seconds: float) -> str:
    """`0s`, `45s`, `3m05s`, `35m`, `2h05m`."""
    text = (
        duration(max(0.0, round(seconds)) * 1e6).replace(".00", "").replace("0us", "0s").replace(".0s", "s")
    )
    return text if len(text) < AGE_WIDTH + 1 else text.partition("m")[0] + "m"


def _words(row: ErrorRow) -> tuple[str, str]:
    """What the eye tells rows apart by."""
    return error_kind(row), row.title


def row_text(row: ErrorRow) -> str:
    """What the filter looks at."""
    words: Sequence[str] = (
        *(row.category, row.code, row.title, row.culprit, row.note),
        "new" if row.new else "",
    )
    return " ".join(words)
