from __future__ import annotations

import pytest
from textual.command import CommandList, CommandPalette
from tui_fakes import FakeSession
from tui_pictures import make_snapshot
from tui_screens import screen_text, shown, until

from stressdash.snapshot import RunState
from stressdash.tui.app import StressdashApp
from stressdash.tui.keys import KEYS
from stressdash.tui.screens.dialogs import Choose, Confirm, Help, TooSmall
from stressdash.tui.screens.error_page import ErrorPage
from stressdash.tui.screens.errors import ErrorsScreen
from stressdash.tui.screens.live import LiveScreen
from stressdash.tui.screens.maximised import Maximised
from stressdash.tui.screens.stack import StackScreen

SIZE = (80, 24)


class TestScreens:
    async def test_live_is_the_first_screen(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: isinstance(app.screen, LiveScreen) and "2,293▲" in screen_text(app))

    async def test_digits_go_to_the_screens(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            for key, screen in (("2", ErrorsScreen), ("3", StackScreen), ("1", LiveScreen)):
                await pilot.press(key)
                await until(pilot, lambda screen=screen: isinstance(app.screen, screen))

    async def test_escape_leads_back_to_live(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("3")
            await until(pilot, lambda: isinstance(app.screen, StackScreen))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))

    async def test_a_later_picture_is_drawn(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            session.change(scenario="act2")
            await until(pilot, lambda: "act2" in screen_text(app))

    @pytest.mark.parametrize("size", [(59, 24), (80, 15)])
    async def test_too_small_a_terminal_gets_a_sentence(
        self, app: StressdashApp, size: tuple[int, int]
    ) -> None:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: isinstance(app.screen, TooSmall))
            assert "too small" in screen_text(app)

    async def test_a_terminal_that_grows_shows_the_screen_again(self, app: StressdashApp) -> None:
        async with app.run_test(size=(50, 10)) as pilot:
            await until(pilot, lambda: isinstance(app.screen, TooSmall))
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: isinstance(app.screen, LiveScreen) and "2,293" in screen_text(app))

    async def test_question_mark_shows_every_key_of_the_table(self, app: StressdashApp) -> None:
        async with app.run_test(size=(100, 160)) as pilot:
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, Help))

            def missing() -> list[str]:
                text = screen_text(app)
                return [key.help for key in KEYS if key.help not in text]

            await until(pilot, lambda: not missing())

    async def test_help_closes_with_escape(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, Help))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))

    async def test_z_maximises_and_goes_back(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("z")
            await until(pilot, lambda: isinstance(app.screen, Maximised) and "mean" in screen_text(app))
            await pilot.press("c")
            await until(pilot, lambda: "client p99" in screen_text(app))
            await pilot.press("z")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))


