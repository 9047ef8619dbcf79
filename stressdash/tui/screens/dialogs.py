"""Small screens over the others: a question, a menu, the help page, and 'the terminal is too small'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from stressdash.tui.keys import help_groups
from stressdash.tui.lines import clean, wrap
from stressdash.tui.widgets.listing import Item, Listing

__all__ = ["COPIES", "TIGHT", "Ask", "Choose", "Confirm", "Help", "Lines", "TooSmall", "is_too_small"]

KEY_WIDTH = 12
SMALLEST = (60, 16)
TIGHT: list[tuple[int, str]] | None = [(0, "-tight"), (80, "-normal")]
"""Widths from which on dialogs have these classes; other screens have breakpoints of their own."""
COPIES = (
    ("value", "the value or message shown"),
    ("query", "the search behind it, for Kibana's console"),
    ("kibana", "a link that shows it in Kibana"),
    ("curl", "a curl line for one such request"),
    ("wrk", "a wrk line for the same load"),
)


class Confirm(ModalScreen[bool]):
    """A question with yes and no; no has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
        Binding("left,right", "app.focus_next", "other answer"),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        """The question above its answers."""
        with Vertical(classes="dialog"):
            yield Static(Content(clean(self._question)))
            with Horizontal():
                yield Button(Content(f"{self._yes} (y)"), id="yes", compact=True)
                yield Button("Cancel (n)", id="no", compact=True)

    def on_mount(self) -> None:
        """Enter by mistake changes nothing."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """By mouse or enter."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """By key."""
        self.dismiss(answer)


MOST_ROWS = 12


class Choose(ModalScreen[str | None]):
    """A short menu; each choice has an id and words."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "cancel", "cancel")]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._listing = Listing("choices")

    def compose(self) -> ComposeResult:
        """The title above the choices."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._title))
            yield self._listing

    def on_mount(self) -> None:
        """The first choice is selected."""
        self._listing.styles.height = min(len(self._choices), MOST_ROWS)
        self._listing.show_items(
            [
                Item(((f" {number} ", "key"), (words.ljust(60), "text")), id_)
                for number, (id_, words) in self._numbered()
            ]
        )
        self._listing.focus()

    def _numbered(self) -> list[tuple[int, tuple[str, str]]]:
        return list(enumerate(self._choices, start=1))

    def on_key(self, event: events.Key) -> None:
        """A choice's number takes it, and is not a screen's number then."""
        number = event.character or ""
        if number.isdecimal() and 1 <= int(number) <= len(self._choices):
            event.stop()
            event.prevent_default()
            self.dismiss(self._choices[int(number) - 1][0])

    def on_listing_opened(self, event: Listing.Opened) -> None:
        """Enter or a click."""
        self.dismiss(event.id)

    def action_cancel(self) -> None:
        """Nothing chosen."""
        self.dismiss(None)


class Ask(ModalScreen[str | None]):
    """A line to type; enter takes it, esc leaves all as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "cancel")]

    def __init__(self, question: str, present: str = "") -> None:
        super().__init__()
        self._question = question
        self._present = present

    def compose(self) -> ComposeResult:
        """The question above the line."""
        with Vertical(classes="dialog"):
            yield Static(Content(clean(self._question)))
            line = Input(self._present, compact=True, select_on_focus=False)
            line.cursor_blink = False
            yield line

    def on_mount(self) -> None:
        """Keys go to the line."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        self.dismiss(event.value.strip())

    def action_cancel(self) -> None:
        """Esc."""
        self.dismiss(None)


class Lines(ModalScreen[None]):
    """Lines to read."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "close", "close")]

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """A list that scrolls."""
        with Vertical(classes="dialog -wide"):
            yield Static(Content(clean(f"{self._title}   (esc closes)")))
            yield Listing("lines")

    def on_mount(self) -> None:
        """Keys go to the list."""
        self.query_one(Listing).focus()

    def on_resize(self) -> None:
        """Fill the list; what is longer than it is wide goes on in the next line."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        listing = self.query_one(Listing)
        width = max(20, listing.size.width - 1)
        listing.show_items(
            [Item(((piece, "text"),)) for line in self._lines for piece in wrap(clean(line), width)]
        )

    def action_close(self) -> None:
        """Back to the screen below."""
        self.dismiss(None)


class Help(ModalScreen[None]):
    """All keys that do something, from their table, those of the screen beneath first."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "close", "close")]

    def __init__(self, place: str = "", *, in_replay: bool = False) -> None:
        super().__init__()
        self._place = place
        self._in_replay = in_replay

    def compose(self) -> ComposeResult:
        """A list that scrolls."""
        with Vertical(classes="dialog -large"):
            yield Static(Content("Keys   (↑ ↓ scroll, esc closes)"))
            yield Listing("help-list")

    def on_mount(self) -> None:
        """Keys go to the list."""
        self.query_one(Listing).focus()

    def on_resize(self) -> None:
        """Fill the list; sentences are made for a width."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        listing = self.query_one(Listing)
        room = max(20, listing.size.width - KEY_WIDTH - 2)
        items: list[Item] = []
        for title, keys in help_groups(self._place, in_replay=self._in_replay):
            items += [Item((("", "text"),)), Item(((title, "title"),))]
            for key in keys:
                names = [key.shown, *[""] * len(key.help)]
                items += [
                    Item(((f"  {name.ljust(KEY_WIDTH)}", "key"), (piece, "text")))
                    for name, piece in zip(names, wrap(key.help, room), strict=False)
                ]
        listing.show_items(items[1:])

    def action_close(self) -> None:
        """Back to the screen below."""
        self.dismiss(None)


def is_too_small(size: Size) -> bool:
    """Whether no screen has room."""
    return size.width < SMALLEST[0] or size.height < SMALLEST[1]


class TooSmall(ModalScreen[None]):
    """Shown while the terminal has no room for any screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.quit", "quit")]

    def compose(self) -> ComposeResult:
        """One plain sentence."""
        yield Static("The terminal is too small.\nstressdash needs 60 x 16 cells.\nq quits.", id="too-small")

    def on_screen_resume(self) -> None:
        """It may have grown while a question lay on top."""
        if not is_too_small(self.app.size):
            self.app.pop_screen()
