"""Every key, once: bindings, footer, help, palette and the manual are all made from this table.

What a key does in one place wins over what it does everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType

__all__ = ["FOOTERS", "KEYS", "PLACES", "Key", "bindings", "footer", "help_groups", "key_markdown", "palette"]

PLACES = {
    "app": "Everywhere",
    "live": "Live",
    "errors": "Errors",
    "error": "An opened error",
    "stack": "Stack",
    "knobs": "Knobs",
    "runs": "Runs",
    "comparison": "A comparison",
    "lab": "Lab",
    "replay": "A replay",
    "tour": "The tour",
    "list": "Lists and logs",
    "slider": "Sliders",
}
"""Where a key works, in the order of the help page."""

LIVE_ONLY = frozenset(
    ("toggle_load", "run_again", "step_connections", "toggle_loop", "type_value", "step", "coarse", "edge")
) | frozenset(("edit", "turn", "component", "hold", "processes", "scope"))
"""Actions that no replay offers: there is nothing in it to load, to turn or to ask."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key or pair of keys, and what it does in one place."""

    keys: str
    """Textual's names, comma-separated."""
    shown: str
    """As printed on the keyboard."""
    action: str
    label: str
    """Words for the footer. Before a bar stands what is printed there instead of the one key; a slash parts
    what the key does from what it does while that is in force."""
    help: str
    """What it does, a short sentence without a full stop."""
    place: str
    in_palette: bool = False

    @property
    def is_live_only(self) -> bool:
        """Whether it does nothing in a replay."""
        return self.action.partition("(")[0] in LIVE_ONLY