class TestFreezing:
    async def test_space_holds_the_picture_and_says_so(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("space")
            await until(pilot, lambda: "FROZEN" in screen_text(app))
            session.change(scenario="act2")
            app.pull()
            await pilot.pause()
            assert "act2" not in screen_text(app)

    async def test_space_again_shows_the_present(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("space")
            await until(pilot, lambda: "FROZEN" in screen_text(app))
            session.change(scenario="act2")
            await pilot.press("space")
            await until(pilot, lambda: "act2" in screen_text(app) and "FROZEN" not in screen_text(app))


class TestWindow:
    async def test_brackets_change_the_time_shown(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: "-60s" in screen_text(app))
            await pilot.press("left_square_bracket", "left_square_bracket")
            await until(pilot, lambda: "-15s" in screen_text(app) and "-60s" not in screen_text(app))
            await pilot.press(*["right_square_bracket"] * 3)
            await until(pilot, lambda: "-2m" in screen_text(app))

    async def test_pictures_reach_back_as_far_as_the_charts(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: session.spans_s[-1] == 60.0)
            await pilot.press("right_square_bracket")
            await until(pilot, lambda: session.spans_s[-1] == 120.0)
            await pilot.press(*["right_square_bracket"] * 5)
            await until(pilot, lambda: session.spans_s[-1] is None)

    async def test_a_frozen_picture_keeps_its_time_in_a_longer_window(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("space")
            await until(pilot, lambda: app.view is not None and app.view.frozen)
            assert app.view is not None
            held_s = app.view.end_s
            session.change(now_s=held_s + 30)
            await pilot.press("right_square_bracket")
            await until(pilot, lambda: 150.0 in session.spans_s)
            assert (app.view.end_s, app.view.window_s) == (held_s, 120.0)

    async def test_the_longest_window_is_the_whole_run(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: app.view is not None)
            assert app.view is not None
            assert app.view.start_s != app.view.snapshot.run_started_s
            await pilot.press(*["right_square_bracket"] * 12)
            await until(pilot, lambda: app.view.start_s == app.view.snapshot.run_started_s)  # type: ignore[union-attr]


class TestLoad:
    @pytest.mark.parametrize(
        ("state", "command"), [(RunState.READY, "start_load"), (RunState.RUNNING, "stop_load")]
    )
    async def test_s_starts_or_stops(self, state: RunState, command: str) -> None:
        session = FakeSession(make_snapshot(state=state))
        app = StressdashApp(session)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("s")
            await until(pilot, lambda: (command,) in session.calls)

    async def test_r_asks_before_it_stops_a_run(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("r")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("y")
            await until(pilot, lambda: session.calls == [("run_again",)])

    async def test_p_pauses_and_resumes(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("p")
            await until(pilot, lambda: ("pause",) in session.calls)
            await pilot.press("p")
            await until(pilot, lambda: ("resume",) in session.calls)

    async def test_a_refused_command_is_one_escaped_sentence(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        session.refusal = "no [bold]room[/] \x1b[31m"
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("s")
            await until(
                pilot, lambda: "! Could not stop the load: no [bold]room[/] ␛[31m" in screen_text(app)
            )
            session.refusal = ""
            await pilot.press("p")
            await until(pilot, lambda: "Could not" not in app.status)

    async def test_e_exports_and_names_the_file(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await pilot.press("e")
            await until(pilot, lambda: "Written to /state/runs/13.json" in screen_text(app))


class TestQuitting:
    async def test_q_leaves_when_nothing_runs(self) -> None:
        app = StressdashApp(FakeSession(make_snapshot(state=RunState.READY)))
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("q")
            await until(pilot, lambda: app.return_code == 0)

    @pytest.mark.parametrize("key", ["q", "ctrl+c"])
    async def test_it_asks_while_load_runs(self, app: StressdashApp, key: str) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("n")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))
            assert app.return_code is None

    async def test_enter_on_the_question_changes_nothing(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, Confirm) and app.focused is not None)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))
            assert app.return_code is None

    async def test_yes_leaves(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("y")
            await until(pilot, lambda: app.return_code == 0)


class TestCopying:
    async def test_y_offers_what_can_be_copied_and_copies_it(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: getattr(app.screen, "selected_error", "") == "rpc-1040")
            await pilot.press("y")
            await until(pilot, lambda: isinstance(app.screen, Choose))
            await pilot.press("4")
            await until(pilot, lambda: app.clipboard == "curl of rpc-1040")

    async def test_escape_copies_nothing(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("y")
            await until(pilot, lambda: isinstance(app.screen, Choose))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))
            assert app.clipboard == ""


class TestPalette:
    async def test_it_offers_the_table_and_the_scenarios(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))
            titles = {command.title for command in app.get_system_commands(app.screen)}
            assert {"Start the load, or stop it", "Load scenario act2", "Change theme"} <= titles

    async def test_a_scenario_is_loaded_by_name(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("ctrl+p")
            await until(pilot, lambda: isinstance(app.screen, CommandPalette) and app.focused is not None)
            await pilot.press(*"scenario act3")
            found = app.screen.query_one(CommandList)
            await until(pilot, lambda: found.option_count == 1 and found.highlighted == 0)
            await pilot.press("enter")
            await until(pilot, lambda: ("load_scenario", "act3") in session.calls or not app.screen.is_modal)
            await until(pilot, lambda: ("load_scenario", "act3") in session.calls)


class TestErrorsFromLive:
    async def test_enter_opens_the_selected_error(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ErrorPage) and "1/50" in screen_text(app))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))
