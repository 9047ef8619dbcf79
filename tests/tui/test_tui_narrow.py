"""What stays readable where there is little room, and what more room brings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Static
from tui_apm_pages import apm_page
from tui_fakes import FakeSession
from tui_pictures import APM, COMPONENTS, KNOBS, ROWS, make_snapshot
from tui_screens import screen_text, shown, until
from tui_states import STATES

from stressdash.snapshot import ErrorRow, RunState
from stressdash.tui.apm_document import page_items
from stressdash.tui.app import StressdashApp
from stressdash.tui.lines import crop, line_width
from stressdash.tui.screens.dialogs import Confirm, TooSmall
from stressdash.tui.view import View
from stressdash.tui.widgets import kpi
from stressdash.tui.widgets.component_list import component_header, component_line
from stressdash.tui.widgets.error_list import ago_text, error_cells
from stressdash.tui.widgets.knob_list import knob_header, knob_line

LOOK = View(snapshot=make_snapshot())
PART = replace(ROWS[2], note="part of timeout 2 s", culprit="service.pool.acquire")


def row_text(row: ErrorRow, width: int, *, alike: bool = False) -> str:
    cells = error_cells(row, LOOK, width, alike=alike)
    assert line_width(cells) == width
    return "".join(text for text, _ in cells)


class TestErrorRows:
    def test_a_message_can_be_read_at_60_columns(self) -> None:
        assert "Error 1040: Too" in row_text(ROWS[0], 60)

    def test_what_is_new_is_told_at_60_columns(self) -> None:
        assert "NEW twirp error" in row_text(ROWS[2], 60)

    def test_why_it_did_not_join_is_whole_at_140_columns(self) -> None:
        assert "part of timeout 2 s" in row_text(PART, 140)

    def test_where_it_was_raised_stands_beside_the_message_where_there_is_room(self) -> None:
        assert "context canceled  service.pool.acquire" in row_text(PART, 200)
        assert "service.pool.acquire" not in row_text(PART, 120)

    def test_where_it_was_raised_tells_equal_messages_apart(self) -> None:
        text = row_text(PART, 120, alike=True)
        assert "twirp error" in text
        assert "service.pool.acquire" in text

    @pytest.mark.parametrize(
        ("seconds", "text"), [(0, "0s"), (185, "3m05s"), (2_120, "35m"), (7_500, "2h05m")]
    )
    def test_an_age_fits_its_column(self, seconds: float, text: str) -> None:
        assert ago_text(seconds) == text


class TestFooter:
    @pytest.mark.parametrize("keys", [(), ("2",), ("3",), ("4",), ("5",), ("enter",), ("z",)])
    async def test_help_is_always_in_sight(self, app: StressdashApp, keys: tuple[str, ...]) -> None:
        async with app.run_test(size=(60, 20)) as pilot:
            await shown(pilot)
            await pilot.press(*keys)
            await until(pilot, lambda: screen_text(app).splitlines()[-1].rstrip().endswith("? help"))

    async def test_the_key_that_starts_the_load_stops_it_while_it_runs(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "s stop " in screen_text(app))
            session.change(state=RunState.FINISHED)
            await until(pilot, lambda: "s start " in screen_text(app))


class TestLittleRoom:
    async def test_a_chart_is_drawn_in_the_smallest_terminal(self, app: StressdashApp) -> None:
        async with app.run_test(size=(60, 16)) as pilot:
            await until(pilot, lambda: "-30s" in screen_text(app))

    async def test_a_chart_without_room_says_how_to_see_it(self) -> None:
        app = StressdashApp(FakeSession(STATES["open-loop"]()))
        async with app.run_test(size=(60, 18)) as pilot:
            await until(pilot, lambda: "no room for the chart: z shows it" in screen_text(app))

    async def test_the_last_line_is_read_in_full(self) -> None:
        app = StressdashApp(FakeSession(STATES["saturated"]()))
        async with app.run_test(size=(60, 20)) as pilot:
            await until(pilot, lambda: "+1 (w)" in screen_text(app))
            await pilot.press("w")
            await until(pilot, lambda: "Figures mix two segments" in screen_text(app))

    async def test_a_terminal_that_grew_beneath_a_question_is_not_too_small(self, app: StressdashApp) -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await shown(pilot)
            await pilot.resize_terminal(50, 12)
            await until(pilot, lambda: isinstance(app.screen, TooSmall) and app.screen.query(Static))
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.resize_terminal(80, 24)
            await pilot.press("n")
            await until(pilot, lambda: "ERRORS 3" in screen_text(app))

    def test_a_line_that_is_cut_says_so(self) -> None:
        assert crop([("abc", "text"), ("defgh", "dim")], 6) == [("abc", "text"), ("de…", "dim")]

    def test_a_line_that_is_cut_between_two_runs_says_so(self) -> None:
        assert crop([("abc", "text"), ("def", "dim")], 3) == [("ab…", "text")]

    def test_blanks_are_cut_without_a_word(self) -> None:
        assert crop([("abc  ", "text"), ("   ", "dim")], 4) == [("abc ", "text")]
        assert crop([("abc", "text"), ("   ", "dim")], 3) == [("abc", "text")]

    @given(st.lists(st.tuples(st.text("aあ ", max_size=9), st.just("text"))), st.integers(1, 20))
    def test_a_cropped_line_is_no_wider_than_asked_for(self, line: list[tuple[str, str]], width: int) -> None:
        assert line_width(crop(line, width)) <= width


class TestHelp:
    async def test_the_keys_of_the_screen_beneath_come_first(self, app: StressdashApp) -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await shown(pilot)
            await pilot.press("3")
            await until(pilot, lambda: "listening on" in screen_text(app))
            await pilot.press("question_mark")
            await until(pilot, lambda: "Start the selected component" in screen_text(app))


class TestApmViews:
    def test_the_name_of_a_transaction_is_whole_at_80_columns(self) -> None:
        one = replace(
            apm_page("transactions", None, (0, None)).transactions[0], name="stats.StatsService/Push"
        )
        page = replace(apm_page("transactions", None, (0, None)), transactions=(one,))
        lines = ["".join(text for text, _ in item.line) for item in page_items(page, 79)]
        assert "stats.StatsService/Push" in lines[1]
        assert len(lines[1]) == 79


class TestColumns:
    @pytest.mark.parametrize("width", [59, 60, 79, 119])
    def test_components_and_knobs_have_their_columns_whole(self, width: int) -> None:
        lines = [component_line(one, 1.54, width) for one in COMPONENTS]
        lines += [knob_line(one, width) for one in KNOBS]
        assert all(line_width(line) <= width for line in lines)
        assert component_header(width)[:59].rstrip().endswith("restarts")
        assert knob_header(width).rstrip().endswith("applies")
        assert len(knob_header(width).rstrip()) <= width

    @pytest.mark.parametrize(
        ("dropped", "told"), [(0, "lag 1.3s drop 0"), (12_345, "drop 12,345"), (None, "lag 1.3s drop –")]
    )
    def test_lost_events_are_told_before_the_lag(self, dropped: int | None, told: str) -> None:
        line = kpi.apm_row(replace(APM, dropped=dropped), 60)
        assert "".join(text for text, _ in line).endswith(told)
        assert line_width(line) <= 60
