"""Roles to styles: the one place that knows colours, all of them taken from the theme in use."""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.strip import Strip

from stressdash.tui.lines import Line

__all__ = ["SERIES_COUNT", "Palette"]

SERIES_COUNT = 8
OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2", "#999999")
ANSI_SERIES = (
    "ansi_yellow",
    "ansi_cyan",
    "ansi_green",
    "ansi_magenta",
    "ansi_red",
    "ansi_blue",
    "ansi_bright_yellow",
    "ansi_bright_cyan",
)
MUTED = 0.42
PROVISIONAL = 0.45

# role: (theme variable, share blended into the background, bold, reverse)
ROLES: Mapping[str, tuple[str, float, bool, bool]] = {
    "text": ("foreground", 0.0, False, False),
    "strong": ("foreground", 0.0, True, False),
    "dim": ("foreground", MUTED, False, False),
    "title": ("primary", 0.0, True, False),
    "accent": ("accent", 0.0, False, False),
    "key": ("accent", 0.0, True, False),
    "good": ("success", 0.0, False, False),
    "warn": ("warning", 0.0, False, False),
    "bad": ("error", 0.0, True, False),
    "selected": ("primary", 0.0, True, True),
    "badge": ("warning", 0.0, True, True),
    "axis": ("foreground", 0.65, False, False),
    "axis-label": ("foreground", MUTED, False, False),
    "mark": ("secondary", 0.0, False, False),
}


class Palette:
    """Styles of one theme, made when first asked for."""

    def __init__(self, variables: Mapping[str, str], *, ansi: bool = False) -> None:
        self.ansi = ansi
        self._variables = variables
        self._styles: dict[str, Style] = {}
        self._background = self._color("background", "#000000")

    def style(self, role: str) -> Style:
        """The style of a role, unknown ones like plain text; `cursor:role` is the role under a cursor."""
        found = self._styles.get(role)
        if found is None:
            found = self._styles[role] = self._make(role)
        return found

    def strip(self, line: Line) -> Strip:
        """A line, ready to draw."""
        return Strip([Segment(text, self.style(role)) for text, role in line if text])

    def _make(self, role: str) -> Style:
        if role.startswith("cursor:"):
            return self._cursor(self.style(role.removeprefix("cursor:")))
        if role.startswith("series-"):
            return self._series(role)
        variable, faded, bold, reverse = ROLES.get(role, ROLES["text"])
        return self._style(self._color(variable, "#ffffff"), faded=faded, bold=bold, reverse=reverse)

    def _cursor(self, style: Style) -> Style:
        if self.ansi:
            return style + Style(reverse=True, dim=False)
        surface = self._background.blend(self._color("primary", "#888888"), 0.3)
        return style + Style(bgcolor=surface.rich_color, bold=True)

    def _series(self, role: str) -> Style:
        index = int(role.split("-")[1])
        fallback = (ANSI_SERIES if self.ansi else OKABE_ITO)[index]
        color = self._color(f"series-{index}", fallback)
        return self._style(color, faded=PROVISIONAL if role.endswith("provisional") else 0.0)

    def _style(self, color: Color, *, faded: float, bold: bool = False, reverse: bool = False) -> Style:
        if self.ansi:
            return Style(color=color.rich_color, dim=bool(faded), bold=bold, reverse=reverse)
        blended = color.blend(self._background, faded) if faded else color
        return Style(color=blended.rich_color, bold=bold, reverse=reverse)

    def _color(self, variable: str, fallback: str) -> Color:
        try:
            return Color.parse(self._variables.get(variable, fallback))
        except ColorParseError:
            return Color.parse(fallback)
