from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from textual.geometry import Offset
from tui_fakes import FakeSession
from tui_pictures import CLIENT, COMPONENTS, ROWS, make_snapshot
from tui_screens import screen_text, shown, until

from stressdash.samples import ComponentState
from stressdash.snapshot import RunState
from stressdash.tui.app import StressdashApp
from stressdash.tui.screens.dialogs import Confirm
from stressdash.tui.screens.live import LiveScreen
from stressdash.tui.widgets.chart import CHARTS, Chart

SIZE = (80, 24)


def live(app: StressdashApp) -> LiveScreen:
    assert isinstance(app.screen, LiveScreen)
    return app.screen


def charts(app: StressdashApp) -> list[str]:
    return [chart.chart for chart in app.screen.query(Chart) if chart.display]


def lines(app: StressdashApp) -> list[str]:
    return screen_text(app).splitlines()


class TestFigures:
    async def test_client_and_apm_stand_in_the_same_columns(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            header, client, apm = lines(app)[1:4]
            ends = [header.index(name) + len(name) for name in ("req/s", "p50", "p99", "fail%")]
            for row in (client, apm):
                assert all(row[end - 1].strip() and not row[end].strip(" ▲▼") for end in ends)

    async def test_the_window_of_the_figures_is_stated(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert lines(app)[1].endswith("(last 1 s)")

    async def test_a_percentile_that_is_a_bound_says_so(self) -> None:
        app = StressdashApp(FakeSession(make_snapshot(client=replace(CLIENT, p99_us=2e6, p99_is_bound=True))))
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert "≥2.00s" in lines(app)[2]

    async def test_what_the_end_of_the_run_cut_off_is_no_longer_in_flight(self) -> None:
        session = FakeSession()
        app = StressdashApp(session)
        async with app.run_test(size=(140, 40)) as pilot:
            await until(pilot, lambda: "failed 17,834  in flight 398" in screen_text(app))
            session.change(state=RunState.FINISHED, run_ended_s=60.0)
            await until(pilot, lambda: "failed 17,834  cut off 398" in screen_text(app))

    async def test_a_dead_component_is_named_with_its_state(self) -> None:
        dead = replace(COMPONENTS[0], state=ComponentState.FAILED, detail="killed by signal 9")
        app = StressdashApp(FakeSession(make_snapshot(components=(dead, *COMPONENTS[1:]))))
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert "svc ✗ failed: killed by si" in screen_text(app)


class TestCharts:
    async def test_eighty_columns_show_one_chart_with_tabs(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert [chart.chart for chart in app.screen.query(Chart) if chart.display] == ["rate"]
            assert lines(app)[4].startswith("[Rate] Latency  Errors  Resources")

    async def test_a_large_terminal_shows_four_and_c_brings_the_fifth(self, app: StressdashApp) -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            await shown(pilot)
            assert charts(app) == ["rate", "latency", "errors", "resources"]
            await pilot.press("c", "c", "c", "c")
            await until(pilot, lambda: charts(app) == ["rate", "latency", "errors", "where"])

    async def test_a_very_large_one_shows_all(self, app: StressdashApp) -> None:
        async with app.run_test(size=(160, 50)) as pilot:
            await shown(pilot)
            assert charts(app) == list(CHARTS)

    async def test_c_turns_through_the_charts(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("c")
            await until(pilot, lambda: "[Latency]" in screen_text(app) and "b client p99" in screen_text(app))

    async def test_b_draws_with_other_characters(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            await pilot.press("B")
            await until(pilot, lambda: set(screen_text(app)) & set("▄▀▟▙"))
            await pilot.press("B")
            await until(
                pilot,
                lambda: (
                    not any("⠀" < character <= "⣿" or character in "▄▀" for character in screen_text(app))
                ),
            )

    async def test_a_click_on_a_tab_shows_its_chart(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            await pilot.click(offset=(lines(app)[4].index("Resources") + 2, 4))
            await until(pilot, lambda: "[Resources]" in screen_text(app))

    async def test_arrows_turn_the_focused_chart_and_keep_the_focus(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            app.screen.query_one("#chart-rate").focus()
            await pilot.press("right", "right", "left")
            await until(pilot, lambda: "[Latency]" in screen_text(app))
            assert app.focused is app.screen.query_one("#chart-latency")

    async def test_a_mark_stands_on_the_chart(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert "│conns 100→400" in screen_text(app)


class TestConnections:
    async def test_plus_and_minus_step_along_the_ladder(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("plus")
            await until(pilot, lambda: ("set_connections", 450) in session.calls)
            await pilot.press("minus")
            await until(pilot, lambda: ("set_connections", 400) in session.calls)

    @pytest.mark.parametrize(
        ("key", "value"), [("right", 450), ("left", 350), ("shift+right", 500), ("pagedown", 200)]
    )
    async def test_keys_of_the_focused_slider(
        self, app: StressdashApp, session: FakeSession, key: str, value: int
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            live(app).connections.focus()
            await pilot.press(key)
            await until(pilot, lambda: session.calls == [("set_connections", value)])

    async def test_a_typed_value_is_set_with_enter(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            await pilot.press("equals_sign", "1", "2", "0", "backspace", "5", "enter")
            await until(pilot, lambda: session.calls == [("set_connections", 125)])
            assert isinstance(app.screen, LiveScreen)

    async def test_escape_forgets_what_was_typed(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            await pilot.press("equals_sign", "7", "q", "escape")
            await until(pilot, lambda: live(app).connections.entry is None)
            assert session.calls == []

    async def test_nonsense_gets_a_sentence(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            await pilot.press("equals_sign", "x", "enter")
            await until(pilot, lambda: "'x' is not a whole number" in screen_text(app))
            assert session.calls == []

    async def test_tenfold_asks_first(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            live(app).connections.focus()
            await pilot.press("end")
            await until(pilot, lambda: "Change connections from 400 to 10k?" in screen_text(app))
            await pilot.press("y")
            await until(pilot, lambda: session.calls == [("set_connections", 10_000)])

    async def test_no_to_a_jump_puts_the_knob_back(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            live(app).connections.focus()
            await pilot.press("home")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))
            await until(pilot, lambda: live(app).connections.value == 400)
            assert session.calls == []

    async def test_a_click_on_the_track_sets_a_value(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            slider = live(app).connections
            start, length = slider._track
            await pilot.click(slider, offset=Offset(start + length * 3 // 4, 0))
            await until(pilot, lambda: [call[0] for call in session.calls] == ["set_connections"])
            assert session.calls[-1][1] == slider.ladder.at((length * 3 // 4) / (length - 1))

    async def test_a_drag_sends_few_values_and_always_the_last(self) -> None:
        gate = asyncio.Event()

        class SlowSession(FakeSession):
            async def set_connections(self, connections: int) -> None:
                self.calls.append(("set_connections", connections))
                await gate.wait()

        session = SlowSession()
        app = StressdashApp(session)
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            slider = live(app).connections
            start, length = slider._track
            knob = start + round(slider.ladder.place(400) * (length - 1))
            await pilot.mouse_down(slider, offset=Offset(knob, 0))
            for x in range(knob - 6, knob):
                await pilot.hover(slider, offset=Offset(x, 0))
            await pilot.mouse_up(slider, offset=Offset(knob - 3, 0))
            last = slider.value
            gate.set()
            await until(pilot, lambda: session.calls[-1] == ("set_connections", last))
            assert len(session.calls) == 2

    async def test_pictures_never_send_anything(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            for connections in (10, 5_000, 33):
                session.change(client=replace(CLIENT, target_connections=connections))
                app.pull()
                await pilot.pause()
                assert live(app).connections.value == connections
            assert session.calls == []

    async def test_a_refused_value_goes_back(self, app: StressdashApp, session: FakeSession) -> None:
        session.refusal = "the hard limit of open files is 256"
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("plus")
            await until(pilot, lambda: "hard limit of open files" in screen_text(app))
            await until(pilot, lambda: live(app).connections.value == 400)


class TestDuration:
    async def test_a_typed_duration(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            live(app).duration.focus()
            await pilot.press("equals_sign", *"2m", "enter")
            await until(pilot, lambda: session.calls == [("set_duration", 120)])

    async def test_a_run_without_an_end_shows_so(self) -> None:
        app = StressdashApp(FakeSession(make_snapshot(duration_s=None)))
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            assert "00:07/∞" in lines(app)[0]
            assert "∞" in next(line for line in lines(app) if line.startswith("time"))


class TestErrorsInSight:
    async def test_reasons_and_new_ones_are_shown(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await shown(pilot)
            text = screen_text(app)
            assert "no APM event" in text
            assert next(line for line in text.splitlines() if "apm only" in line).endswith("NEW")

    async def test_slash_filters_and_escape_clears(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("slash", *"1040")
            await until(pilot, lambda: "timeout 2 s" not in screen_text(app))
            assert "rpc internal" in screen_text(app)
            await pilot.press("escape")
            await until(pilot, lambda: "timeout 2 s" in screen_text(app))

    async def test_the_cursor_and_its_error_stay_when_counts_change(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("j")
            await until(pilot, lambda: live(app).errors.selected == "timeout")
            session.change(errors=(ROWS[0], replace(ROWS[1], client_count=99_999), ROWS[2]))
            await until(pilot, lambda: "99,999" in screen_text(app))
            assert live(app).errors.selected == "timeout"
            assert live(app).errors.row == 1
            assert "ERRORS 3 (g sorts)" in screen_text(app)
