"""A row of tabs: the chosen one in brackets, the others to be clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from stressdash.tui.lines import Line, clean
from stressdash.tui.widgets.panel import Panel

__all__ = ["Tabs"]


class Tabs(Panel):
    """The names of a screen's tabs.

    Args:
        names: in order, the first one chosen.
    """

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        name: str

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = tuple(names)
        self._chosen = self._names[0]
        self._words = ""
        self._cells: list[tuple[int, int, str]] = []

    def show(self, chosen: str, words: str = "") -> None:
        """Mark a tab; `words` say what it is narrowed down to."""
        self._chosen, self._words = chosen, words
        self.recompose_lines()

    def neighbour(self, step: int) -> str:
        """The tab so many places on, round and round."""
        return self._names[(self._names.index(self._chosen) + step) % len(self._names)]

    def compose_lines(self, width: int) -> Sequence[Line]:  # noqa: ARG002 - what does not fit is cut
        """One line."""
        line: Line = []
        self._cells = []
        x = 0
        for name in self._names:
            text = f"[{name.capitalize()}]" if name == self._chosen else f" {name.capitalize()} "
            line.append((text, "key" if name == self._chosen else "dim"))
            self._cells.append((x, x + len(text), name))
            x += len(text)
        if self._words:
            line += [("  only ", "dim"), (clean(self._words), "warn"), ("  esc shows all", "dim")]
        return [line]

    def on_click(self, event: events.Click) -> None:
        """Choose the tab under the pointer."""
        for start, end, name in self._cells:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))
