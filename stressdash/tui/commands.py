"""What the user tells the session to do: each command is a worker, its failure one sentence on the screen."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from stressdash.errors import StressdashError
from stressdash.samples import Scope
from stressdash.sessionapi import SessionApi
from stressdash.snapshot import RunState, Snapshot
from stressdash.tui.background import in_background
from stressdash.tui.ladder import CONNECTIONS, RATE, Ladder
from stressdash.tui.screens.dialogs import Confirm, Lines
from stressdash.tui.screens.live import short_count, short_duration
from stressdash.tui.steering import Steering
from stressdash.tui.view import LOAD_STATES, View
from stressdash.tui.widgets.strips import status_sentences

if TYPE_CHECKING:
    from stressdash.tui.app import StressdashApp

__all__ = ["Commands"]

FIRST_RATE = 100
LONGEST_ECHO = 200
BUSY_STATES = LOAD_STATES | {RunState.STARTING}
PATIENCE_S = 0.1

P = ParamSpec("P")


def changing(command: Callable[Concatenate[Commands, P], None]) -> Callable[Concatenate[Commands, P], None]:
    """Make a command one that a replay answers with a sentence, before anything is asked or tried."""

    @functools.wraps(command)
    def checked(commands: Commands, /, *arguments: P.args, **named: P.kwargs) -> None:
        if not commands.refuse_in_replay():
            command(commands, *arguments, **named)

    return checked


class Commands:
    """Asks before what is large or deadly; runs the rest at once, beside the drawing."""

    def __init__(self, app: StressdashApp, session: SessionApi) -> None:
        self._app = app
        self._session = session
        self._connections = Steering(self._send_connections)
        self._duration = Steering(self._send_duration)
        self._rate = Steering(self._send_rate)
        self._rate_before = float(FIRST_RATE)

    def turn_to(self, session: SessionApi) -> None:
        """Command another session from now on."""
        self._session = session

    @property
    def wanted_connections(self) -> int | None:
        """Connections asked for and not yet shown by a picture."""
        return self._connections.wanted

    @property
    def wanted_duration_s(self) -> int | None:
        """Duration asked for and not yet shown by a picture."""
        return self._duration.wanted

    @property
    def wanted_rate(self) -> int | None:
        """Arrivals per second asked for and not yet shown by a picture."""
        return self._rate.wanted

    def seen(self, snapshot: Snapshot) -> None:
        """Let go of wishes that a new picture shows."""
        self._connections.seen(snapshot.client.target_connections)
        self._duration.seen(snapshot.duration_s)
        self._rate.seen(snapshot.client.target_rate)
        self._rate_before = snapshot.client.target_rate or self._rate_before

    # --- the load

    @changing
    def toggle_load(self) -> None:
        """Stop what runs, else start."""
        if self._state() in LOAD_STATES:
            self.run("stop the load", self._session.stop_load)
        else:
            self.run("start the load", self._session.start_load)

    @changing
    def run_again(self) -> None:
        """Start once more; a run that goes on is stopped first, when the user says so."""
        if self._state() in LOAD_STATES:
            self.ask(
                "Stop this run and start again?",
                "Run again",
                lambda: self.run("run again", self._session.run_again),
            )
        else:
            self.run("run again", self._session.run_again)

    @changing
    def run_changed(self, name: str, value: str) -> None:
        """Run again with a knob turned; a run that goes on is stopped first, when the user says so."""
        words = f"run again with {name}={value}"

        def again() -> None:
            self.run(words, lambda: self._session.run_changed(name, value))

        if self._state() in LOAD_STATES:
            self.ask(f"Stop this run and {words}?", "Run again", again)
        else:
            again()

    @changing
    def start_scenario(self, name: str) -> None:
        """Load a scenario and start it, as soon as the stack is ready and the run that goes on has ended."""

        async def start() -> None:
            if self._state() in LOAD_STATES:
                await self._session.stop_load()
            while self._state() in BUSY_STATES:  # noqa: ASYNC110 the session is there to be asked
                await asyncio.sleep(PATIENCE_S)
            await self._session.load_scenario(name)
            await self._session.start_load()

        self.run(f"start {name}", start)

    def toggle_pause(self) -> None:
        """Pause, or go on; a replay that has come to its end begins again."""
        now = self._now()
        if now.state is RunState.PAUSED or (now.playback is not None and now.state is RunState.FINISHED):
            self.run("resume", self._session.resume)
        else:
            self.run("pause", self._session.pause)

    def play(self, how: str) -> None:
        """Move in a replay."""
        self.run("move in time", lambda: self._session.play(how))

    # --- the sliders

    @changing
    def step_connections(self, count: int) -> None:
        """One step up or down the ladder from what is wanted now."""
        before = self._connections.wanted or self._now().client.target_connections
        self.steer_connections(CONNECTIONS.step(before, count), before)

    @changing
    def steer_connections(self, value: int, before: int) -> None:
        """Change the connections; a jump asks first."""
        question = f"Change connections from {short_count(before)} to {short_count(value)}?"
        current = self._now().client.target_connections
        if self.wanted_connections is not None or value != current:
            self._steer(self._connections, value, before, question)

    @changing
    def steer_duration(self, seconds: int, before: int) -> None:
        """Move the end of the run; a jump asks first."""
        question = f"Change the duration from {short_duration(before)} to {short_duration(seconds)}?"
        if self.wanted_duration_s is not None or seconds != self._now().duration_s:
            self._steer(self._duration, seconds, before, question)

    @changing
    def steer_rate(self, rate: int, before: int) -> None:
        """Change the arrivals per second, which opens a closed loop; a jump asks first."""
        current = self._now().client.target_rate
        question = f"Change the rate from {short_count(before)}/s to {short_count(rate)}/s?"
        if self.wanted_rate is not None or rate != current:
            self._steer(self._rate, rate, before if current is not None else rate, question)

    @changing
    def toggle_loop(self) -> None:
        """Close the open loop; open the closed one at what it does now, or at the rate it had before."""
        client = self._now().client
        if client.target_rate is not None:
            self.run("close the loop", lambda: self._session.set_rate(None))
            return
        measured = client.requests_per_s if self._state() in LOAD_STATES else None
        rate = RATE.hold(measured or self._rate_before)
        self.run("open the loop", lambda: self._session.set_rate(rate))

    def _steer(self, steering: Steering, value: int, before: int, question: str) -> None:
        def send() -> None:
            if steering.wish(value):
                in_background(self._app, steering.run, group="steering")
            self._app.redraw()

        if Ladder.is_jump(before, value):
            self.ask(question, "Change", send, on_no=self._app.redraw)
        else:
            send()

    async def _send_connections(self, value: int) -> bool:
        return (
            await self._attempt("change the connections", lambda: self._session.set_connections(value))
            is not None
        )

    async def _send_rate(self, value: int) -> bool:
        return await self._attempt("change the rate", lambda: self._session.set_rate(value)) is not None

    async def _send_duration(self, seconds: int) -> bool:
        return (
            await self._attempt("change the duration", lambda: self._session.set_duration(seconds))
            is not None
        )

    # --- the stack

    @changing
    def set_knob(self, name: str, value: str) -> None:
        """Turn a knob; the component's own words come back in the next picture and as a sentence."""
        self.run(f"set {name} to {value}", lambda: self._session.set_knob(name, value))

    @changing
    def component_action(self, component: str, action: str) -> None:
        """Start and let go on at once; all else asks."""

        def act() -> None:
            self.run(f"{action} {component}", lambda: self._session.component_action(component, action))

        if action in ("start", "unpause"):
            act()
        else:
            self.ask(f"{action.capitalize()} the {component}?", action.capitalize(), act)

    # --- the rest

    def tell_all(self, view: View | None) -> None:
        """All that the status line has to say."""
        sentences = [text for text, _ in status_sentences(view)] if view is not None else []
        self._app.push_screen(Lines("What there is to know", sentences or ["Nothing out of the ordinary."]))

    def export(self) -> None:
        """Write the run's JSON and say where it lies."""

        async def export() -> None:
            path = await self._session.export()
            self._app.say(f"Written to {path}")

        self.run("export the run", export)

    def copy(self, what: str, subject: str) -> None:
        """Put text into the terminal's clipboard."""

        async def copy() -> None:
            text = await self._session.copy_text(what, subject)
            self._app.copy_to_clipboard(text)
            self._app.say(f"Copied: {shortened(text)}")

        self.run(f"copy the {what}", copy)

    def look_at(self, scope: Scope) -> None:
        """Whose APM data are shown."""
        self.run("narrow APM down", lambda: self._session.look_at(scope))

    @changing
    def load_scenario(self, name: str) -> None:
        """Make a bundled scenario the next run's plan."""
        self.run(f"load {name}", lambda: self._session.load_scenario(name))

    def quit(self) -> None:
        """Leave; while load runs, ask."""
        if self._app.is_loading:
            self.ask("Load is running. Stop it and quit?", "Quit", self._app.exit)
        else:
            self._app.exit()

    # --- how commands run

    def refuse_in_replay(self) -> bool:
        """Say, where a replay is shown, that nothing of it can be changed; whether that was so."""
        playback = self._now().playback
        if playback is not None:
            self._app.say(f"Run {playback.run} has ended and is replayed: nothing of it can be changed")
        return playback is not None

    def ask(
        self, question: str, yes: str, on_yes: Callable[[], object], on_no: Callable[[], object] | None = None
    ) -> None:
        """Ask a question over the screen; one at a time."""
        if isinstance(self._app.screen, Confirm):
            return

        def answered(answer: bool | None) -> None:
            if answer:
                on_yes()
            elif on_no is not None:
                on_no()

        self._app.push_screen(Confirm(question, yes), answered)

    def run(self, what: str, command: Callable[[], Awaitable[object]]) -> None:
        """Start a command beside the drawing."""
        in_background(self._app, partial(self._attempt, what, command), group="commands")

    async def _attempt(self, what: str, command: Callable[[], Awaitable[object]]) -> str | None:
        """None when the command failed, which the user has been told."""
        try:
            await command()
        except StressdashError as error:
            self._app.say(f"Could not {what}: {error}", failed=True)
            return None
        self._app.status = ""
        self._app.pull()
        return what

    def _state(self) -> RunState:
        return self._now().state

    def _now(self) -> Snapshot:
        """The present state without series, which is cheaper than the picture that is drawn."""
        return self._session.snapshot(0.0)


def shortened(text: str) -> str:
    """The beginning of a text on one line."""
    first, _, rest = text.partition("\n")
    return first[:LONGEST_ECHO] + (" …" if rest or len(first) > LONGEST_ECHO else "")
