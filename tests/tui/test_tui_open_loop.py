"""The open loop on Live: its slider and key, latency as due, the cap, the plan ahead, what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui_fakes import FakeSession
from tui_pictures import CLIENT
from tui_screens import screen_text, shown, until
from tui_states import OPEN_CLIENT, PLAN, STATES

from stressdash.course import Course, PlanAhead, PlannedStage
from stressdash.snapshot import RunState
from stressdash.tui.app import StressdashApp
from stressdash.tui.lines import line_width
from stressdash.tui.screens.dialogs import Confirm
from stressdash.tui.screens.live import LiveScreen
from stressdash.tui.widgets.plan_strip import draw_plan, level_at, plan_words, stage_of

LEVELS = st.floats(0, 1e5)
SIZE, TALL = (80, 24), (120, 40)


@pytest.fixture
def opened() -> FakeSession:
    return FakeSession(STATES["open-loop"]())


def live(app: StressdashApp) -> LiveScreen:
    assert isinstance(app.screen, LiveScreen)
    return app.screen


def row(app: StressdashApp, start: str) -> str:
    return next((line for line in screen_text(app).splitlines() if line.startswith(start)), "")


class TestKey:
    async def test_opens_the_loop_at_what_it_does_now(self, session: FakeSession) -> None:
        app = StressdashApp(session)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            await pilot.press("O")
            await until(pilot, lambda: session.calls == [("set_rate", 2293)])

    async def test_closes_the_open_loop_and_opens_it_at_the_rate_it_had(self, opened: FakeSession) -> None:
        opened.change(state=RunState.READY)
        app = StressdashApp(opened)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            await pilot.press("O")
            await until(pilot, lambda: opened.calls == [("set_rate", None)])
            await until(pilot, lambda: not row(app, "rate "))
            await pilot.press("O")
            await until(pilot, lambda: opened.calls[1:] == [("set_rate", 500)])


class TestSlider:
    async def test_is_there_in_the_open_loop_and_on_tall_screens(self, opened: FakeSession) -> None:
        app = StressdashApp(opened)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert "500/s due" in row(app, "rate")
            opened.change(client=CLIENT)
            await until(pilot, lambda: not row(app, "rate "))
            await pilot.resize_terminal(*TALL)
            await until(pilot, lambda: "closed loop  O opens it" in row(app, "rate"))

    async def test_a_typed_rate_is_set(self, opened: FakeSession) -> None:
        app = StressdashApp(opened)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            live(app).rate.focus()
            await pilot.press("equals_sign", *"2k", "enter")
            await until(pilot, lambda: opened.calls == [("set_rate", 2000)])

    async def test_a_jump_asks_first(self, opened: FakeSession) -> None:
        app = StressdashApp(opened)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            live(app).rate.focus()
            await pilot.press("end")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await until(pilot, lambda: "from 500/s to 100k/s?" in screen_text(app))
            assert opened.calls == []

    async def test_a_typed_rate_opens_a_closed_loop(self, session: FakeSession) -> None:
        app = StressdashApp(session)
        async with app.run_test(size=TALL) as pilot:
            await shown(pilot)
            live(app).rate.focus()
            await pilot.press("equals_sign", *"700", "enter")
            await until(pilot, lambda: session.calls == [("set_rate", 700)])


class TestFigures:
    async def test_latency_as_due_stands_below_the_raw(self, opened: FakeSession) -> None:
        app = StressdashApp(opened)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            due = row(app, "due")
            assert due.split()[:6] == ["due", "500", "–", "850ms", "≥2.10s", "–"]
            assert "send lag p99 1.80s" in due
            assert "CAP BINDS 41%" in due
            client = row(app, "client")
            assert client.index("164ms") + 5 == due.index("850ms") + 5

    async def test_a_send_lag_of_few_requests_shows_its_median(self, opened: FakeSession) -> None:
        opened.change(client=replace(OPEN_CLIENT, send_lag_p99_us=None))
        app = StressdashApp(opened)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert "send lag p50 210us" in row(app, "due")

    async def test_the_closed_loop_has_no_such_row(self, session: FakeSession) -> None:
        app = StressdashApp(session)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert not row(app, "due")


class TestLeftOut:
    async def test_the_chart_explains_what_it_dots(self, opened: FakeSession) -> None:
        opened.change(course=Course((40.0, 55.0), is_steady=True, words="steady from 12s"))
        app = StressdashApp(opened)
        async with app.run_test(size=TALL) as pilot:
            await shown(pilot)
            await until(pilot, lambda: "┊┊ warm-up, left out" in screen_text(app))
            assert "steady from 12s" in screen_text(app)

    async def test_a_warm_up_out_of_sight_is_not_explained(self, opened: FakeSession) -> None:
        opened.change(course=Course((1.0, 2.0), is_steady=False, words="steady: never reached"))
        app = StressdashApp(opened)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert "left out" not in screen_text(app)


class TestPlan:
    async def test_the_stage_and_what_is_left_are_named(self, opened: FakeSession) -> None:
        app = StressdashApp(opened)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            strip = row(app, "plan")
            assert "ramp 100..900 · 2 of 3 · left 00:15, run 00:35" in strip
            assert "┃" in strip

    async def test_a_load_without_a_shape_has_no_strip(self, session: FakeSession) -> None:
        app = StressdashApp(session)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert not row(app, "plan")

    async def test_it_is_three_rows_high_on_a_tall_screen(self, opened: FakeSession) -> None:
        app = StressdashApp(opened)
        async with app.run_test(size=TALL) as pilot:
            await shown(pilot)
            assert "most 900 requests/s" in screen_text(app)

    def test_before_the_run_it_tells_its_length(self) -> None:
        words = "".join(text for text, _ in plan_words(replace(PLAN, at_s=None)))
        assert words == "3 stages, 00:50, in requests/s"

    def test_who_steers_by_hand_has_left_it(self) -> None:
        assert plan_words(replace(PLAN, is_followed=False)) == [("left: steered by hand", "warn")]

    def test_the_level_at_a_time(self) -> None:
        assert [level_at(PLAN, at) for at in (0.0, 20.0, 45.0, 99.0)] == [100, 500, 900, 900]
        assert stage_of(PLAN, 50.0)[0] == 2

    @given(
        st.lists(
            st.tuples(st.floats(0, 1e5), st.floats(0, 1e5), st.floats(0.1, 1e4)), min_size=1, max_size=9
        ),
        st.none() | st.floats(0, 1e5),
        st.integers(0, 200),
        st.sampled_from([1, 3]),
    )
    def test_any_shape_is_drawn_in_its_width(
        self, lines: list[tuple[float, float, float]], at_s: float | None, width: int, rows: int
    ) -> None:
        stages, begins_s = [], 0.0
        for start, end, seconds in lines:
            stages.append(PlannedStage("x", begins_s, begins_s + seconds, start, end))
            begins_s += seconds
        drawn = draw_plan(PlanAhead("rate", tuple(stages), at_s), width, rows)
        assert len(drawn) == rows
        assert {line_width(line) for line in drawn} == {max(8, width)}
