"""The tour leads from screen to screen, starts its acts, and says on each what to look at."""

from __future__ import annotations

import pytest
from tui_fakes import FakeSession
from tui_pictures import make_snapshot
from tui_screens import screen_text, until

from stressdash.snapshot import RunState
from stressdash.tui.app import StressdashApp
from stressdash.tui.lines import wrap
from stressdash.tui.tour import STEPS, Tour
from stressdash.tui.widgets.tour_strip import ROWS


@pytest.fixture
def ready() -> FakeSession:
    return FakeSession(make_snapshot(state=RunState.READY))


class TestSteps:
    @pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
    def test_fit_their_strip_at_80_columns(self, step: object) -> None:
        words = step.words  # type: ignore[attr-defined]
        assert "".join(wrap(words, 80, ROWS - 1)).replace(" ", "") == words.replace(" ", "")

    def test_play_the_three_acts_in_their_order(self) -> None:
        assert [step.scenario for step in STEPS if step.scenario] == ["act1", "act2", "act3"]

    def test_end_at_both_ends(self) -> None:
        tour = Tour()
        assert not tour.move(-1)
        assert all(tour.move(1) for _ in STEPS[1:])
        assert not tour.move(1)
        assert tour.place == f"{len(STEPS)}/{len(STEPS)}"


class TestTour:
    async def test_shows_its_words_above_the_keys(self, ready: FakeSession) -> None:
        app = StressdashApp(ready, tour=Tour())
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "TOUR 1/9" in screen_text(app))
            assert "interference" in screen_text(app)

    async def test_next_starts_the_act_of_its_step(self, ready: FakeSession) -> None:
        app = StressdashApp(ready, tour=Tour())
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "TOUR 1/9" in screen_text(app))
            await pilot.press("n")
            await until(pilot, lambda: ("start_load",) in ready.calls)
            assert ready.calls.index(("load_scenario", "act1")) < ready.calls.index(("start_load",))
            assert "TOUR 2/9" in screen_text(app)

    async def test_an_act_ends_the_run_before_it(self) -> None:
        session = FakeSession(make_snapshot())
        app = StressdashApp(session, tour=Tour())
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "TOUR 1/9" in screen_text(app))
            await pilot.press("n")
            await until(pilot, lambda: ("start_load",) in session.calls)
            assert [call[0] for call in session.calls][:3] == ["stop_load", "load_scenario", "start_load"]

    async def test_goes_from_screen_to_screen_and_back(self, ready: FakeSession) -> None:
        app = StressdashApp(ready, tour=Tour())
        async with app.run_test(size=(80, 24)) as pilot:
            for number, step in enumerate(STEPS[1:], 2):
                await pilot.press("n")
                await until(pilot, lambda n=number: f"TOUR {n}/9" in screen_text(app))
                assert app.current_mode == step.screen
            await pilot.press("N")
            await until(pilot, lambda: "TOUR 8/9" in screen_text(app))
            assert app.current_mode == "lab"

    async def test_without_one_the_key_does_nothing(self, ready: FakeSession) -> None:
        app = StressdashApp(ready)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "req/s" in screen_text(app))
            await pilot.press("n")
            assert "TOUR" not in screen_text(app)
            assert ready.calls == []