KEYS: tuple[Key, ...] = (
    Key("s", "s", "toggle_load", "start/stop", "Start the load, or stop it", "app", in_palette=True),
    Key("r", "r", "run_again", "again", "Run again with the present settings", "app", in_palette=True),
    Key(
        "p",
        "p",
        "toggle_pause",
        "pause/resume",
        "Send nothing new until pressed again",
        "app",
        in_palette=True,
    ),
    Key("plus", "+", "step_connections(1)", "±|conns", "More connections", "app"),
    Key("minus", "-", "step_connections(-1)", "", "Fewer connections", "app"),
    Key("O", "O", "toggle_loop", "loop", "Open the loop at a rate, or close it", "live", in_palette=True),
    Key("equals_sign", "=", "type_value", "type", "Type a value into the focused slider", "live"),
    Key("z", "z", "maximise", "max", "Show one chart on the whole screen", "live", in_palette=True),
    Key("c", "c", "next_chart", "chart", "Next chart", "live", in_palette=True),
    Key("B", "B", "markers", "", "Draw charts with braille, blocks or ASCII", "live", in_palette=True),
    Key(
        "space",
        "space",
        "freeze",
        "freeze/unfreeze",
        "Freeze the view; the load goes on",
        "app",
        in_palette=True,
    ),
    Key("left_square_bracket", "[", "zoom(-1)", "", "Shorter time window", "app"),
    Key(
        "right_square_bracket", "]", "zoom(1)", "[ ]|window", "Longer time window, up to the whole run", "app"
    ),
    Key("slash", "/", "screen.filter", "filter", "Filter by words; ! before a word turns it round", "app"),
    Key("right,l", "→", "tab(1)", "→|APM", "The next view of APM: services, transactions, latency", "errors"),
    Key("left,h", "←", "tab(-1)", "", "The view before", "errors"),
    Key(
        "A",
        "A",
        "scope",
        "service",
        "Whose APM data are shown, from a menu of what was found",
        "errors",
    ),
    Key("t", "t", "sort", "sort", "Next order of the list", "errors"),
    Key("m", "m", "mute", "mute", "Mute the selected error, or hear it again", "errors"),
    Key("K", "K", "knobs", "knobs", "The knobs that govern what is shown", "app", in_palette=True),
    Key("w", "w", "words", "all words", "All that the last line has to say, in full", "app", in_palette=True),
    Key("y", "y", "copy", "copy", "Copy a value, query, curl or wrk line", "app", in_palette=True),
    Key("e", "e", "export", "export", "Write the run as JSON into the state folder", "app", in_palette=True),
    Key("1", "1", "mode('live')", "live", "Live: rates, latency, errors", "app", in_palette=True),
    Key("2", "2", "mode('errors')", "errors", "Errors: every kind of failure", "app", in_palette=True),
    Key("3", "3", "mode('stack')", "stack", "Stack: components, logs and knobs", "app", in_palette=True),
    Key("4", "4", "mode('runs')", "runs", "Runs: what was recorded", "app", in_palette=True),
    Key("5", "5", "mode('lab')", "lab", "Lab: one knob changed, and the difference", "app", in_palette=True),
    Key("ctrl+p,colon", "ctrl+p :", "command_palette", "palette", "Every command, by name", "app"),
    Key("question_mark", "?", "help", "help", "This page", "app", in_palette=True),
    Key("q", "q", "quit", "quit", "Quit; asks while load runs", "app", in_palette=True),
    Key("ctrl+c,ctrl+q", "ctrl+c", "quit", "", "The same, also while you type", "app"),
    Key("tab", "tab", "app.focus_next", "next", "Next part of the screen", "app"),
    Key("shift+tab", "shift+tab", "app.focus_previous", "", "Part before", "app"),
    Key("escape", "esc", "back", "back", "Back to where you came from", "app"),
    Key("tab", "tab", "next_part(1)", "part", "Next part of the page", "error"),
    Key("shift+tab", "shift+tab", "next_part(-1)", "", "Part before", "error"),
    Key("comma", ",", "sample(-1)", ", .|sample", "Newer sample", "error"),
    Key("full_stop", ".", "sample(1)", "", "Older sample", "error"),
    Key("o", "o", "occurrence", "window of occurrence", "The charts at the time of this error", "error"),
    Key("m", "m", "mute", "mute", "Mute this error, or hear it again", "error"),
    Key("u", "u", "component('start')", "up", "Start the selected component", "stack", in_palette=True),
    Key("d", "d", "component('stop')", "down", "Stop the selected component; asks", "stack", in_palette=True),
    Key(
        "R",
        "R",
        "component('restart')",
        "restart",
        "Restart the selected component; asks",
        "stack",
        in_palette=True,
    ),
    Key("X", "X", "component('kill')", "kill", "Kill the selected component; asks", "stack", in_palette=True),
    Key(
        "H",
        "H",
        "hold",
        "hold",
        "Pause the selected component, which asks, or let it go on",
        "stack",
        in_palette=True,
    ),
    Key("P", "P", "processes", "processes", "Who is connected to the database, as it tells", "stack"),
    Key("f", "f", "follow", "follow", "Keep the log at its end", "stack"),
    Key(
        "a",
        "a",
        "put('A')",
        "a b|sides",
        "Put the selected run on side A, before, or take it off",
        "runs",
    ),
    Key("b", "b", "put('B')", "", "The same with side B, after", "runs"),
    Key("A", "A", "put_all('A')", "", "Put all runs that pass the filter on side A, or off it", "runs"),
    Key("B", "B", "put_all('B')", "", "The same with side B", "runs"),
    Key("u", "u", "clear_sides", "", "Take every run off its side", "runs"),
    Key("c", "c", "compare", "compare", "Hold the runs of side B against those of side A", "runs"),
    Key("t", "t", "tag", "tag", "Change the selected run's tags; a tagged run is kept", "runs"),
    Key("n", "n", "note", "note", "Write a note beside the selected run", "runs"),
    Key("o", "o", "summary", "figures", "What the selected run has shown, as text", "runs"),
    Key("e", "e", "export", "export", "Write the selected run as one file into the state folder", "runs"),
    Key("H", "H", "page", "page", "Write the selected run as an HTML page into the state folder", "runs"),
    Key("i", "i", "take_in", "import", "Import a run from a file that was exported", "runs"),
    Key("X", "X", "delete", "delete", "Delete the selected run; asks", "runs"),
    Key("H", "H", "page", "page", "Write the comparison as an HTML page into the state folder", "comparison"),
    Key("e", "e", "export", "JSON", "Write the comparison as JSON into the state folder", "comparison"),
    Key("less_than_sign", "<", "play('back')", "< >|10 s", "Ten seconds back", "replay"),
    Key("greater_than_sign", ">", "play('on')", "", "Ten seconds on", "replay"),
    Key("comma", ",", "play('step back')", ", .|step", "Stop, and one step of 100 ms back", "replay"),
    Key("full_stop", ".", "play('step')", "", "Stop, and one step of 100 ms on", "replay"),
    Key("left_parenthesis", "(", "play('slower')", "( )|speed", "Slower", "replay"),
    Key("right_parenthesis", ")", "play('faster')", "", "Faster", "replay"),
    Key("left_curly_bracket", "{", "play('start')", "{ }|ends", "To the start", "replay"),
    Key("right_curly_bracket", "}", "play('end')", "", "To the end", "replay"),
    Key("enter", "enter", "edit", "set knob", "Type a new value, or take the next choice", "knobs"),
    Key("right,l", "→", "turn(1)", "", "Next choice", "knobs"),
    Key("left,h", "←", "turn(-1)", "", "Choice before", "knobs"),
    Key("n", "n", "tour(1)", "next", "Next step of the tour", "tour"),
    Key("N", "N", "tour(-1)", "back", "Step before", "tour"),
    Key("down,j", "↓ j", "move(1)", "", "Next line", "list"),
    Key("up,k", "↑ k", "move(-1)", "", "Line before", "list"),
    Key("pagedown", "page down", "page(1)", "", "A page on", "list"),
    Key("pageup", "page up", "page(-1)", "", "A page back", "list"),
    Key("home,g", "home g", "move(-1000000)", "", "First line; errors are sorted anew there", "list"),
    Key("end,G", "end G", "move(1000000)", "", "Last line", "list"),
    Key("enter", "enter", "open", "open", "Open, unfold", "list"),
    Key("right,l", "→", "step(1)", "", "A little more", "slider"),
    Key("left,h", "←", "step(-1)", "", "A little less", "slider"),
    Key("shift+right,pageup", "shift →", "coarse(1)", "", "Much more", "slider"),
    Key("shift+left,pagedown", "shift ←", "coarse(-1)", "", "Much less", "slider"),
    Key("home", "home", "edge(0)", "", "The smallest value", "slider"),
    Key("end", "end", "edge(1)", "", "The largest value", "slider"),
)

FOOTERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "live": (
        ("app", "s"),
        ("app", "+"),
        ("live", "="),
        ("live", "z"),
        ("app", "space"),
        ("app", "/"),
        ("list", "enter"),
        ("live", "O"),
        ("app", "]"),
        ("live", "c"),
        ("app", "2"),
        ("app", "3"),
        ("app", "4"),
        ("app", "q"),
        ("app", "?"),
    ),
    "errors": (
        ("list", "enter"),
        ("errors", "→"),
        ("app", "/"),
        ("errors", "t"),
        ("errors", "m"),
        ("app", "y"),
        ("errors", "A"),
        ("app", "K"),
        ("app", "space"),
        ("app", "1"),
        ("app", "3"),
        ("app", "?"),
    ),
    "error": (
        ("error", "tab"),
        ("error", ","),
        ("error", "o"),
        ("app", "y"),
        ("error", "m"),
        ("app", "esc"),
        ("app", "?"),
    ),
    "trace": (("app", "esc"), ("app", "1"), ("app", "2"), ("app", "?")),
    "stack": (
        ("app", "tab"),
        ("stack", "u"),
        ("stack", "d"),
        ("stack", "R"),
        ("stack", "X"),
        ("stack", "H"),
        ("knobs", "enter"),
        ("stack", "P"),
        ("stack", "f"),
        ("app", "/"),
        ("app", "1"),
        ("app", "?"),
    ),
    "runs": (
        ("list", "enter"),
        ("runs", "a"),
        ("runs", "c"),
        ("runs", "t"),
        ("runs", "n"),
        ("runs", "o"),
        ("runs", "e"),
        ("runs", "X"),
        ("runs", "i"),
        ("runs", "H"),
        ("app", "/"),
        ("app", "1"),
        ("app", "?"),
    ),
    "comparison": (
        ("comparison", "H"),
        ("comparison", "e"),
        ("app", "esc"),
        ("app", "1"),
        ("app", "?"),
    ),
    "lab": (
        ("knobs", "enter"),
        ("app", "r"),
        ("app", "s"),
        ("app", "1"),
        ("app", "2"),
        ("app", "4"),
        ("app", "?"),
    ),
    "replay": (
        ("app", "p"),
        ("replay", "<"),
        ("replay", ","),
        ("replay", "("),
        ("replay", "{"),
        ("list", "enter"),
        ("app", "esc"),
        ("app", "]"),
        ("app", "2"),
        ("app", "3"),
        ("app", "?"),
    ),
    "maximised": (("app", "esc"), ("live", "c"), ("app", "]"), ("app", "space"), ("app", "?")),
}
"""Screen to the keys of its footer by place and printed name, most useful first; the last is always shown."""


def bindings(place: str) -> list[BindingType]:
    """Textual's bindings of one place."""
    return [
        Binding(key.keys, key.action, key.help, show=False, priority=key.keys.startswith("ctrl+c"))
        for key in KEYS
        if key.place == place
    ]


def footer(screen: str, *, in_replay: bool = False) -> tuple[Key, ...]:
    """Keys of a screen's footer, most useful first."""
    by_name = {(key.place, key.shown): key for key in KEYS}
    return _offered((by_name[name] for name in FOOTERS[screen]), in_replay=in_replay)


def palette(*, in_replay: bool = False) -> tuple[Key, ...]:
    """Keys whose action the command palette offers too."""
    return _offered((key for key in KEYS if key.in_palette), in_replay=in_replay)


def help_groups(first: str = "", *, in_replay: bool = False) -> Iterable[tuple[str, tuple[Key, ...]]]:
    """Places in order, but the one named comes before the others; each with its keys."""
    for place, title in sorted(PLACES.items(), key=lambda named: named[0] != first):
        if found := _offered((key for key in KEYS if key.place == place), in_replay=in_replay):
            yield title, found


def _offered(keys: Iterable[Key], *, in_replay: bool) -> tuple[Key, ...]:
    return tuple(key for key in keys if not (in_replay and key.is_live_only))


def key_markdown() -> str:
    """The table of keys for the manual."""
    lines = []
    for title, keys in help_groups():
        lines += [f"### {title}", "", "| key | what it does |", "| --- | --- |"]
        lines += [f"| `{key.shown}` | {key.help} |" for key in keys]
        lines.append("")
    return "\n".join(lines)
