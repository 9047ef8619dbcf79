"""Lab: change one knob, run again, and see the difference beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from stressdash.lab import Lab, LabRow, LabSetting
from stressdash.text import count, duration_us, percent, rate
from stressdash.tui.keys import bindings
from stressdash.tui.lines import Line, clean, fit
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.view import View
from stressdash.tui.widgets.head import HeadLine
from stressdash.tui.widgets.knob_list import KnobList, knob_header
from stressdash.tui.widgets.panel import ViewPanel
from stressdash.tui.widgets.strips import KeyStrip, StatusStrip

__all__ = ["LabScreen"]

FIGURES = ("runs", "req/s", "ok/s", "p50", "p99", "failed")
FIGURE, NARROW_FIGURE, ROOMY = 9, 8, 66
METRIC = 23
VALUE = 10
CHANGE = 10
INTERVAL = 22
ROLES = {"better": "good", "worse": "bad", "too few repeats": "warn"}
SHOWN_SETTINGS = 8
MAIN = frozenset({"req/s", "goodput/s", "latency p50", "latency p99", "failed share"})
"""Shown where there is no room for all."""


class KnobTitle(ViewPanel):
    """What the knobs are for here."""

    DEFAULT_CSS = "KnobTitle { height: 2; }"

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """A sentence above the columns."""
        is_live = view.snapshot.playback is None
        told = "enter a value: the load runs again with it" if is_live else "as they stood then"
        words: Line = [("KNOBS ", "strong"), (told, "dim")]
        return [words, [(knob_header(width), "dim")]]


class Settings(ViewPanel):
    """The settings that were run, the newest first."""

    DEFAULT_CSS = "Settings { height: auto; }"

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """One line each, with the medians over its runs."""
        lab = view.snapshot.lab
        figure = FIGURE if width >= ROOMY else NARROW_FIGURE
        room = max(12, width - figure * len(FIGURES))
        head: Line = [("SETTINGS".ljust(room), "strong")]
        head += [(fit(name, figure, right=True), "dim") for name in FIGURES]
        if not lab.settings:
            is_live = view.snapshot.playback is None
            told = "no run has ended yet: s starts one" if is_live else "none: a replay runs nothing"
            return [head, [(told, "dim")]]
        return [head, *(setting_line(one, room, figure) for one in reversed(lab.settings[-SHOWN_SETTINGS:]))]


class Difference(ViewPanel):
    """The newest setting against the one before it."""

    DEFAULT_CSS = "Difference { height: 1fr; }"

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """What changed, then what else is to be known."""
        lab = view.snapshot.lab
        if not lab.rows:
            return [[("DIFFERENCE ", "strong"), (clean(lab.headline), "dim")]]
        rows = lab.rows
        if 1 + len(rows) + len(lab.sentences) > self.size.height:
            rows = tuple(row for row in rows if row.metric in MAIN)
        return [*difference_head(width), *(row_line(row, width) for row in rows), *_told(lab, width)]


class LabScreen(ViewScreen):
    """The fifth screen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("lab")

    def __init__(self) -> None:
        super().__init__()
        self.knobs = KnobList()

    def compose(self) -> ComposeResult:
        """Knobs above settings above their difference; on wide screens the difference stands beside."""
        yield HeadLine("Lab")
        with Container(id="lab-parts"):
            with Container(id="lab-left"):
                yield KnobTitle()
                yield self.knobs
                yield Settings()
            yield Difference()
        yield StatusStrip()
        yield KeyStrip("lab")

    def on_mount(self) -> None:
        """Keys go to the knobs."""
        self.knobs.focus()

    def show(self, view: View) -> None:
        """Draw everything that can be seen."""
        for part in self.query(ViewPanel):
            part.show(view)
        self.knobs.show(view)

    def on_knob_list_turned(self, event: KnobList.Turned) -> None:
        """Run again with this value."""
        self.dashboard.commands.run_changed(event.name, event.value)


def setting_line(setting: LabSetting, room: int, figure_width: int = FIGURE) -> Line:
    """A setting and its medians."""
    figures = (
        count(setting.runs),
        rate(setting.requests_per_s),
        rate(setting.goodput_per_s),
        duration_us(setting.p50_us),
        duration_us(setting.p99_us),
        percent(setting.failed_share),
    )
    label = fit(clean(setting.label), room - 1) + " "
    return [(label, "text"), *((fit(figure, figure_width, right=True), "text") for figure in figures)]


def difference_head(width: int) -> list[Line]:
    """The heading and the names of the columns."""
    cells = [("before", VALUE), ("after", VALUE), ("change", CHANGE)]
    line: Line = [("DIFFERENCE".ljust(METRIC), "strong")]
    line += [(fit(name, size, right=True), "dim") for name, size in cells]
    if width >= METRIC + 2 * VALUE + CHANGE + INTERVAL + 12:
        line.append((fit("95 % interval", INTERVAL, right=True), "dim"))
    return [line]


def row_line(row: LabRow, width: int) -> Line:
    """A metric before and after, and what can be said of it."""
    role = next((role for word, role in ROLES.items() if row.judgement.startswith(word)), "dim")
    cells = [(row.before, VALUE), (row.after, VALUE), (row.change, CHANGE)]
    line: Line = [(fit(row.metric, METRIC), "text")]
    line += [(fit(text, size, right=True), "text") for text, size in cells]
    used = METRIC + 2 * VALUE + CHANGE
    if width >= used + INTERVAL + 12:
        line.append((fit(row.interval, INTERVAL, right=True), "dim"))
        used += INTERVAL
    return [*line, ("  " + fit(row.judgement, max(0, width - used - 2)), role)]


def _told(lab: Lab, width: int) -> list[Line]:
    return [[(fit(clean(sentence), width), "warn")] for sentence in lab.sentences]
