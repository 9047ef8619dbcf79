"""The dashboard: pulls a picture of the session four times a second, and shows it on the screen in front.

Knows the session only as `SessionApi`. What changes the load or the stack goes through `commands`; here is
only what moves between screens.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen

from stressdash.paths import bundled, config_dir
from stressdash.sessionapi import SessionApi
from stressdash.snapshot import Snapshot
from stressdash.tui.commands import Commands
from stressdash.tui.driver import CleanDriver
from stressdash.tui.keys import bindings, palette
from stressdash.tui.lens import Lens
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.screens.dialogs import COPIES, TIGHT, Choose, Help, TooSmall, is_too_small
from stressdash.tui.screens.error_page import ErrorPage
from stressdash.tui.screens.errors import ErrorsScreen
from stressdash.tui.screens.lab import LabScreen
from stressdash.tui.screens.live import LiveScreen
from stressdash.tui.screens.maximised import Maximised
from stressdash.tui.screens.runs import RunsScreen
from stressdash.tui.screens.stack import StackScreen
from stressdash.tui.theming import DEFAULT_THEME, MONOCHROME_THEME, load_themes
from stressdash.tui.tour import Tour
from stressdash.tui.view import LOAD_STATES, View
from stressdash.tui.widgets.prompt import FilterPrompt
from stressdash.tui.widgets.strips import KeyStrip

if TYPE_CHECKING:
    from stressdash.session.replay import Replay
    from stressdash.session.shelf import Shelf
    from stressdash.store.runs import RunEntry

__all__ = ["StressdashApp"]

TICK_S = 0.25
IDLE_TICKS = 4
TEXT_KEYS = ("enter", "escape", "backspace")
SCENARIOS = ("act1", "act2", "act3")


class StressdashApp(App[None]):
    """All screens over one session."""

    TITLE = "stressdash"
    CSS_PATH = "stressdash.tcss"
    HORIZONTAL_BREAKPOINTS = TIGHT
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app"), *bindings("replay"), *bindings("tour")]

    def __init__(self, session: SessionApi, shelf: Shelf | None = None, tour: Tour | None = None) -> None:
        self._is_plain = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if self._is_plain else None)
        self.session = session
        self.shelf = shelf
        self.tour = tour
        self._live = session
        self._replay: Replay | None = None
        self.view: View | None = None
        self.status = ""
        self._ticks = 0
        self.commands = Commands(self, session)
        self.lens = Lens(session)
        self._headline = ""
        self.add_mode("live", LiveScreen)
        self.add_mode("errors", ErrorsScreen)
        self.add_mode("stack", StackScreen)
        self.add_mode("runs", RunsScreen)
        self.add_mode("lab", LabScreen)

    def get_driver_class(self) -> type[Driver]:
        """Textual's own, but a terminal is left clean."""
        found = super().get_driver_class()
        return CleanDriver if found is LinuxDriver else found

    def on_mount(self) -> None:
        """Choose the theme, show the first screen, and start to pull."""
        themes, problems = load_themes(bundled("themes"), config_dir() / "themes")
        for theme in themes:
            self.register_theme(theme)
        self.theme = MONOCHROME_THEME if self._is_plain else DEFAULT_THEME
        for sentence in problems:
            self.say(sentence, failed=True)
        self.pull()
        self.switch_mode("live")
        self.set_interval(TICK_S, self._tick)

    # --- pictures

    def _tick(self) -> None:
        """Pull at every tick, or at every fourth while nothing moves."""
        self._ticks += 1
        if self.view is None or not self.view.is_idle or self._ticks % IDLE_TICKS == 0:
            self.pull()

    def pull(self) -> None:
        """Fetch the newest picture and draw it, unless the view is frozen."""
        snapshot = self.lens.newest()
        self.commands.seen(snapshot)
        self._tell_difference(snapshot.lab.headline)
        if not self.lens.is_frozen:
            self._draw(snapshot)

    def _tell_difference(self, headline: str) -> None:
        """Say how a run that has just been added to the Lab differs from the setting before."""
        known, self._headline = self._headline, headline
        if headline != known and self.current_mode != "lab":
            self.say(f"{headline}   5 Lab")

    def redraw(self) -> None:
        """Draw again after the user changed how to look at it."""
        if self.view is not None:
            self._draw(self.view.snapshot)

    def _draw(self, snapshot: Snapshot) -> None:
        self.view = replace(
            self.lens.view(snapshot),
            wanted_connections=self.commands.wanted_connections,
            wanted_duration_s=self.commands.wanted_duration_s,
            wanted_rate=self.commands.wanted_rate,
            status=self.status,
            letters=self._is_plain,
        )
        for screen in reversed(self.screen_stack):
            if isinstance(screen, ViewScreen):
                screen.draw(self.view)
                return

    def say(self, sentence: str, *, failed: bool = False) -> None:
        """Tell the user something; failures also stay in the status line until the next command works."""
        if failed:
            self.status = sentence
        self.notify(sentence, severity="error" if failed else "information", markup=False, timeout=4)
        self.redraw()

    # --- the size

    def on_resize(self, event: events.Resize) -> None:
        """Below 60 x 16 there is only a sentence."""
        small = is_too_small(event.size)
        if small and not isinstance(self.screen, TooSmall):
            self.push_screen(TooSmall())
        elif not small and isinstance(self.screen, TooSmall):
            self.pop_screen()

    def on_key(self, event: events.Key) -> None:
        """A key of text that got here was typed before the line it is meant for had the focus."""
        line = self.focused
        if isinstance(line, FilterPrompt) and (event.is_printable or event.key in TEXT_KEYS):
            line.post_message(events.Key(event.key, event.character))
            event.prevent_default()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Over a dialog, keys belong to the dialog."""
        del parameters
        own = {key.action.partition("(")[0] for key in palette()} | {
            "step_connections",
            "zoom",
            "back",
            "mute",
        }
        if action == "tour":
            return self.tour is not None and not self.screen.is_modal
        return not (self.screen.is_modal and action in own and action != "quit")

    # --- moving between screens

    async def action_tour(self, count: int) -> None:
        """Go on along the tour, or back: to the step's screen, and for an act start its load."""
        if self.tour is None or not self.tour.move(count):
            return
        step = self.tour.step
        while len(self.screen_stack) > 1:
            self.pop_screen()
        if self.current_mode != step.screen:
            await self.switch_mode(step.screen)
        if step.knob and isinstance(self.screen, StackScreen):
            self.screen.focus_knob(step.knob)
        if step.scenario and count > 0:
            self.commands.start_scenario(step.scenario)
        self.redraw()

    def action_mode(self, name: str) -> None:
        """Switch to a screen by its number."""
        if self.current_mode != name:
            self.switch_mode(name)

    async def action_back(self) -> None:
        """Close what lies on top; from a base screen, back to Live; on Live, back to the present."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif isinstance(self.screen, ErrorsScreen) and self.screen.widen():
            return
        elif self.current_mode != "live":
            self.switch_mode("live")
        elif self.lens.unpin():
            self._draw(self.lens.newest())
        elif self._replay is not None:
            await self._leave_replay()

    async def open_run(self, entry: RunEntry) -> None:
        """Show a run on disk instead of the live session, which goes on beneath.

        Raises:
            BadInput: it is damaged.
            StoreError: it cannot be read.
        """
        if self.shelf is None:
            return
        replay = await self.shelf.open(entry)
        await self._close_replay()
        self._replay = replay
        await replay.open()
        await self._turn_to(replay, "live")

    async def _leave_replay(self) -> None:
        await self._turn_to(self._live, "runs")
        await self._close_replay()

    async def _close_replay(self) -> None:
        replay, self._replay = self._replay, None
        if replay is not None:
            await replay.close()

    async def _turn_to(self, session: SessionApi, mode: str) -> None:
        self.session = session
        self.commands.turn_to(session)
        self.lens, self.view = Lens(session, self.lens.muted), None
        self.status = ""
        self.pull()
        await self.switch_mode(mode)

    async def on_unmount(self) -> None:
        """Let go of a replay that is open."""
        await self._close_replay()

    @property
    def is_replay(self) -> bool:
        """Whether what is shown has ended, and nothing of it can be changed."""
        return self.view is not None and self.view.snapshot.playback is not None

    @property
    def is_loading(self) -> bool:
        """Whether the live session loads, whatever is shown."""
        picture = self._live.snapshot(0.0)
        return picture.playback is None and picture.state in LOAD_STATES

    def open_error(self, row_id: str) -> None:
        """Open the page of one error over the present screen."""
        if isinstance(self.screen, ErrorPage):
            self.pop_screen()
        self.push_screen(ErrorPage(row_id))

    def maximise(self, chart: str) -> None:
        """One chart on the whole screen."""
        self.push_screen(Maximised(chart))

    def action_help(self) -> None:
        """All keys, those of the screen in front first."""
        place = next((strip.place for strip in self.screen.query(KeyStrip)), "")
        self.push_screen(Help(place, in_replay=self.is_replay))

    def action_words(self) -> None:
        """All that the status line has to say."""
        self.commands.tell_all(self.view)

    async def action_knobs(self) -> None:
        """The knobs that govern what is shown."""
        screen = self.screen
        knob = screen.governing_knob if isinstance(screen, ErrorPage) else ""
        if isinstance(screen, ErrorPage):
            self.pop_screen()
        await self.switch_mode("stack")
        if isinstance(self.screen, StackScreen):
            self.screen.focus_knob(knob)

    # --- how to look

    def action_freeze(self) -> None:
        """Hold the picture, or let it go on."""
        if self.lens.is_frozen or self.view is None:
            self.lens.freeze(None)
            self.pull()
        else:
            self.lens.freeze(self.view.snapshot)
            self.redraw()

    def action_zoom(self, step: int) -> None:
        """A shorter or longer time window."""
        self.lens.zoom(step)
        self._draw(self.lens.newest())

    def show_window(self, start_s: float, end_s: float) -> None:
        """Show the charts of one stretch of time on Live."""
        self.lens.pin(start_s, end_s)
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.action_mode("live")
        self._draw(self.lens.newest())

    def toggle_mute(self, row_id: str) -> None:
        """Mute an error, or hear it again."""
        self.lens.toggle_mute(row_id)
        self.redraw()

    # --- commands

    def action_toggle_load(self) -> None:
        """Start or stop."""
        self.commands.toggle_load()

    def action_run_again(self) -> None:
        """Start once more; asks while load runs."""
        self.commands.run_again()

    def action_toggle_pause(self) -> None:
        """Pause or resume."""
        self.commands.toggle_pause()

    def action_play(self, how: str) -> None:
        """Move in a replay."""
        self.commands.play(how)

    def action_step_connections(self, count: int) -> None:
        """One step along the slider's ladder."""
        self.commands.step_connections(count)

    def action_export(self) -> None:
        """Write the run's JSON."""
        self.commands.export()

    def action_copy(self) -> None:
        """Ask what to copy, and copy it."""
        row_id = getattr(self.screen, "selected_error", "")

        def copied(what: str | None) -> None:
            if what is not None:
                self.commands.copy(what, row_id)

        self.push_screen(Choose("Copy", COPIES), copied)

    async def action_quit(self) -> None:
        """Leave; asks while load runs."""
        self.commands.quit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: the table of keys, the scenarios, and the themes."""
        for key in palette(in_replay=self.is_replay):
            name = key.action.partition("(")[0]
            target = "screen" if hasattr(screen, f"action_{name}") else "app"
            if hasattr(screen if target == "screen" else self, f"action_{name}"):
                action = f"{target}.{key.action}"
                yield SystemCommand(
                    key.help,
                    f"key {key.shown}",
                    lambda action=action: self.call_later(self.run_action, action),
                )
        for scenario in () if self.is_replay else SCENARIOS:
            yield SystemCommand(
                f"Load scenario {scenario}",
                "its load and knobs become the next run's",
                lambda scenario=scenario: self.commands.load_scenario(scenario),
            )
        yield SystemCommand("Change theme", "colours of the screens", self.action_change_theme)
