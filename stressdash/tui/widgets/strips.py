"""One-line strips: the components, who uses the CPU, the key hints, and the status line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events

from stressdash.charts.units import UNKNOWN, quantity
from stressdash.samples import Component, ComponentState
from stressdash.snapshot import RunState, Snapshot
from stressdash.tui.keys import Key, footer
from stressdash.tui.lines import Line, clean, fit, join, line_width
from stressdash.tui.view import LOAD_STATES, View
from stressdash.tui.widgets.panel import ViewPanel

__all__ = [
    "COMPONENT_ROLES",
    "ComponentStrip",
    "CpuStrip",
    "KeyStrip",
    "StatusStrip",
    "component_symbol",
    "status_sentences",
]

COMPONENT_ROLES = {
    ComponentState.ABSENT: ("–", "dim"),
    ComponentState.STARTING: ("◌", "warn"),
    ComponentState.RUNNING: ("●", "good"),
    ComponentState.UNHEALTHY: ("▲", "warn"),
    ComponentState.PAUSED: ("‖", "warn"),
    ComponentState.STOPPING: ("◍", "warn"),
    ComponentState.STOPPED: ("○", "dim"),
    ComponentState.FAILED: ("✗", "bad"),
}
SHORT_NAMES = {"service": "svc", "database": "db"}
HIGH_INTERFERENCE = 0.3
LATE_S = 5.0
MUCH_UNREAD = 0.1
"""Share of the median latency that is the generator's own queue."""


def component_symbol(component: Component) -> tuple[str, str]:
    """A symbol that tells the state without its colour, and its role."""
    return COMPONENT_ROLES[component.state]


