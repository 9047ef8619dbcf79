"""The screen of runs: listed, filtered, marked, changed and opened by keys; and what a replay answers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from textual.pilot import Pilot
from tui_fakes import FakeSession
from tui_screens import screen_text, until
from tui_shelf import FakeShelf

from stressdash.snapshot import RunState
from stressdash.tui.app import StressdashApp
from stressdash.tui.screens.comparison import ComparisonPage
from stressdash.tui.screens.dialogs import Ask, Confirm, Help, Lines
from stressdash.tui.screens.live import LiveScreen
from stressdash.tui.screens.runs import RunsScreen
from stressdash.tui.screens.stack import StackScreen

SIZE = (80, 24)


@pytest.fixture
def shelf() -> FakeShelf:
    return FakeShelf()


@pytest.fixture
def app(session: FakeSession, shelf: FakeShelf) -> StressdashApp:
    return StressdashApp(session, shelf)  # type: ignore[arg-type]


async def open_runs(pilot: Pilot[Any]) -> RunsScreen:
    await pilot.pause()
    await pilot.press("4")
    await until(pilot, lambda: "RUNS 6" in screen_text(pilot.app))
    await until(pilot, lambda: pilot.app.focused is not None)
    assert isinstance(pilot.app.screen, RunsScreen)
    return pilot.app.screen


class TestTheList:
    async def test_has_a_line_for_each_run(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            text = screen_text(app)
            for line in (
                r"14 .* recording +–",
                r"13 .* act3 +passed +15s +400 +2,293 +1\.21s +0%",
                r"12 .* void +15s +10,000",
                r"9 .* not judged +15s",
                r"11 .* interrupted",
                r"10 .* damaged",
            ):
                assert re.search(line, text), line

    async def test_tells_more_of_the_run_under_the_cursor(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("j")
            await until(pilot, lambda: "#baseline context kept; ␛[31mred" in screen_text(app))
            await pilot.press("j", "j")
            await until(pilot, lambda: "the disk is full" in screen_text(app))

    async def test_is_filtered_by_words(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("slash", *"act3")
            await until(pilot, lambda: "RUNS 1 of 6   filter act3" in screen_text(app))
            await pilot.press("escape")
            await until(pilot, lambda: "RUNS 6" in screen_text(app))

    async def test_is_read_again_by_itself(self, app: StressdashApp, shelf: FakeShelf) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            del shelf.runs["12"]
            await until(pilot, lambda: "RUNS 5" in screen_text(app))


class TestChanges:
    @pytest.mark.parametrize(
        ("key", "typed", "shown"), [("t", "fast good", "#fast #good"), ("n", "why not", "why not")]
    )
    async def test_are_typed_and_kept(self, app: StressdashApp, key: str, typed: str, shown: str) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, Ask) and app.focused is not None)
            await pilot.press(*("space" if letter == " " else letter for letter in typed), "enter")
            await until(pilot, lambda: isinstance(app.screen, RunsScreen) and shown in screen_text(app))

    async def test_that_are_called_off_change_nothing(self, app: StressdashApp, shelf: FakeShelf) -> None:
        before = dict(shelf.runs)
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("n")
            await until(pilot, lambda: isinstance(app.screen, Ask) and app.focused is not None)
            await pilot.press("x", "escape")
            await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert shelf.runs == before

    async def test_delete_after_a_question(self, app: StressdashApp, shelf: FakeShelf) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("X")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            assert "14" in shelf.runs
            await pilot.press("y")
            await until(pilot, lambda: "14" not in shelf.runs)

    @pytest.mark.parametrize(("key", "suffix"), [("e", "run"), ("H", "html")])
    async def test_export_tells_the_file(self, app: StressdashApp, key: str, suffix: str) -> None:
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await open_runs(pilot)
            await pilot.press(key)
            await until(pilot, lambda: f"/state/exports/run-14.{suffix}" in screen_text(app))

    @pytest.mark.parametrize(
        ("file", "shown"), [("good.run", "from afar"), ("none.run", "there is no file 'none.run'")]
    )
    async def test_import_a_file_or_say_why_not(self, app: StressdashApp, file: str, shown: str) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("i")
            await until(pilot, lambda: isinstance(app.screen, Ask) and app.focused is not None)
            await pilot.press(*("full_stop" if letter == "." else letter for letter in file), "enter")
            await until(pilot, lambda: isinstance(app.screen, RunsScreen) and shown in screen_text(app))


class TestFigures:
    async def test_of_a_run_are_shown_as_text(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("j", "o")
            await until(pilot, lambda: isinstance(app.screen, Lines))
            await until(pilot, lambda: "figures of run 13" in screen_text(app))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, RunsScreen))


class TestSides:
    async def test_are_filled_run_by_run_as_the_cursor_goes_on(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("j", *"abab")
            await until(pilot, lambda: "RUNS 6   A 11, 13   B 10, 12" in screen_text(app))

    async def test_are_filled_with_all_that_pass_the_filter(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            screen = await open_runs(pilot)
            await pilot.press("slash", *"max", "underscore", *"open", "equals_sign", *"50", "enter")
            await until(pilot, lambda: "RUNS 1 of 6" in screen_text(app) and screen.runs.has_focus)
            await pilot.press("B")
            await until(pilot, lambda: "B 9" in screen_text(app))

    async def test_tell_their_number_where_the_names_have_no_room(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("A")
            await until(pilot, lambda: "RUNS 6   A 6 runs" in screen_text(app))

    @pytest.mark.parametrize(("key", "left"), [("a", ""), ("b", "B 14")])
    async def test_let_go_of_a_run_that_is_put_there_again_or_elsewhere(
        self, app: StressdashApp, key: str, left: str
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("a")
            await until(pilot, lambda: "A 14" in screen_text(app))
            await pilot.press("k", key)
            await until(pilot, lambda: "A 14" not in screen_text(app) and left in screen_text(app))

    async def test_are_emptied_by_a_key(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            screen = await open_runs(pilot)
            await pilot.press("A", "u")
            await until(pilot, lambda: not screen.runs.on_side("A") and "A 6" not in screen_text(app))

    async def test_lose_a_run_that_was_deleted(self, app: StressdashApp, shelf: FakeShelf) -> None:
        async with app.run_test(size=SIZE) as pilot:
            screen = await open_runs(pilot)
            await pilot.press("a", "a")
            await until(pilot, lambda: "A 13, 14" in screen_text(app))
            del shelf.runs["13"]
            await until(pilot, lambda: [entry.name for entry in screen.runs.on_side("A")] == ["14"])


class TestComparing:
    async def compare(self, pilot: Pilot[Any]) -> None:
        await open_runs(pilot)
        await pilot.press("a", "b", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ComparisonPage))
        await until(pilot, lambda: "A  before  runs 14" in screen_text(pilot.app))

    async def test_tells_the_verdict_figures_intervals_and_what_speaks_against_it(
        self, app: StressdashApp
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.compare(pilot)
            text = screen_text(app)
            for line in (
                r"B  after   runs 13",
                r"6 runs before, 6 after, in pairs",
                r"better: latency p50; worse: req/s",
                r"beware: the runs had different plans: connections",
                r"req/s +2,293 +1,107 +-51\.7% +-56\.0% to -47\.4%  worse",
                r"latency p99 +1\.21s +1\.20s +-0\.8% +-9\.0% to \+8\.1%  none, finds 12\.3%",
                r"latency p999 +– +1\.90s +unknown",
                r"max_open: 50 → 200",
            ):
                assert re.search(line, text), line

    async def test_tells_errors_and_charts_further_down(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.compare(pilot)
            await pilot.press("G")
            await until(pilot, lambda: "charts of runs 14" in screen_text(app))
            text = screen_text(app)
            assert "new error, 12 of 1,000 requests (apm): OperationalError: ␛[31mError 1040" in text
            assert re.search(
                r"mean outside the service +14\.0ms +15\.1ms +\+7\.9% +\+2\.1% to \+14\.0%", text
            )

    async def test_says_all_words_where_there_is_room(self, app: StressdashApp) -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            await self.compare(pilot)
            assert "no difference shown, 12.3% would be found" in screen_text(app)

    async def test_is_left_by_esc_with_the_sides_as_they_were(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.compare(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: "RUNS 6   A 14   B 13" in screen_text(app))

    @pytest.mark.parametrize(("key", "suffix"), [("H", "html"), ("e", "json")])
    async def test_is_written_for_others(self, app: StressdashApp, key: str, suffix: str) -> None:
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await self.compare(pilot)
            await pilot.press(key)
            await until(pilot, lambda: f"/state/exports/runs 14.{suffix}" in screen_text(app))

    async def test_needs_runs_on_both_sides(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("a", "c")
            await until(pilot, lambda: "Put runs on both sides first" in screen_text(app))

    async def test_that_is_refused_is_a_sentence(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("j", "a", "b", "c")
            await until(
                pilot, lambda: "Could not compare: void runs cannot be compared: 12" in screen_text(app)
            )
            assert isinstance(app.screen, RunsScreen)

    async def test_has_keys_of_its_own_on_the_help_page(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.compare(pilot)
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, Help) and "A comparison" in screen_text(app))


class TestAReplay:
    async def open_replay(self, pilot: Pilot[Any], shelf: FakeShelf) -> None:
        await open_runs(pilot)
        await pilot.press("j", "enter")
        await until(pilot, lambda: bool(shelf.replays) and "REPLAY 13" in screen_text(pilot.app))
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen) and pilot.app.focused is not None)

    async def test_takes_the_place_of_the_live_session(self, app: StressdashApp, shelf: FakeShelf) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.open_replay(pilot, shelf)
            assert "REPLAY 13  ▶ 10x 00:07/00:15" in screen_text(app)
            assert "( ) speed" in screen_text(app)

    async def test_is_left_by_esc_for_the_list(
        self, app: StressdashApp, shelf: FakeShelf, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.open_replay(pilot, shelf)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, RunsScreen))
            assert app.session is session
            await until(pilot, lambda: shelf.replays[0].calls[-1] == ("close",))

    async def test_is_closed_with_the_dashboard(self, app: StressdashApp, shelf: FakeShelf) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.open_replay(pilot, shelf)
        assert shelf.replays[0].calls == [("open",), ("close",)]

    @pytest.mark.parametrize(
        ("key", "how"),
        [
            ("less_than_sign", "back"),
            ("greater_than_sign", "on"),
            ("comma", "step back"),
            ("full_stop", "step"),
            ("left_parenthesis", "slower"),
            ("right_parenthesis", "faster"),
            ("left_curly_bracket", "start"),
            ("right_curly_bracket", "end"),
        ],
    )
    async def test_is_moved_in_by_keys(
        self, app: StressdashApp, shelf: FakeShelf, key: str, how: str
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.open_replay(pilot, shelf)
            await pilot.press(key)
            await until(pilot, lambda: ("play", how) in shelf.replays[0].calls)

    async def test_begins_again_after_its_end(self, app: StressdashApp, shelf: FakeShelf) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.open_replay(pilot, shelf)
            shelf.replays[0].change(state=RunState.FINISHED)
            await pilot.press("p")
            await until(pilot, lambda: ("resume",) in shelf.replays[0].calls)

    async def test_of_a_damaged_run_is_a_sentence(self, app: StressdashApp, shelf: FakeShelf) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_runs(pilot)
            await pilot.press("G", "k", "enter")
            await until(pilot, lambda: "Could not open run 10" in screen_text(app))
            assert shelf.replays == []

    @pytest.mark.parametrize("key", ["s", "r", "plus", "O"])
    async def test_answers_what_would_change_it_with_a_sentence(
        self, app: StressdashApp, shelf: FakeShelf, key: str
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.open_replay(pilot, shelf)
            await pilot.press(key)
            told = "Run 13 has ended and is replayed: nothing of it can be changed"
            await until(pilot, lambda: told in [note.message for note in app._notifications])
            assert shelf.replays[0].calls == [("open",)]

    async def test_asks_no_question_about_what_it_cannot_do(
        self, app: StressdashApp, shelf: FakeShelf
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await self.open_replay(pilot, shelf)
            await pilot.press("3")
            await until(pilot, lambda: isinstance(app.screen, StackScreen) and app.focused is not None)
            for key in ("X", "P"):
                seen = len(app._notifications)
                await pilot.press(key)
                await until(pilot, lambda seen=seen: len(app._notifications) > seen)
                assert isinstance(app.screen, StackScreen)

    @pytest.mark.parametrize(
        ("screen", "kept", "gone"),
        [
            ("1", "step", ("start", "±", "loop")),
            ("2", "sort", ("service",)),
            ("3", "follow", ("restart", "kill", "set knob", "processes")),
            ("5", "runs", ("again", "start", "set knob", "s starts one", "enter a value")),
        ],
    )
    async def test_offers_only_what_it_can_do(
        self, app: StressdashApp, shelf: FakeShelf, screen: str, kept: str, gone: tuple[str, ...]
    ) -> None:
        async with app.run_test(size=(160, 40)) as pilot:
            await self.open_replay(pilot, shelf)
            await pilot.press(screen)
            await until(pilot, lambda: kept in screen_text(app).splitlines()[-1])
            text = screen_text(app)
            assert [words for words in gone if words in text.splitlines()[-1]] == []
            assert "s starts one" not in text
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, Help))
            await until(
                pilot, lambda: "Ten seconds back" in screen_text(app) or "Everywhere" in screen_text(app)
            )
            assert "Start the load" not in screen_text(app)
