"""The list of runs on disk: one line each, the newest first, with the side of those to be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from textual import events

from stressdash.charts.units import UNKNOWN
from stressdash.report.runlist import outcome_word, telling_apart
from stressdash.store.runs import RunEntry
from stressdash.text import byte_size, clock, duration_us, percent, rate
from stressdash.tui.filtering import matches
from stressdash.tui.lines import Line, clean, fit
from stressdash.tui.widgets.listing import Item, Listing

__all__ = ["SIDES", "RunList", "outcome_cell"]

SIDES = ("A", "B")
"""What runs can be put on for comparing: before and after."""

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
        self.entries: tuple[RunEntry, ...] = ()
        self._sides: dict[str, str] = {}
        self._apart: Mapping[str, str] = {}

    def show(self, entries: Sequence[RunEntry]) -> None:
        """Take over what is on disk now."""
        self.entries = tuple(entries)
        known = {entry.name for entry in entries}
        self._sides = {name: side for name, side in self._sides.items() if name in known}
        self._apart = telling_apart(entries)
        self.rebuild()

    def rows(self) -> list[RunEntry]:
        """Those that pass the filter."""
        return [entry for entry in self.entries if matches(_words(entry), self.filter)]

    def on_side(self, side: str) -> tuple[RunEntry, ...]:
        """The runs on a side, the oldest first."""
        return tuple(entry for entry in reversed(self.entries) if self._sides.get(entry.name) == side)

    def apart(self, entry: RunEntry) -> str:
        """What a run was set to where others of its kind were not; untrusted."""
        return self._apart.get(entry.name, "")

    @property
    def chosen(self) -> RunEntry | None:
        """The run under the cursor."""
        return next((entry for entry in self.entries if entry.name == self.selected), None)

    def put(self, side: str, names: Iterable[str]) -> None:
        """Put runs on a side, wherever they were; those that are all there already are taken off it."""
        wanted = list(names)
        if all(self._sides.get(name) == side for name in wanted):
            self._sides = {name: at for name, at in self._sides.items() if name not in wanted}
        else:
            self._sides |= dict.fromkeys(wanted, side)
        self.rebuild()

    def clear_sides(self) -> None:
        """Take every run off its side."""
        self._sides = {}
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
        side = self._sides.get(entry.name, " ")
        scenario = fit(
            clean(entry.scenario or entry.target), SCENARIO_WIDTH_WIDE if is_wide else SCENARIO_WIDTH
        )
        line: Line = [
            (f"{side} ", "badge" if side != " " else "text"),
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
        words = " ".join(filter(None, (*(f"#{tag}" for tag in entry.tags), self.apart(entry), entry.note)))
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
        return [("".join(names) + "  tags, setting, note", "dim")]


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
            *(f"{name}={value}" for name, value in entry.setting.items()),
        )
    )
