"""A panel: composed lines on Textual's line API, where only lines that changed are drawn again."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from stressdash.tui.lines import Line, crop, ends
from stressdash.tui.palette import Palette
from stressdash.tui.theming import palette_of
from stressdash.tui.view import View

__all__ = ["Panel", "Title", "ViewPanel"]


class Panel(Widget):
    """A widget made of lines. Subclasses answer `compose_lines` from what they were last shown."""

    DEFAULT_CSS = "Panel { height: 1; }"

    def __init__(self, panel_id: str | None = None) -> None:
        super().__init__(id=panel_id)
        self._lines: list[Line] = []
        self._strips: list[Strip | None] = []
        self._palette: Palette | None = None

    def compose_lines(self, width: int) -> Sequence[Line]:
        """The panel's lines for this width, from the top."""
        raise NotImplementedError

    def recompose_lines(self) -> None:
        """Compose again and draw what has changed; nothing while the panel cannot be seen."""
        size = self.size
        if not self.is_attached or not size.width or not size.height:
            return
        palette = palette_of(self.app)
        lines = [crop(line, size.width) for line in self.compose_lines(size.width)]
        if palette is not self._palette or len(lines) != len(self._lines):
            self._palette, self._lines, self._strips = palette, lines, [None] * len(lines)
            self.refresh()
            return
        changed = [y for y, line in enumerate(lines) if line != self._lines[y]]
        self._lines = lines
        for y in changed:
            self._strips[y] = None
        if changed:
            self.refresh(*(Region(0, y, size.width, 1) for y in changed if y < size.height))

    def on_mount(self) -> None:
        """Another theme draws everything anew."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.recompose_lines())

    def on_resize(self, _event: events.Resize) -> None:
        """Lines depend on the size."""
        self.recompose_lines()

    def on_show(self) -> None:
        """A panel that was hidden has missed what happened."""
        self.recompose_lines()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's signature
        """As many rows as there are lines, where the style says `auto`."""
        return max(1, len(self._lines))

    def render_line(self, y: int) -> Strip:
        """One line, from the cache when nothing changed."""
        if self._palette is None or y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        strip = self._strips[y]
        if strip is None:
            strip = self._palette.strip(self._lines[y]).apply_style(self.rich_style)
            self._strips[y] = strip
        return strip


class Title(Panel):
    """A heading that can change."""

    def __init__(self, panel_id: str, words: Line | None = None) -> None:
        super().__init__(panel_id)
        self._left: Line = words or []
        self._right: Line = []

    def show(self, left: Line, right: Line | None = None) -> None:
        """Draw other words."""
        self._left, self._right = left, right or []
        self.recompose_lines()

    def compose_lines(self, width: int) -> Sequence[Line]:
        """The words."""
        return [ends(self._left, self._right, width)]


class ViewPanel(Panel):
    """A panel that draws views of the session. Subclasses answer `view_lines`."""

    def __init__(self, panel_id: str | None = None) -> None:
        super().__init__(panel_id)
        self.view: View | None = None

    def show(self, view: View) -> None:
        """Draw a new view."""
        self.view = view
        self.recompose_lines()

    def compose_lines(self, width: int) -> Sequence[Line]:
        """Nothing before the first view."""
        return self.view_lines(self.view, width) if self.view is not None else []

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """The lines that show a view."""
        raise NotImplementedError
