"""A slider for one number on a logarithmic range: arrows, page keys, the mouse, or typed digits and enter.

It posts `Steered` only for what the user does, never for what it is shown, so nothing feeds back. While a
value is typed or dragged it shows that value; at all other times it shows what it was last told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from stressdash.errors import UsageError
from stressdash.tui.keys import bindings
from stressdash.tui.ladder import Ladder
from stressdash.tui.lines import Line, fit, line_width
from stressdash.tui.widgets.panel import Panel

__all__ = ["ENDLESS", "Slider"]

NAME_WIDTH = 6
LOW_WIDTH = 2
ENDLESS = "∞"
HIGH_WIDTH = 5
LONGEST_ENTRY = 8
SHORTEST_TRACK = 10


class Slider(Panel, can_focus=True):
    """One line: name, track with a knob, the value, and words beside it."""

    BINDINGS = bindings("slider")

    @dataclass
    class Steered(Message):
        """The user chose a value."""

        slider: Slider
        before: int
        """The value before this gesture began."""
        value: int
        is_final: bool
        """False while a drag goes on."""

    @dataclass
    class Refused(Message):
        """What was typed cannot be used; a sentence says why."""

        sentence: str

    def __init__(
        self,
        name: str,
        ladder: Ladder,
        *,
        show_value: Callable[[int], str],
        parse: Callable[[str, Ladder], int],
        words_width: int,
        absent: str = ENDLESS,
    ) -> None:
        super().__init__(f"slider-{name}")
        self.ladder = ladder
        self.value = ladder.low
        self.entry: str | None = None
        """What has been typed so far; None when nothing is being typed."""
        self._title = name
        self._words: Line = []
        self._absent = absent
        """What is shown in place of a value that there is not: no end, or no rate."""
        self._is_absent = False
        self._show_value = show_value
        self._parse = parse
        self._words_width = words_width
        self._drag_from: int | None = None
        self._track = (0, 1)

    def show(self, value: int | None, words: Line) -> None:
        """Take over a value from outside (None: there is none); ignored while the user holds the knob."""
        self._words = words
        self._is_absent = value is None
        if self._drag_from is None and value is not None:
            self.value = self.ladder.hold(value)
        self.recompose_lines()

    def compose_lines(self, width: int) -> Sequence[Line]:
        """`conns 1 ├────●────┤ 10k  400 → open 400 busy 398`."""
        low, high = self._show_value(self.ladder.low), self._show_value(self.ladder.high)
        words_width = min(self._words_width, max(8, width // 2 - NAME_WIDTH))
        start = NAME_WIDTH + LOW_WIDTH + 2
        length = max(SHORTEST_TRACK, width - start - 1 - HIGH_WIDTH - 2 - words_width)
        self._track = (start, length)
        knob = length - 1 if self._is_absent else round(self.ladder.place(self.value) * (length - 1))
        focus = self.has_focus
        line: Line = [
            (fit(self._title, NAME_WIDTH), "key" if focus else "text"),
            (fit(low, LOW_WIDTH, right=True) + " ", "dim"),
            ("├" + "─" * knob, "accent" if focus else "axis"),
            (self._knob(), "key" if focus else "strong"),
            ("─" * (length - 1 - knob) + "┤ ", "accent" if focus else "axis"),
            (fit(high, HIGH_WIDTH), "dim"),
        ]
        if self.entry is not None:
            return [[*line, ("= ", "dim"), (f"{self.entry}▏", "selected"), (" enter sets", "dim")]]
        shown = self._absent if self._is_absent else self._show_value(self.value)
        line += [(shown, "strong"), *self._words]
        return [line if line_width(line) <= width else line[:7]]

    def _knob(self) -> str:
        if not self._is_absent:
            return "●"
        return ENDLESS if self._absent == ENDLESS else "─"

    # --- keys

    def action_step(self, count: int) -> None:
        """Small steps along the ladder."""
        self._choose(self.ladder.step(self.value, count))

    def action_coarse(self, count: int) -> None:
        """Along 1, 2, 5, 10."""
        self._choose(self.ladder.step(self.value, count, coarse=True))

    def action_edge(self, end: int) -> None:
        """The smallest or the largest value."""
        self._choose(self.ladder.high if end else self.ladder.low)

    def start_entry(self, text: str = "") -> None:
        """Begin to type a value."""
        self.entry = text
        self.focus()
        self.recompose_lines()

    def on_key(self, event: events.Key) -> None:
        """While a value is typed, every printable key belongs to it."""
        character = event.character or ""
        if self.entry is None:
            return
        if event.key == "enter":
            self._finish_entry()
        elif event.key in ("escape", "tab", "shift+tab"):
            self._end_entry()
            if event.key != "escape":
                return
        elif event.key == "backspace":
            self.entry = self.entry[:-1]
        elif event.key == "ctrl+u":
            self.entry = ""
        elif character.isprintable() and character and len(self.entry) < LONGEST_ENTRY:
            self.entry += character
        elif not character:
            return
        event.stop()
        event.prevent_default()
        self.recompose_lines()

    def _finish_entry(self) -> None:
        text = self.entry or ""
        self._end_entry()
        if not text:
            return
        try:
            value = self._parse(text, self.ladder)
        except UsageError as error:
            self.post_message(self.Refused(f"{error}."))
        else:
            self._choose(value)

    def _end_entry(self) -> None:
        self.entry = None
        self.recompose_lines()

    def on_focus(self) -> None:
        """The colour shows the focus."""
        self.recompose_lines()

    def on_blur(self) -> None:
        """What was typed and not entered is forgotten."""
        self._end_entry()

    # --- mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take the knob to the pointer."""
        if event.button != 1:
            return
        self._drag_from = self.value
        self.capture_mouse()
        self._drag_to(event.x, is_final=False)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The knob follows while the button is down."""
        if self._drag_from is not None:
            self._drag_to(event.x, is_final=False)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go; the last value always counts."""
        if self._drag_from is None:
            return
        self.release_mouse()
        self._drag_to(event.x, is_final=True)
        self._drag_from = None

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        """A small step up."""
        self.action_step(1)

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        """A small step down."""
        self.action_step(-1)

    def _drag_to(self, x: int, *, is_final: bool) -> None:
        start, length = self._track
        before = self.value if self._drag_from is None else self._drag_from
        value = self.ladder.at((x - start) / max(1, length - 1))
        if value != self.value or (is_final and value != before):
            self.value = value
            self.post_message(self.Steered(self, before, value, is_final))
            self.recompose_lines()

    def _choose(self, value: int) -> None:
        before = self.value
        if value != before or self._is_absent:
            self.value = value
            self.post_message(self.Steered(self, before, value, is_final=True))
            self.recompose_lines()
