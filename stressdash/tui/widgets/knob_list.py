"""The knobs: what each is set to and what it really is, edited in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from stressdash.charts.units import UNKNOWN
from stressdash.samples import Knob
from stressdash.tui.keys import bindings
from stressdash.tui.lines import Line, clean, fit
from stressdash.tui.view import View
from stressdash.tui.widgets.listing import Item, Listing

__all__ = ["KnobList", "knob_header", "knob_words"]

COMPONENT_WIDTH = 10
COLUMNS = ((110, 31, 12, 9), (66, 19, 12, 9), (0, 18, 10, 7))
"""Widths of a name, a value and of how it applies, each with the width of the list from which on it holds."""
SHORTEST_WORDS = 8
"""Cells below which nothing is told of what a knob does."""
LONGEST_ENTRY = 24


class KnobList(Listing):
    """One line per knob; enter types a number or takes the next choice."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("list")[:-1], *bindings("knobs")]

    @dataclass
    class Turned(Message):
        """The user set a knob."""

        name: str
        value: str

    def __init__(self) -> None:
        super().__init__("knobs")
        self.entry: str | None = None
        self._knobs: tuple[Knob, ...] = ()
        self._shown: tuple[object, ...] = ()

    @property
    def knob(self) -> Knob | None:
        """The selected knob."""
        return next((knob for knob in self._knobs if knob.name == self.selected), None)

    def show(self, view: View) -> None:
        """Draw a new view."""
        self._knobs = view.snapshot.knobs
        self._rebuild()

    def _rebuild(self) -> None:
        width = max(20, self.size.width - (1 if self.show_vertical_scrollbar else 0))
        entries = {self.selected: self.entry} if self.entry is not None else {}
        shown = (self._knobs, width, self.selected, self.entry)
        if shown == self._shown:  # knobs change seldom, and their lines are dear
            return
        self._shown = shown
        items, component = [], ""
        for knob in self._knobs:
            line = knob_line(knob, width, entries.get(knob.name), first=knob.component != component)
            items.append(Item(tuple(line), knob.name))
            component = knob.component
        self.show_items(items)

    # --- editing

    def action_edit(self) -> None:
        """Type a value; a knob with choices takes the next one."""
        knob = self.knob
        if knob is None:
            return
        if knob.choices:
            self.action_turn(1)
        else:
            self.entry = ""
            self._rebuild()

    def action_turn(self, step: int) -> None:
        """The next choice, or the one before."""
        knob = self.knob
        if knob is None or not knob.choices:
            return
        current = knob.desired if knob.desired is not None else knob.actual
        at = knob.choices.index(current) if current in knob.choices else -1
        self.post_message(self.Turned(knob.name, knob.choices[(at + step) % len(knob.choices)]))

    def action_open(self) -> None:
        """A click on the selected knob edits it."""
        self.action_edit()

    def on_key(self, event: events.Key) -> None:
        """An open entry takes every printable key; one that moves the selection forgets it."""
        if self.entry is None:
            return
        character = event.character or ""
        if event.key == "enter":
            self._finish()
        elif event.key == "escape":
            self.entry = None
        elif event.key == "backspace":
            self.entry = self.entry[:-1]
        elif event.key == "ctrl+u":
            self.entry = ""
        elif character and character.isprintable():
            self.entry = (self.entry + character)[:LONGEST_ENTRY]
        else:
            self.entry = None
            self._rebuild()
            return
        event.stop()
        event.prevent_default()
        self._rebuild()

    def _finish(self) -> None:
        value, self.entry = (self.entry or "").strip(), None
        if value and self.selected:
            self.post_message(self.Turned(self.selected, value))

    def on_blur(self) -> None:
        """What was typed and not entered is forgotten."""
        self.entry = None
        self._rebuild()


def knob_header(width: int) -> str:
    """Names of the columns."""
    name, value, applies = _widths(width)
    return (
        "  "
        + "component".ljust(COMPONENT_WIDTH)
        + "knob".ljust(name)
        + "desired".rjust(value)
        + "actual".rjust(value)
        + "  "
        + "applies".ljust(applies)
    )


def knob_line(knob: Knob, width: int, entry: str | None = None, *, first: bool = True) -> Line:
    """One knob; its component is named at its `first` one. A rejection is in the component's own words."""
    desired, actual = _value(knob.desired, knob), _value(knob.actual, knob)
    differs = knob.desired is not None and knob.desired != knob.actual
    shown = (f"{entry}▏", "selected") if entry is not None else (desired, "warn" if differs else "text")
    name_width, value_width, applies_width = _widths(width)
    line: Line = [
        ("! " if knob.error else "  ", "bad"),
        (fit(clean(knob.component) if first else "", COMPONENT_WIDTH), "dim"),
        (fit(clean(knob.name), name_width - 1) + " ", "strong"),
        (fit(shown[0], value_width, right=True), shown[1]),
        (fit(actual, value_width, right=True), "text"),
        ("  " + fit(knob.applies, applies_width), "dim" if knob.applies == "live" else "warn"),
    ]
    room = width - sum(len(text) for text, _ in line)
    words, role = (clean(knob.error), "bad") if knob.error else (knob_words(knob), "dim")
    return [*line, (fit(words, room) if room >= SHORTEST_WORDS else "", role)]


def knob_words(knob: Knob) -> str:
    """Its choices or range, then what it does."""
    parts = []
    if knob.choices:
        parts.append(" | ".join(knob.choices))
    elif knob.minimum is not None and knob.maximum is not None:
        parts.append(f"{knob.minimum:g}–{knob.maximum:g}")
    return clean("  ".join([*parts, knob.help or knob.label]))


def _widths(width: int) -> tuple[int, int, int]:
    _, name, value, applies = next(widths for widths in COLUMNS if width >= widths[0])
    return name, value, applies


def _value(text: str | None, knob: Knob) -> str:
    """With its unit; a dash when it is not known."""
    if text is None:
        return UNKNOWN
    return clean(f"{text} {knob.unit}".rstrip())
