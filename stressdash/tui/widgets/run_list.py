"""The list of runs on disk: one line each, the newest first, with those marked for comparing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual import events

from stressdash.charts.units import UNKNOWN
from stressdash.report.runlist import outcome_word
from stressdash.store.runs import RunEntry
from stressdash.text import byte_size, clock, duration_us, percent, rate
from stressdash.tui.filtering import matches
from stressdash.tui.lines import Line, clean, fit
from stressdash.tui.widgets.listing import Item, Listing

__all__ = ["RunList", "outcome_cell"]

ROLES = {
    "passed": "good",
    "not judged": "text",
    "failed": "bad",
    "void": "warn",
    "interrupted": "warn",
    "recording": "accent",
    "damaged": "bad",
}
WIDE_FROM = 140
SCENARIO_WIDTH = 12
SCENARIO_WIDTH_WIDE = 24


class RunList(Listing):
    """Columns of fixed width; tags and note take what is left."""

    def __init__(self, list_id: str) -> None:
        super().__init__(list_id)
        self.filter = ""
        self.marked: tuple[str, ...] = ()
        """Ids of the runs to be compared: at most two, the one marked first in front."""
        self.entries: tuple[RunEntry, ...] = ()

    def show(self, entries: Sequence[RunEntry]) -> None:
        """Take over what is on disk now."""
        self.entries = tuple(entries)
        known = {entry.name for entry in entries}
        self.marked = tuple(name for name in self.marked if name in known)
        self.rebuild()

    def rows(self) -> list[RunEntry]:
        """Those that pass the filter."""
        return [entry for entry in self.entries if matches(_words(entry), self.filter)]

    @property
    def chosen(self) -> RunEntry | None:
        """The run under the cursor."""
        return next((entry for entry in self.entries if entry.name == self.selected), None)

    def toggle_mark(self, name: str) -> None:
        """Mark a run, or take its mark away; of three, the one marked first is let go."""
        if name in self.marked:
            self.marked = tuple(other for other in self.marked if other != name)
        else:
            self.marked = (*self.marked, name)[-2:]
        self.rebuild()

    def on_resize(self, _event: events.Resize) -> None:
        """Columns depend on the width."""
        self.rebuild()

    def rebuild(self) -> None:
        """Draw all lines anew."""
        if not self.size.width:
            return
        width = self.size.width - (1 if self.show_vertical_scrollbar else 0)
        items = [Item(tuple(self._cells(entry, width)), entry.name) for entry in self.rows()]
        self.show_items(items or [Item(((self._empty_words(), "dim"),))])

    def _empty_words(self) -> str:
        return (
            f"  nothing passes the filter {clean(self.filter)}"
            if self.filter
            else "  no runs yet: s starts one"
        )

    def _cells(self, entry: RunEntry, width: int) -> Line:
        is_wide = width >= WIDE_FROM
        mark = "AB"[self.marked.index(entry.name)] if entry.name in self.marked else " "
        scenario = fit(
            clean(entry.scenario or entry.target), SCENARIO_WIDTH_WIDE if is_wide else SCENARIO_WIDTH
        )
        line: Line = [
            (f"{mark} ", "badge" if mark != " " else "text"),
            (fit(entry.name, 4, right=True), "strong"),
            (" " + _started(entry, is_wide=is_wide) + " ", "dim"),
            (scenario + " ", "text"),
            outcome_cell(entry),
            (fit(clock(_rounded(entry.duration_s)), 7, right=True), "text"),
            (fit(_count(entry.connections), 7, right=True), "text"),
            (fit(rate(entry.requests_per_s), 7, right=True), "text"),
            (fit(duration_us(entry.p99_us), 7, right=True), "text"),
            (fit(percent(entry.failed_share), 7, right=True), "bad" if entry.failed_share else "text"),
        ]
        if is_wide:
            line += [
                (fit(rate(entry.goodput_per_s), 8, right=True), "text"),
                (fit(duration_us(entry.p50_us), 8, right=True), "text"),
                (fit(byte_size(entry.size_bytes), 9, right=True), "dim"),
                (f"  {entry.run_id[:8] or UNKNOWN:8}", "dim"),
            ]
        used = sum(len(text) for text, _ in line)
        words = " ".join((*(f"#{tag}" for tag in entry.tags), entry.note))
        return [*line, ("  " + fit(clean(words), max(0, width - used - 2)), "accent")]

    def header(self, width: int) -> Line:
        """Names of the columns, for whoever stands above the list."""
        is_wide = width >= WIDE_FROM
        names = [" " * 3, "run ", fit("started", 20 if is_wide else 12)]
        names += [
            fit("scenario", 1 + (SCENARIO_WIDTH_WIDE if is_wide else SCENARIO_WIDTH)),
            fit("result", 11),
        ]
        names += [name.rjust(7) for name in ("time", "conns", "req/s", "p99", "fail")]
        if is_wide:
            names += ["ok/s".rjust(8), "p50".rjust(8), "size".rjust(9), "  id      "]
        return [("".join(names) + "  tags, note", "dim")]


def outcome_cell(entry: RunEntry) -> tuple[str, str]:
    """The verdict, or why there is none."""
    word = outcome_word(entry)
    return fit(word, 11), ROLES.get(word, "text")


def _started(entry: RunEntry, *, is_wide: bool) -> str:
    if not entry.started_ms:
        return fit(UNKNOWN, 19 if is_wide else 11)
    at = datetime.fromtimestamp(entry.started_ms / 1e3).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}" if is_wide else f"{at:%m-%d %H:%M}"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def _words(entry: RunEntry) -> str:
    """What the filter looks at."""
    return " ".join(
        (
            *(entry.name, entry.run_id, entry.scenario, entry.target, entry.backend),
            *(outcome_word(entry), entry.condition.value, *entry.tags, entry.note),
        )
    )
