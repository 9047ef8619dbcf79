"""Stack: the components with their logs, and the knobs."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from stressdash.errors import StressdashError
from stressdash.samples import ComponentState, LogLine
from stressdash.tui.background import in_background
from stressdash.tui.filtering import matches
from stressdash.tui.keys import bindings
from stressdash.tui.lines import Line, clean
from stressdash.tui.screens.base import ViewScreen
from stressdash.tui.screens.processes import Processes
from stressdash.tui.view import View
from stressdash.tui.widgets.component_list import ComponentList, component_header
from stressdash.tui.widgets.database_panel import DatabasePanel
from stressdash.tui.widgets.head import HeadLine
from stressdash.tui.widgets.knob_list import KnobList, knob_header, knob_words
from stressdash.tui.widgets.listing import Item, Listing
from stressdash.tui.widgets.panel import Title
from stressdash.tui.widgets.prompt import FilterPrompt
from stressdash.tui.widgets.strips import KeyStrip, StatusStrip
from stressdash.tui.widgets.usage_panel import UsagePanel

__all__ = ["StackScreen"]

LONGEST_LOG = 2_000
TALL = 32
"""Rows from which there is room for what components use, and to say why it is this stack."""


class StackScreen(ViewScreen):
    """The third screen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("stack")

    def __init__(self) -> None:
        super().__init__()
        self.components = ComponentList()
        self.database = DatabasePanel()
        self.knobs = KnobList()
        self.usage = UsagePanel()
        self.log_list = Listing("log", follow=True)
        self._head = HeadLine("Stack")
        self._status = StatusStrip()
        self._keys = KeyStrip("stack")
        self._choice = Title("choice")
        self._components_title = Title("components-title")
        self._knobs_title = Title("knobs-title", [(knob_header(80), "dim")])
        self._words = Title("selected-words")
        self._log_title = Title("log-title")
        self._prompt = FilterPrompt()
        self._lines: list[LogLine] = []
        self._log_of = ""
        self._filter = ""
        self._failure = ""

    def compose(self) -> ComposeResult:
        """Components above knobs above the log; on wide screens the log stands beside."""
        yield self._head
        with Container(id="stack-parts"):
            with Container(id="stack-left"):
                yield self._choice
                yield self._components_title
                yield self.components
                yield self.database
                yield self._knobs_title
                yield self.knobs
                yield self._words
                yield self.usage
            with Container(id="stack-right"):
                yield self._log_title
                yield self.log_list
        yield self._status
        yield self._prompt
        yield self._keys

    def on_mount(self) -> None:
        """Keys go to the components."""
        self.components.focus()

    def show(self, view: View) -> None:
        """Draw everything that can be seen, and fetch what the log has gained."""
        self._head.show(view)
        self._status.show(view)
        self._keys.show(view)
        self.components.styles.height = max(1, len(view.snapshot.components))
        self.components.show(view)
        self.database.show(view)
        self._choice.display = bool(view.snapshot.choice) and self.size.height >= TALL
        self._choice.show([(clean(view.snapshot.choice), "dim")])
        self._components_title.show([(component_header(self.components.size.width), "dim")])
        self._knobs_title.show([(knob_header(self.knobs.size.width), "dim")])
        self.knobs.show(view)
        self.usage.component = self.components.selected
        self.usage.display = self.size.height >= TALL
        self.usage.show(view)
        self._show_words()
        self._show_log_title()
        self.log_list.keep_end()
        self._fetch_log()

    def _show_words(self) -> None:
        """Of the selected knob or component what its line has no room for."""
        knob = self.knobs.knob
        if self.knobs.has_focus and knob is not None:
            words = (clean(knob.error), "bad") if knob.error else (knob_words(knob), "dim")
        else:
            words = (clean(self.components.words), "dim")
        self._words.show([("  ", "text"), words])

    # --- the log

    def _fetch_log(self) -> None:
        component = self.components.selected
        if component and not any(worker.group == "log" for worker in self.workers if worker.is_running):
            in_background(self, partial(self._load_log, component), group="log")

    async def _load_log(self, component: str) -> None:
        if component != self._log_of:
            self._log_of, self._lines = component, []
        after = self._lines[-1].sequence if self._lines else 0
        try:
            new = await self.dashboard.session.logs(component, after)
        except StressdashError as error:
            self._failure = f"{error}"
            new = ()
        else:
            self._failure = ""
        if component == self._log_of and (new or not after):
            self._lines = [*self._lines, *new][-LONGEST_LOG:]
            self._show_log()

    def _show_log(self) -> None:
        lines = [line for line in self._lines if matches(line.text, self._filter)]
        self.log_list.show_items([Item(((clean(line.text), log_role(line.text)),)) for line in lines])
        self._show_log_title()

    def _show_log_title(self) -> None:
        left: Line = [
            ("LOG ", "strong"),
            (clean(self._log_of), "accent"),
            (f"  {len(self.log_list.items)} lines", "dim"),
        ]
        if self._filter:
            left += [("  filter ", "dim"), (clean(self._filter), "warn")]
        if self._failure:
            left += [("  " + clean(self._failure), "bad")]
        if self.dashboard.is_replay:
            left += [("  not recorded", "dim")]
        follow: Line = [("following", "good") if self.log_list.follow else ("not following (f)", "warn")]
        self._log_title.show(left, follow)

    # --- messages

    def on_listing_moved(self, event: Listing.Moved) -> None:
        """Another component's log, another knob's words."""
        self._show_words()
        if event.listing is self.components:
            self._lines, self._log_of = [], ""
            self.log_list.follow = True
            self._fetch_log()

    def on_knob_list_turned(self, event: KnobList.Turned) -> None:
        """Set a knob."""
        self.dashboard.commands.set_knob(event.name, event.value)

    def on_filter_prompt_filtered(self, event: FilterPrompt.Filtered) -> None:
        """Filter the log."""
        self._filter = event.pattern
        self._show_log()

    # --- actions

    def focus_knob(self, name: str) -> None:
        """Go to a knob."""
        self.knobs.focus()
        if name:
            self.knobs.select(name)

    def action_filter(self) -> None:
        """Open the filter line."""
        self._prompt.open(self.log_list)

    def action_follow(self) -> None:
        """Keep the log at its end, or stop to."""
        self.log_list.follow = not self.log_list.follow
        if self.log_list.follow:
            self.log_list.scroll_end(animate=False)
        self._show_log_title()

    def action_processes(self) -> None:
        """Ask the database who is connected."""
        if self.dashboard.is_replay:
            self.dashboard.say("Who was connected to the database is not recorded")
            return
        self.app.push_screen(Processes(self.dashboard.session))

    def action_hold(self) -> None:
        """Pause the selected component, or let it go on."""
        is_paused = self.components.state is ComponentState.PAUSED
        self.action_component("unpause" if is_paused else "pause")

    def action_component(self, action: str) -> None:
        """Act on the selected component."""
        if self.components.selected:
            self.dashboard.commands.component_action(self.components.selected, action)


def log_role(text: str) -> str:
    """Lines that tell of trouble stand out."""
    folded = text.casefold()
    if folded.startswith("warn"):
        return "warn"
    if any(word in folded for word in ("error", "traceback", "exception", "fatal", "exited", "killed")):
        return "bad"
    return "warn" if "warn" in folded else "text"
