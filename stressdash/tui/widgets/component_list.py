"""The components of the stack, one line each."""

from __future__ import annotations

from collections.abc import Mapping

from stressdash.charts.units import UNKNOWN, duration, percent, size
from stressdash.samples import Component, ComponentState
from stressdash.tui.lines import Line, clean, fit
from stressdash.tui.view import View
from stressdash.tui.widgets.listing import Item, Listing
from stressdash.tui.widgets.strips import component_symbol

__all__ = ["ComponentList", "component_header"]

COLUMNS = "  component  state      exit uptime    cpu     rss restarts"
SHORTEST_WORDS = 8
"""Cells below which nothing is told of a component's health."""
SHORTEST_INTERVAL_S = 0.5


class ComponentList(Listing):
    """State, exit code, uptime, CPU, memory, restarts and health in words."""

    def __init__(self) -> None:
        super().__init__("components")
        self._components: tuple[Component, ...] = ()
        self._before: Mapping[str, tuple[float, float]] = {}
        self._shares: dict[str, float] = {}

    @property
    def shows_cursor(self) -> bool:
        """The selected one's log is on the screen, so it is always marked."""
        return True

    @property
    def state(self) -> ComponentState | None:
        """Of the selected component."""
        return next((one.state for one in self._components if one.name == self.selected), None)

    @property
    def words(self) -> str:
        """Health or addresses of the selected component, in full; untrusted."""
        return next((component_words(one) for one in self._components if one.name == self.selected), "")

    def show(self, view: View) -> None:
        """Draw a new view."""
        snapshot = view.snapshot
        self._components = snapshot.components
        self._measure(snapshot.components, snapshot.now_s)
        width = max(20, self.size.width)
        items = [
            Item(tuple(component_line(one, self._shares.get(one.name), width)), one.name)
            for one in snapshot.components
        ]
        self.show_items(items)

    def _measure(self, components: tuple[Component, ...], now_s: float) -> None:
        """Shares of one core, from the CPU time of two pictures."""
        current = {one.name: (now_s, one.cpu_seconds) for one in components if one.cpu_seconds is not None}
        kept = dict(self._before)
        for name, (at_s, seconds) in current.items():
            before = kept.get(name)
            if before is None or seconds < before[1]:
                kept[name] = (at_s, seconds)
                self._shares.pop(name, None)
            elif at_s - before[0] >= SHORTEST_INTERVAL_S:
                self._shares[name] = (seconds - before[1]) / (at_s - before[0])
                kept[name] = (at_s, seconds)
        self._before = {name: value for name, value in kept.items() if name in current}


def component_header(width: int) -> str:
    """Names of the columns."""
    return COLUMNS + ("  health" if width - len(COLUMNS) >= SHORTEST_WORDS else "")


def component_line(component: Component, cpu_share: float | None, width: int) -> Line:
    """One component; its words take what is left of the width."""
    symbol, role = component_symbol(component)
    exit_code = UNKNOWN if component.exit_code is None else f"{component.exit_code}"
    uptime = None if component.uptime_s is None else round(component.uptime_s) * 1e6
    line: Line = [
        (f"{symbol} ", role),
        (fit(clean(component.name), 10) + " ", "strong"),
        (fit(component.state.value, 10), role),
        (fit(exit_code, 5, right=True), "bad" if component.exit_code else "text"),
        (
            fit(
                duration(uptime).replace("0us", "0s").replace(".0s", "s").replace(".00s", "s"), 7, right=True
            ),
            "text",
        ),
        (fit(percent(cpu_share), 7, right=True), "text"),
        (fit(size(component.rss_bytes), 8, right=True), "text"),
        (fit(f"{component.restarts}", 9, right=True), "warn" if component.restarts else "text"),
    ]
    room = width - len(COLUMNS)
    words = fit("  " + clean(component_words(component)), room) if room >= SHORTEST_WORDS else ""
    return [*line, (words, "dim")]


def component_words(component: Component) -> str:
    """Its health in words, else where it can be reached."""
    return component.detail or "  ".join(component.endpoints.values())
