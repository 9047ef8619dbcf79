"""The line that `/` opens: filters while it is typed, enter keeps the filter, esc clears it."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

__all__ = ["FilterPrompt"]


class FilterPrompt(Input):
    """One line at the bottom of a screen, hidden while not in use.

    Focus moves at once, not with the next drawing: whoever types ahead means the line, and later the list.
    """

    DEFAULT_CSS = """
    FilterPrompt { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    FilterPrompt:focus { border: none; }
    """

    @dataclass
    class Filtered(Message):
        """The filter has changed."""

        pattern: str

    def __init__(self) -> None:
        super().__init__(
            placeholder="filter: words that must occur, !word for words that must not", compact=True
        )
        self.cursor_blink = False
        self._listing: Widget | None = None

    def open(self, listing: Widget) -> None:
        """Show the prompt with the filter in force; `listing` gets the keys afterwards."""
        self._listing = listing
        self.display = True
        self.screen.set_focus(self)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as it is typed."""
        event.stop()
        self.post_message(self.Filtered(self.value))

    def on_key(self, event: events.Key) -> None:
        """Enter keeps the filter, esc takes it away; keys that come after are for the list."""
        if not self.display:
            self.app.post_message(events.Key(event.key, event.character))
        elif event.key == "escape":
            self.value = ""
            self._close()
        elif event.key == "enter":
            self._close()
        else:
            return
        event.stop()
        event.prevent_default()

    def _close(self) -> None:
        self.display = False
        self.screen.set_focus(self._listing)