class ComponentStrip(ViewPanel):
    """`svc ● pool 400 wait 0    db ● 151/151 FULL    apm ● lag 1.3s`."""

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """Each component's state, and the one figure that matters of it."""
        snapshot = view.snapshot
        parts: list[Line] = []
        for component in snapshot.components:
            symbol, role = component_symbol(component)
            name = SHORT_NAMES.get(component.name, clean(component.name))
            part: Line = [(f"{name} ", "text"), (symbol, role)]
            if component.state is ComponentState.RUNNING:
                part += _figures(component.name, snapshot)
            else:
                detail = clean(component.detail)
                words = f" {component.state.value}" + (f": {detail}" if detail else "")
                part.append((fit(words, min(len(words), max(12, width // 3))), role))
            parts.append(part)
        if not parts:
            return [[("no components", "dim")]]
        return [join(parts, gap="    " if sum(map(line_width, parts)) + 8 <= width else "  ")]


def _figures(name: str, snapshot: Snapshot) -> Line:
    if name == "service":
        return _service_figures(snapshot)
    if name == "database":
        return _database_figures(snapshot)
    lag = snapshot.apm.lag_s
    if snapshot.apm.enabled is False:
        return [(" off", "warn")]
    if lag is None:
        return []
    return [(" lag ", "dim"), (f"{lag:.1f}s", "warn" if lag > LATE_S else "text")]


def _service_figures(snapshot: Snapshot) -> Line:
    pool = snapshot.service.pool if snapshot.service is not None else None
    if pool is None:
        return []
    limit = f"/{pool.max_open}" if pool.max_open else ""
    return [
        (" pool ", "dim"),
        (f"{pool.open}{limit}", "text"),
        (" wait ", "dim"),
        (f"{pool.waiting}", "warn" if pool.waiting else "text"),
    ]


def _database_figures(snapshot: Snapshot) -> Line:
    database = snapshot.database
    if database is None or database.threads_connected is None:
        return []
    limit = database.max_connections
    full = limit is not None and database.threads_connected >= limit
    line: Line = [(f" {database.threads_connected}/{limit if limit is not None else UNKNOWN}", "text")]
    return [*line, (" FULL", "bad")] if full else line


class CpuStrip(ViewPanel):
    """`cpu 98%  gen 16 ui 4 apm 22 │ svc 41 db 15    interference 43%`."""

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """Whole-machine shares: what measures at the left of the bar, what is measured at the right."""
        used = view.snapshot.interference
        line: Line = [("cpu ", "dim"), (percent_whole(used.machine), "strong"), (" ", "text")]
        for name, share in (("gen", used.generator), ("ui", used.dashboard), ("apm", used.apm)):
            line += [(f" {name} ", "dim"), (_whole(share), "text")]
        line.append((" │", "axis"))
        for name, share in (("svc", used.service), ("db", used.database)):
            line += [(f" {name} ", "dim"), (_whole(share), "text")]
        if used.steal:
            line += [("  steal ", "dim"), (percent_whole(used.steal), "warn")]
        high = used.share is not None and used.share >= HIGH_INTERFERENCE
        gap = "    " if width >= 70 else "  "
        line += [(gap + "interference ", "dim"), (percent_whole(used.share), "warn" if high else "text")]
        if width >= 100:
            cost = used.generator_cpu_us_per_request
            line += [
                ("    generator ", "dim"),
                (f"{cost:.1f} us/request" if cost is not None else UNKNOWN, "text"),
            ]
        unread_us, median_us = view.snapshot.client.unread_p50_us, view.snapshot.client.p50_us
        if width >= 120 and unread_us is not None:
            much = median_us is not None and unread_us >= MUCH_UNREAD * median_us
            line += [("  unread ", "dim"), (quantity(unread_us, "us"), "warn" if much else "text")]
        return [line]


def percent_whole(share: float | None) -> str:
    """A share of one in whole per cent."""
    return UNKNOWN if share is None else f"{share:.0%}"


def _whole(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share * 100:.0f}"


class KeyStrip(ViewPanel):
    """The footer: keys of the screen, each of which can be clicked; a replay has keys of its own on Live."""

    def __init__(self, screen: str) -> None:
        super().__init__()
        self._screen_name = screen
        self._in_replay = False
        self._in_force: frozenset[str] = frozenset()
        self._cells: list[tuple[int, int, str]] = []

    def show(self, view: View) -> None:
        """Other keys in a replay, other words while what they begin is in force."""
        self._in_replay = view.snapshot.playback is not None
        if self._screen_name in ("live", "replay"):
            self._screen_name = "replay" if self._in_replay else "live"
        self._in_force = actions_in_force(view)
        super().show(view)

    @property
    def place(self) -> str:
        """Where its keys work, as the table of keys calls it."""
        return {"maximised": "live", "trace": "error"}.get(self._screen_name, self._screen_name)

    def compose_lines(self, width: int) -> Sequence[Line]:
        """As many keys as fit; the last one is always there."""
        *keys, last = (
            (*_footer_words(key, in_force=key.action in self._in_force), key.action)
            for key in footer(self._screen_name, in_replay=self._in_replay)
        )
        room = width - len(f"{last[0]} {last[1]}")
        line: Line = []
        self._cells = []
        x = 0
        for name, label, action in keys:
            length = len(name) + 1 + len(label)
            if x + length + 2 > room:
                break
            line += [(name, "key"), (f" {label}  ", "dim")]
            self._cells.append((x, x + length, action))
            x += length + 2
        self._cells.append((x, width, last[2]))
        return [[*line, (last[0], "key"), (f" {last[1]}", "dim")]]

    async def on_click(self, event: events.Click) -> None:
        """Do what the key would do."""
        for start, end, action in self._cells:
            if start <= event.x < end:
                await self.run_action(action if "." in action else f"{self._namespace(action)}.{action}")

    def _namespace(self, action: str) -> str:
        """Where the key itself would find its action: the focused widget, then the screen, then the app."""
        method = f"action_{action.partition('(')[0]}"
        if hasattr(self.screen.focused, method):
            return "focused"
        return "screen" if hasattr(self.screen, method) else "app"


def actions_in_force(view: View) -> frozenset[str]:
    """Actions whose key now ends what it began."""
    snapshot = view.snapshot
    playback = snapshot.playback
    held = snapshot.state is RunState.PAUSED if playback is None else not playback.playing
    in_force = {
        "toggle_load": snapshot.state in LOAD_STATES and playback is None,
        "toggle_pause": held,
        "freeze": view.frozen,
    }
    return frozenset(action for action, holds in in_force.items() if holds)


def _footer_words(key: Key, *, in_force: bool) -> tuple[str, str]:
    """What is printed of a key, and what it does now."""
    shown, _, label = key.label.rpartition("|")
    begin, _, end = label.partition("/")
    return shown or key.shown, (end or begin) if in_force else begin


class StatusStrip(ViewPanel):
    """Standing warnings and the last command's error; takes no room when there is nothing to say."""

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """The most pressing sentence: an error, then the session's notice, then its warnings."""
        found = status_sentences(view)
        if not found:
            return []
        text, role = found[0]
        more = f" +{len(found) - 1}" if len(found) > 1 else ""
        if more or cell_len(text) > width - 2:
            more += " (w)"
        return [[(fit("! " + clean(text), width - len(more)), role), (more, "key")]]

    def show(self, view: View) -> None:
        """Draw a new view; hide when it has nothing to say."""
        self.display = bool(status_sentences(view))
        super().show(view)

    async def on_click(self) -> None:
        """All of it."""
        await self.run_action("app.words")


def status_sentences(view: View) -> list[tuple[str, str]]:
    """What there is to say, the most pressing first, each with its role: untrusted texts."""
    snapshot = view.snapshot
    warnings = [(text, "warn") for text in snapshot.warnings]
    sentences = [(view.status, "bad"), (snapshot.notice, "warn"), *warnings]
    return [(text, role) for text, role in sentences if text]
