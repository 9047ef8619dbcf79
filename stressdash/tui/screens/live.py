"""Live: how the service does right now, what fails, and the sliders that change the load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from stressdash.charts.markers import MARKER_SETS
from stressdash.charts.units import clock
from stressdash.snapshot import RunState
from stressdash.tui.keys import bindings
from stressdash.tui.ladder import CONNECTIONS, DURATION, RATE, Ladder, parse_duration, parse_number
from stressdash.tui.lines import Line, ends
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.view import View
from stressdash.tui.widgets.chart import CHARTS, Chart
from stressdash.tui.widgets.error_list import ErrorList
from stressdash.tui.widgets.head import HeadLine
from stressdash.tui.widgets.kpi import KpiTable
from stressdash.tui.widgets.listing import Listing
from stressdash.tui.widgets.panel import ViewPanel
from stressdash.tui.widgets.plan_strip import PlanStrip
from stressdash.tui.widgets.prompt import FilterPrompt
from stressdash.tui.widgets.slider import ENDLESS, Slider
from stressdash.tui.widgets.strips import ComponentStrip, CpuStrip, KeyStrip, StatusStrip

__all__ = ["LiveScreen", "short_count", "short_duration"]

ROOMY_ROWS = 45
"""From here on all charts stand at once; below, the last two share a place in the grid."""
TALL_ROWS = 32
"""From here on the slider of the rate is there in the closed loop too."""
SMALL_RATE = 10
"""Below it, fractions of a rate are told: the slider has whole numbers only."""
CONNECTION_WORDS = 27
DURATION_WORDS = 27


class ErrorHeader(ViewPanel):
    """`ERRORS 3` and the names of the list's columns."""

    def __init__(self, listing: ErrorList) -> None:
        super().__init__()
        self._listing = listing

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """The count at the left, the columns at the right."""
        count = len(view.snapshot.errors)
        left: Line = [("ERRORS ", "strong"), (f"{count}", "bad" if count else "good")]
        if self._listing.filter:
            left.append((f" /{self._listing.filter}", "warn"))
        if self._listing.ranking.is_held:
            left.append((" (g sorts)", "dim"))
        scrollbar = 1 if self._listing.show_vertical_scrollbar else 0
        columns = self._listing.header(width - scrollbar)
        return [ends(left, [*columns, (" " * scrollbar, "dim")], width)]


