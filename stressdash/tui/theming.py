"""Themes: files that ship with the product or lie in the user's folder, and the palette of the one in use.

A theme file is TOML: `name`, `dark`, a table `[colors]` with Textual's colour names, and `series`, the eight
colours of curves. A file that cannot be used is skipped with one sentence that says why.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App
from textual.color import Color, ColorParseError
from textual.theme import Theme

from stressdash.errors import BadInput
from stressdash.tui.palette import SERIES_COUNT, Palette

__all__ = ["DEFAULT_THEME", "MONOCHROME_THEME", "load_themes", "palette_of", "parse_theme"]

DEFAULT_THEME = "stressdash-dark"
MONOCHROME_THEME = "ansi-dark"
COLOR_NAMES = (
    "primary",
    "secondary",
    "accent",
    "warning",
    "error",
    "success",
    "foreground",
    "background",
    "surface",
    "panel",
)
KNOWN_KEYS = {"name", "dark", "colors", "series"}
LONGEST_FILE = 64 * 1024

_palettes: WeakKeyDictionary[App[Any], tuple[str, Palette]] = WeakKeyDictionary()


def palette_of(app: App[Any]) -> Palette:
    """The palette of the app's theme; the same object until the theme changes."""
    known = _palettes.get(app)
    if known is None or known[0] != app.theme:
        known = (app.theme, Palette(app.theme_variables, ansi=app.native_ansi_color))
        _palettes[app] = known
    return known[1]


def load_themes(*folders: Path) -> tuple[list[Theme], list[str]]:
    """Themes of all `*.toml` in the folders (later ones win by name), and a sentence for each bad file."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        try:
            with path.open(encoding="utf-8") as file:
                theme = parse_theme(file.read(LONGEST_FILE))
        except (OSError, UnicodeDecodeError, BadInput) as error:
            problems.append(f"Theme {path} was skipped: {error}.")
        else:
            themes[theme.name] = theme
    return list(themes.values()), problems


def parse_theme(text: str) -> Theme:
    """A theme from the text of its file.

    Raises:
        BadInput: what is wrong with it, as the end of a sentence.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"it is not TOML: {error}") from error
    name = data.get("name")
    if not isinstance(name, str) or not name.isprintable() or not name.strip():
        raise BadInput("it has no name")
    if unknown := sorted(set(data) - KNOWN_KEYS):
        raise BadInput(f"it has the unknown key {unknown[0]!r}")
    dark = data.get("dark", True)
    if not isinstance(dark, bool):
        raise BadInput("dark must be true or false")
    colors = _colors(data.get("colors"))
    return Theme(name=name, dark=dark, variables=_series(data.get("series", [])), **colors)


def _colors(table: Any) -> dict[str, Any]:
    if not isinstance(table, Mapping) or "primary" not in table:
        raise BadInput("it has no table [colors] with a primary colour")
    if unknown := sorted(set(table) - set(COLOR_NAMES)):
        raise BadInput(f"{unknown[0]!r} is not one of the colours {', '.join(COLOR_NAMES)}")
    return {name: _color(value) for name, value in table.items()}


def _series(values: Any) -> dict[str, str]:
    if not isinstance(values, list) or len(values) not in (0, SERIES_COUNT):
        raise BadInput(f"series must list {SERIES_COUNT} colours")
    return {f"series-{index}": _color(value) for index, value in enumerate(values)}


def _color(value: Any) -> str:
    try:
        return Color.parse(value).hex if isinstance(value, str) else _color(str(value))
    except ColorParseError as error:
        raise BadInput(f"{value!r} is not a colour") from error
