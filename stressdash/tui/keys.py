"""Every key, once: bindings, footer, help, palette and the manual are all made from this table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType

__all__ = ["KEYS", "PLACES", "Key", "bindings", "footer", "help_groups", "key_markdown", "palette"]

PLACES = {
    "app": "Everywhere",
    "live": "Live",
    "errors": "Errors",
    "error": "An opened error",
    "stack": "Stack",
    "knobs": "Knobs",
    "list": "Lists and logs",
    "slider": "Sliders",
}
"""Where a key works, in the order of the help page."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key or pair of keys, and what it does in one place."""

    keys: str
    """Textual's names, comma-separated."""
    shown: str
    """As printed on the keyboard."""
    action: str
    label: str
    """One or two words for the footer."""
    help: str
    """What it does, a short sentence without a full stop."""
    place: str
    footers: tuple[str, ...] = ()
    """Screens whose footer shows it."""
    in_palette: bool = False


KEYS: tuple[Key, ...] = (
    Key(
        "s", "s", "toggle_load", "start/stop", "Start the load, or stop it", "app", ("live",), in_palette=True
    ),
    Key("r", "r", "run_again", "again", "Run again with the present settings", "app", (), in_palette=True),
    Key(
        "p", "p", "toggle_pause", "pause", "Send nothing new until pressed again", "app", (), in_palette=True
    ),
    Key("plus", "+", "step_connections(1)", "± conns", "More connections", "app", ("live",)),
    Key("minus", "-", "step_connections(-1)", "", "Fewer connections", "app"),
    Key("equals_sign", "=", "type_value", "type", "Type a value into the focused slider", "app", ("live",)),
    Key(
        "z", "z", "maximise", "max", "Show one chart on the whole screen", "live", ("live",), in_palette=True
    ),
    Key("c", "c", "next_chart", "chart", "Next chart", "live", (), in_palette=True),
    Key(
        "space",
        "space",
        "freeze",
        "freeze",
        "Freeze the view; the load goes on",
        "app",
        ("live", "errors"),
        in_palette=True,
    ),
    Key("left_square_bracket", "[", "zoom(-1)", "", "Shorter time window", "app"),
    Key(
        "right_square_bracket", "]", "zoom(1)", "[ ] window", "Longer time window, up to the whole run", "app"
    ),
    Key(
        "slash",
        "/",
        "filter",
        "filter",
        "Filter by words; ! before a word turns it round",
        "app",
        ("live", "errors", "stack"),
    ),
    Key("t", "t", "sort", "sort", "Next order of the list", "errors", ("errors",)),
    Key("m", "m", "mute", "mute", "Mute the selected error, or hear it again", "app", ("errors", "error")),
    Key(
        "K",
        "K",
        "knobs",
        "knobs",
        "Go to the knobs that govern what is shown",
        "app",
        ("errors",),
        in_palette=True,
    ),
    Key(
        "y",
        "y",
        "copy",
        "copy",
        "Copy a value, query, curl or wrk line",
        "app",
        ("errors", "error"),
        in_palette=True,
    ),
    Key(
        "e",
        "e",
        "export",
        "export",
        "Write the run as JSON into the state folder",
        "app",
        (),
        in_palette=True,
    ),
    Key(
        "1",
        "1",
        "mode('live')",
        "live",
        "Live: rates, latency, errors",
        "app",
        ("errors", "stack"),
        in_palette=True,
    ),
    Key(
        "2",
        "2",
        "mode('errors')",
        "errors",
        "Errors: every kind of failure",
        "app",
        ("stack",),
        in_palette=True,
    ),
    Key(
        "3",
        "3",
        "mode('stack')",
        "stack",
        "Stack: components, logs and knobs",
        "app",
        ("errors",),
        in_palette=True,
    ),
    Key("ctrl+p", "ctrl+p", "command_palette", "palette", "Every command, by name", "app"),
    Key(
        "question_mark",
        "?",
        "help",
        "help",
        "This page",
        "app",
        ("live", "errors", "error", "stack"),
        in_palette=True,
    ),
    Key(
        "q,ctrl+c,ctrl+q",
        "q",
        "quit",
        "quit",
        "Quit; asks while load runs",
        "app",
        ("stack",),
        in_palette=True,
    ),
    Key("tab", "tab", "app.focus_next", "next", "Next part of the screen", "app", ("stack",)),
    Key("shift+tab", "shift+tab", "app.focus_previous", "", "Part before", "app"),
    Key("tab", "tab", "next_part(1)", "part", "Next part of the page", "error", ("error",)),
    Key("shift+tab", "shift+tab", "next_part(-1)", "", "Part before", "error"),
    Key("comma", ",", "sample(-1)", ", . sample", "Newer sample", "error", ("error",)),
    Key("full_stop", ".", "sample(1)", "", "Older sample", "error"),
    Key("o", "o", "occurrence", "window", "Show the charts at the time of this error", "error", ("error",)),
    Key("escape", "esc", "back", "back", "Back to where you came from", "app", ("error",)),
    Key("u", "u", "component('start')", "up", "Start the selected component", "stack", ("stack",)),
    Key("d", "d", "component('stop')", "down", "Stop the selected component; asks", "stack", ("stack",)),
    Key(
        "R",
        "R",
        "component('restart')",
        "restart",
        "Restart the selected component; asks",
        "stack",
        ("stack",),
    ),
    Key("X", "X", "component('kill')", "kill", "Kill the selected component; asks", "stack", ("stack",)),
    Key("f", "f", "follow", "follow", "Keep the log at its end", "stack", ("stack",)),
    Key("enter", "enter", "edit", "set", "Type a new value, or take the next choice", "knobs", ("stack",)),
    Key("right,l", "→", "turn(1)", "", "Next choice", "knobs"),
    Key("left,h", "←", "turn(-1)", "", "Choice before", "knobs"),
    Key("down,j", "↓ j", "move(1)", "", "Next line", "list"),
    Key("up,k", "↑ k", "move(-1)", "", "Line before", "list"),
    Key("pagedown", "page down", "page(1)", "", "A page on", "list"),
    Key("pageup", "page up", "page(-1)", "", "A page back", "list"),
    Key("home,g", "home", "move(-1000000)", "", "First line", "list"),
    Key("end,G", "end", "move(1000000)", "", "Last line", "list"),
    Key("enter", "enter", "open", "open", "Open, unfold", "list", ("live", "errors")),
    Key("right,l", "→", "step(1)", "", "A little more", "slider"),
    Key("left,h", "←", "step(-1)", "", "A little less", "slider"),
    Key("shift+right,pageup", "shift →", "coarse(1)", "", "Much more", "slider"),
    Key("shift+left,pagedown", "shift ←", "coarse(-1)", "", "Much less", "slider"),
    Key("home", "home", "edge(0)", "", "The smallest value", "slider"),
    Key("end", "end", "edge(1)", "", "The largest value", "slider"),
)


def bindings(place: str) -> list[BindingType]:
    """Textual's bindings of one place."""
    return [
        Binding(key.keys, key.action, key.help, show=False, priority=key.action == "quit" and place == "app")
        for key in KEYS
        if key.place == place
    ]


def footer(screen: str) -> tuple[Key, ...]:
    """Keys of a screen's footer, in the order of the table."""
    return tuple(key for key in KEYS if screen in key.footers)


def palette() -> tuple[Key, ...]:
    """Keys whose action the command palette offers too."""
    return tuple(key for key in KEYS if key.in_palette)


def help_groups() -> Iterable[tuple[str, tuple[Key, ...]]]:
    """Places in order, each with its keys."""
    for place, title in PLACES.items():
        if found := tuple(key for key in KEYS if key.place == place):
            yield title, found


def key_markdown() -> str:
    """The table of keys for the manual."""
    lines = []
    for title, keys in help_groups():
        lines += [f"### {title}", "", "| key | what it does |", "| --- | --- |"]
        lines += [f"| `{key.shown}` | {key.help} |" for key in keys]
        lines.append("")
    return "\n".join(lines)
