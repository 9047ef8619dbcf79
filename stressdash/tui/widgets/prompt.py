"""The line that `/` opens: filters while it is typed, enter keeps the filter, esc clears it."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widgets import Input

__all__ = ["FilterPrompt"]


class FilterPrompt(Input):
    """One line at the bottom of a screen, hidden while not in use."""

    DEFAULT_CSS = """
    FilterPrompt { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    FilterPrompt:focus { border: none; }
    FilterPrompt.-open { display: block; }
    """

    @dataclass
    class Filtered(Message):
        """The filter has changed."""

        pattern: str

    @dataclass
    class Closed(Message):
        """The prompt is done; focus goes back to the list."""

    def __init__(self) -> None:
        super().__init__(
            placeholder="filter: words that must occur, !word for words that must not", compact=True
        )
        self.cursor_blink = False

    def open(self) -> None:
        """Show the prompt with the filter in force."""
        self.add_class("-open")
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as it is typed."""
        event.stop()
        self.post_message(self.Filtered(self.value))

    def on_key(self, event: events.Key) -> None:
        """Enter keeps the filter, esc takes it away; keys typed before the focus moves are for the list."""
        if not self.has_class("-open"):
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
        self.remove_class("-open")
        self.post_message(self.Closed())