class LiveScreen(ViewScreen):
    """The first screen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("live")

    def __init__(self) -> None:
        super().__init__()
        self.chart = next(iter(CHARTS))
        self.markers = next(iter(MARKER_SETS))
        self.rate = slider("rate", RATE)
        self.connections = slider("conns", CONNECTIONS)
        self.duration = slider("time", DURATION)
        self.errors = ErrorList("live-errors")

    def compose(self) -> ComposeResult:
        """From the head line down to the keys."""
        yield HeadLine()
        yield KpiTable()
        with Container(id="charts"):
            for name in CHARTS:
                yield Chart(name)
        yield PlanStrip()
        yield self.rate
        yield self.connections
        yield self.duration
        yield ErrorHeader(self.errors)
        yield self.errors
        yield ComponentStrip()
        yield CpuStrip()
        yield StatusStrip()
        yield FilterPrompt()
        yield KeyStrip("live")

    def on_mount(self) -> None:
        """The list has the focus, so that enter opens an error."""
        self.errors.focus()
        self._arrange()

    def on_resize(self) -> None:
        """Two by two where there is room, one chart with tabs elsewhere."""
        self._arrange()

    def _arrange(self) -> None:
        grid = self.size.width >= 120 and self.size.height >= 32
        roomy = grid and self.size.height >= ROOMY_ROWS
        self.query_one("#charts").set_class(grid, "-grid").set_class(roomy, "-roomy")
        fourth = "where" if self.chart == "where" else "resources"
        shown = {"rate", "latency", "errors", fourth} if grid else {self.chart}
        for chart in self.query(Chart):
            chart.tabs = not grid
            chart.display = roomy or chart.chart in shown
            chart.recompose_lines()

    def show(self, view: View) -> None:
        """Draw everything that can be seen."""
        for part in self.query(ViewPanel):
            # Each chart takes some milliseconds: in a turn of its own, keys and the mouse come between.
            if isinstance(part, Chart):
                part.call_later(part.show, view)
            else:
                part.show(view)
        self.rate.display = view.rate is not None or self.size.height >= TALL_ROWS
        self.rate.show(None if view.rate is None else round(view.rate), rate_words(view))
        self.connections.show(view.connections, connection_words(view))
        self.duration.show(None if view.duration_s is None else round(view.duration_s), duration_words(view))
        self.errors.show(view)

    # --- messages

    def on_slider_steered(self, event: Slider.Steered) -> None:
        """Pass on what the user chose; large jumps are asked about, while dragging they wait for the end."""
        if not event.is_final and Ladder.is_jump(event.before, event.value):
            return
        commands = self.dashboard.commands
        if event.slider is self.rate:
            commands.steer_rate(event.value, event.before)
        elif event.slider is self.connections:
            commands.steer_connections(event.value, event.before)
        else:
            commands.steer_duration(event.value, event.before)

    def on_slider_refused(self, event: Slider.Refused) -> None:
        """Say why a typed value cannot be used."""
        self.dashboard.say(event.sentence, failed=True)

    def on_listing_opened(self, event: Listing.Opened) -> None:
        """Enter on an error opens it."""
        self.dashboard.open_error(event.id)

    def on_chart_chosen(self, event: Chart.Chosen) -> None:
        """Show another chart."""
        self._choose(event.name)

    def on_filter_prompt_filtered(self, event: FilterPrompt.Filtered) -> None:
        """Filter the list."""
        self.errors.filter = event.pattern
        if self.dashboard.view is not None:
            self.draw(self.dashboard.view)

    # --- actions

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one(FilterPrompt).open(self.errors)

    def action_toggle_loop(self) -> None:
        """Open the loop at a rate, or close it."""
        self.dashboard.commands.toggle_loop()

    def action_next_chart(self) -> None:
        """The chart after the present one."""
        names = list(CHARTS)
        self._choose(names[(names.index(self.chart) + 1) % len(names)])

    def action_markers(self) -> None:
        """Other characters for the charts, where the terminal's font lacks some."""
        names = list(MARKER_SETS)
        self.markers = names[(names.index(self.markers) + 1) % len(names)]
        for chart in self.query(Chart):
            chart.markers = MARKER_SETS[self.markers]
            chart.recompose_lines()

    def action_maximise(self) -> None:
        """One chart on the whole screen."""
        focused = self.focused
        self.dashboard.maximise(focused.chart if isinstance(focused, Chart) else self.chart)

    def action_type_value(self) -> None:
        """Type into the focused slider, or into that of the connections."""
        focused = self.focused
        (focused if isinstance(focused, Slider) else self.connections).start_entry()

    def _choose(self, name: str) -> None:
        held = isinstance(self.focused, Chart)
        self.chart = name
        self._arrange()
        if self.dashboard.view is not None:
            self.draw(self.dashboard.view)
        if held:
            self.query_one(f"#chart-{name}").focus()


def slider(name: str, ladder: Ladder) -> Slider:
    """The slider of the rate, the connections or the duration."""
    is_time = ladder is DURATION
    return Slider(
        name,
        ladder,
        show_value=short_duration if is_time else short_count,
        parse=parse_duration if is_time else parse_number,
        words_width=DURATION_WORDS if is_time else CONNECTION_WORDS,
        absent="closed loop" if ladder is RATE else ENDLESS,
    )


def rate_words(view: View) -> Line:
    """`/s open loop`, or how to come to it."""
    is_live = view.snapshot.playback is None
    if view.rate is None:
        return [("  O opens it", "dim")] if is_live else []
    exact = f" ({view.rate:.3g})" if view.rate < SMALL_RATE and view.rate != round(view.rate) else ""
    return [(f"/s{exact}", "text"), (" due, O closes the loop" if is_live else " due", "dim")]


def connection_words(view: View) -> Line:
    """`→ open 400 busy 398`: from what is wanted to what is."""
    client = view.snapshot.client
    pending = view.wanted_connections is not None
    behind = client.open_connections != view.connections and view.snapshot.state is RunState.RUNNING
    return [
        (" → open ", "dim"),
        (f"{client.open_connections}", "warn" if behind or pending else "text"),
        (" busy ", "dim"),
        (f"{client.busy_connections}", "text"),
    ]


def duration_words(view: View) -> Line:
    """What is left of a run that has an end."""
    snapshot = view.snapshot
    if view.duration_s is None or snapshot.state not in (RunState.RUNNING, RunState.PAUSED):
        return []
    return [(" → left ", "dim"), (clock(max(0.0, view.duration_s - snapshot.elapsed_s)), "text")]


def short_count(value: int) -> str:
    """`400`, `10k`."""
    return f"{value // 1000}k" if value >= 10_000 and value % 1000 == 0 else f"{value}"


def short_duration(seconds: int) -> str:
    """`15s`, `2m`, `2m30s`, `1h`."""
    if seconds < 60 or (seconds < 120 and seconds % 60):
        return f"{seconds}s"
    if seconds % 3600 == 0:
        return f"{seconds // 3600}h"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest:02d}s" if rest else f"{minutes}m"
