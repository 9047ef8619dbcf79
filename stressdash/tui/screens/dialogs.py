"""Small screens over the others: a question, a menu, the help page, and 'the terminal is too small'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from stressdash.tui.keys import help_groups
from stressdash.tui.lines import clean
from stressdash.tui.widgets.listing import Item, Listing

__all__ = ["Ask", "Choose", "Confirm", "Help", "Lines", "TooSmall"]

KEY_WIDTH = 12


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
        """Fill the list."""
        listing = self.query_one(Listing)
        listing.show_items([Item(((clean(line), "text"),)) for line in self._lines])
        listing.focus()

    def action_close(self) -> None:
        """Back to the screen below."""
        self.dismiss(None)


class Help(ModalScreen[None]):
    """All keys, from their table; in a replay those that do something there."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "close", "close")]

    def __init__(self, *, in_replay: bool = False) -> None:
        super().__init__()
        self._in_replay = in_replay

    def compose(self) -> ComposeResult:
        """A list that scrolls."""
        with Vertical(classes="dialog -large"):
            yield Static(Content("Keys   (↑ ↓ scroll, esc closes)"))
            yield Listing("help-list")

    def on_mount(self) -> None:
        """Fill the list."""
        items: list[Item] = []
        for title, keys in help_groups(in_replay=self._in_replay):
            items += [Item((("", "text"),)), Item(((title, "title"),))]
            items += [Item(((f"  {key.shown.ljust(KEY_WIDTH)}", "key"), (key.help, "text"))) for key in keys]
        listing = self.query_one(Listing)
        listing.show_items(items[1:])
        listing.focus()

    def action_close(self) -> None:
        """Back to the screen below."""
        self.dismiss(None)


class TooSmall(ModalScreen[None]):
    """Shown while the terminal has no room for any screen."""

    def compose(self) -> ComposeResult:
        """One plain sentence."""
        yield Static("The terminal is too small.\nstressdash needs 60 x 16 cells.\nq quits.", id="too-small")
