from __future__ import annotations

from dataclasses import replace

import pytest
from tui_fakes import FakeSession
from tui_pictures import COMPONENTS
from tui_screens import screen_text, until

from stressdash.errors import SourceError
from stressdash.samples import ComponentState, DatabaseProcess, LogLine
from stressdash.tui.app import StressdashApp
from stressdash.tui.screens.dialogs import Confirm
from stressdash.tui.screens.stack import StackScreen

SIZE = (80, 24)


async def open_stack(app: StressdashApp, pilot: object) -> StackScreen:
    await pilot.press("3")  # type: ignore[attr-defined]
    await until(pilot, lambda: "listening on" in screen_text(app))  # type: ignore[arg-type]
    assert isinstance(app.screen, StackScreen)
    return app.screen


class TestComponents:
    async def test_the_selected_ones_log_is_shown(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            assert "(service)" in screen_text(app)
            await pilot.press("j")
            await until(pilot, lambda: "(database)" in screen_text(app))

    async def test_start_goes_at_once(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            await pilot.press("u")
            await until(pilot, lambda: ("component_action", "service", "start") in session.calls)

    @pytest.mark.parametrize(("key", "action"), [("d", "stop"), ("R", "restart"), ("X", "kill")])
    async def test_what_hurts_asks_first(
        self, app: StressdashApp, session: FakeSession, key: str, action: str
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            assert session.calls == []
            await pilot.press("y")
            await until(pilot, lambda: session.calls == [("component_action", "service", action)])

    async def test_hold_pauses_and_lets_go_on(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            await pilot.press("H")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await until(pilot, lambda: "Pause the service?" in screen_text(app))
            await pilot.press("y")
            await until(pilot, lambda: session.calls == [("component_action", "service", "pause")])
            still = replace(COMPONENTS[0], state=ComponentState.PAUSED)
            session.change(components=(still, *COMPONENTS[1:]))
            await until(pilot, lambda: "paused" in screen_text(app))
            await pilot.press("H")
            await until(pilot, lambda: session.calls[1:] == [("component_action", "service", "unpause")])

    async def test_every_action_is_in_the_palette(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            screen = await open_stack(app, pilot)
            titles = {command.title.split()[0] for command in app.get_system_commands(screen)}
            assert {"Start", "Stop", "Restart", "Kill", "Pause"} <= titles

    async def test_cpu_comes_from_two_pictures(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            busier = replace(COMPONENTS[0], cpu_seconds=34.75)
            session.change(now_s=68.0, components=(busier, *COMPONENTS[1:]))
            await until(pilot, lambda: "75%" in screen_text(app))


class TestLog:
    async def test_new_lines_are_added(self, app: StressdashApp, session: FakeSession) -> None:
        lines = [LogLine("service", 1, 0, "listening on 1"), LogLine("service", 2, 0, "second")]

        async def logs(component: str, after: int = 0) -> tuple[LogLine, ...]:
            return tuple(line for line in lines if line.sequence > after)

        session.logs = logs  # type: ignore[method-assign]
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            lines.append(LogLine("service", 3, 0, "Killed by signal 9 \x1b[31m"))
            await until(pilot, lambda: "Killed by signal 9 ␛[31m" in screen_text(app))
            assert "3 lines" in screen_text(app)

    async def test_a_long_log_keeps_its_end_in_sight_until_f(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async def logs(component: str, after: int = 0) -> tuple[LogLine, ...]:
            return tuple(LogLine("service", n, 0, f"listening on {n}") for n in range(after + 1, 101))

        session.logs = logs  # type: ignore[method-assign]
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            await until(pilot, lambda: "listening on 100" in screen_text(app))
            await pilot.press("f")
            await until(pilot, lambda: "not following" in screen_text(app))

    async def test_it_can_be_filtered(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            await pilot.press("slash", *"1040", "enter")
            await until(pilot, lambda: "listening on" not in screen_text(app))
            assert "Error 1040" in screen_text(app)

    async def test_a_log_that_cannot_be_had_says_why(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)

            async def logs(component: str, after: int = 0) -> tuple[LogLine, ...]:
                raise SourceError("the supervisor has gone")

            session.logs = logs  # type: ignore[method-assign]
            await until(pilot, lambda: "the supervisor has gone" in screen_text(app))


class TestDatabase:
    async def test_its_figures_stand_on_the_screen_and_what_it_does_not_tell_is_a_dash(
        self, app: StressdashApp
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            text = screen_text(app)
            assert "connected 151/151  running 140  most used 151  slow queries –" in text
            assert "FULL" in text
            assert "questions/s 2,293  commits/s 1,107  row lock waits/s –" in text

    async def test_that_has_no_connection_left_for_us_says_so(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        full = "the database has no connection left for us: Error 1040: Too many connections"
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            components = (COMPONENTS[0], replace(COMPONENTS[1], detail=full), COMPONENTS[2])
            session.change(database=None, components=components)
            await until(pilot, lambda: "DATABASE the database has no connection left" in screen_text(app))

    async def test_its_processes_are_a_table_of_escaped_words_the_busy_ones_first(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        session.processes = (
            DatabaseProcess(7, "stats", "127.0.0.1:5", "stats", "Sleep", 3, "", None),
            DatabaseProcess(8, "stats", "127.0.0.1:6", None, "Query", 9, "update", "INSERT \x1b[31m[bold]x"),
        )
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            await pilot.press("P")
            await until(pilot, lambda: "2, 1 of them busy" in screen_text(app))
            text = screen_text(app)
            assert text.index("127.0.0.1:6") < text.index("127.0.0.1:5")
            assert "\x1b" not in text
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, StackScreen))
            assert session.calls == [("processlist",)]

    async def test_that_cannot_be_asked_says_why_in_the_table(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        session.refusal = "Error 1040: Too many connections"
        async with app.run_test(size=SIZE) as pilot:
            await open_stack(app, pilot)
            await pilot.press("P")
            await until(pilot, lambda: "PROCESSES Error 1040: Too many connections" in screen_text(app))


class TestKnobs:
    async def test_a_number_is_typed_in_place(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            stack = await open_stack(app, pilot)
            stack.focus_knob("max_open")
            await pilot.press("enter", *"100", "enter")
            await until(pilot, lambda: session.calls == [("set_knob", "max_open", "100")])

    async def test_ctrl_u_begins_the_value_anew(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            stack = await open_stack(app, pilot)
            stack.focus_knob("max_open")
            await pilot.press("enter", *"999", "ctrl+u", *"50", "enter")
            await until(pilot, lambda: session.calls == [("set_knob", "max_open", "50")])

    async def test_more_digits_than_fit_are_no_commands(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            stack = await open_stack(app, pilot)
            stack.focus_knob("max_open")
            await pilot.press("enter", *"1" * 40)
            await until(pilot, lambda: stack.knobs.entry is not None)
            assert app.screen is stack

    async def test_digits_typed_are_no_commands(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            stack = await open_stack(app, pilot)
            stack.focus_knob("max_open")
            await pilot.press("enter", *"12q", "escape")
            await until(pilot, lambda: stack.knobs.entry is None)
            assert app.screen is stack
            assert session.calls == []

    @pytest.mark.parametrize("key", ["enter", "right", "left"])
    async def test_choices_turn(self, app: StressdashApp, session: FakeSession, key: str) -> None:
        async with app.run_test(size=SIZE) as pilot:
            stack = await open_stack(app, pilot)
            stack.focus_knob("cancellation")
            await pilot.press(key)
            await until(pilot, lambda: session.calls == [("set_knob", "cancellation", "shield")])

    async def test_a_refusal_is_shown_in_the_components_words(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            stack = await open_stack(app, pilot)
            stack.focus_knob("max_open")
            await pilot.press("enter", *"refused", "enter")
            await until(pilot, lambda: "max_open does not take 'refused'" in screen_text(app))

    async def test_an_old_refusal_stands_below_the_table(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            stack = await open_stack(app, pilot)
            stack.focus_knob("push_timeout")
            await until(pilot, lambda: "push_timeout: 9999 is more than 3600" in screen_text(app))
