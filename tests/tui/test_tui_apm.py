from __future__ import annotations

from dataclasses import replace

import pytest
from tui_apm_pages import HOSTILE_NAME, PUSH, apm_page
from tui_fakes import FakeSession
from tui_pictures import APM
from tui_screens import screen_text, until

from stressdash.samples import ClockOffset, Scope
from stressdash.samples.apm_page import APM_TABS
from stressdash.tui.apm_document import page_items
from stressdash.tui.app import StressdashApp
from stressdash.tui.lines import line_width
from stressdash.tui.screens.errors import ErrorsScreen
from stressdash.tui.screens.live import LiveScreen
from stressdash.tui.screens.trace_page import TracePage
from stressdash.tui.widgets.kpi import clock_part

SIZE = (100, 30)


class TestTabs:
    async def test_arrows_lead_through_the_views_and_round(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2", "right")
            await until(pilot, lambda: "[Services]" in screen_text(app) and "stats" in screen_text(app))
            await pilot.press("right")
            await until(pilot, lambda: "[Transactions]" in screen_text(app) and PUSH in screen_text(app))
            await pilot.press("right", "right")
            await until(pilot, lambda: "[Dependencies]" in screen_text(app) and "mysql/" in screen_text(app))
            await pilot.press("right")
            await until(pilot, lambda: "[Errors]" in screen_text(app) and "ERRORS 3" in screen_text(app))

    async def test_a_click_chooses_a_tab(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "[Errors]" in screen_text(app))
            await pilot.click("Tabs", offset=(12, 0))
            await until(pilot, lambda: "[Services]" in screen_text(app))

    async def test_a_refusal_is_shown_in_place_of_the_figures(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        session.refusal = "there is no APM source"
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2", "right")
            await until(pilot, lambda: "there is no APM source" in screen_text(app))

    async def test_the_filter_is_for_the_view_that_is_shown(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2", "right", "right")
            await until(pilot, lambda: PUSH in screen_text(app))
            await pilot.press("slash", *"GET", "enter")
            await until(pilot, lambda: PUSH not in screen_text(app) and "GET /" in screen_text(app))


class TestNarrowing:
    async def test_enter_on_a_transaction_shows_how_long_it_took(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2", "right", "right")
            await until(pilot, lambda: PUSH in screen_text(app))
            await pilot.press("enter")
            await until(pilot, lambda: f"latency of {PUSH}" in screen_text(app))
            assert ("apm_page", "latency", PUSH, (0, None)) in session.calls
            await pilot.press("escape")
            await until(pilot, lambda: "[Transactions]" in screen_text(app))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))

    async def test_enter_on_a_band_confines_the_samples_to_it(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2", "right", "right", "right")
            await until(pilot, lambda: "◂ p95 p99" in screen_text(app) and "HTTP 5xx" in screen_text(app))
            await pilot.press("home", "enter")
            await until(pilot, lambda: "HTTP 5xx" not in screen_text(app))
            assert ("apm_page", "latency", None, (100_000, 125_893)) in session.calls
            await pilot.press("escape")
            await until(pilot, lambda: "HTTP 5xx" in screen_text(app))

    async def test_enter_on_a_sample_opens_its_trace_and_esc_leads_back(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2", "right", "right", "right")
            await until(pilot, lambda: "HTTP 5xx" in screen_text(app))
            await pilot.press("end", "enter")
            await until(pilot, lambda: isinstance(app.screen, TracePage) and "total" in screen_text(app))
            assert ("trace", "5bf92f3577b34da6a3ce929d0e0e4736") in session.calls
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
            assert "[Latency]" in screen_text(app)


class TestScope:
    async def test_a_service_is_picked_from_those_found(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
            await pilot.press("A")
            await until(pilot, lambda: "stats, type job" in screen_text(app))
            assert "billing, environment test" in screen_text(app)
            await pilot.press("5")
            await until(pilot, lambda: ("look_at", Scope("stats")) in session.calls)

    async def test_a_source_that_does_not_answer_is_told(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        session.refusal = "gone"
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
            await pilot.press("A")
            await until(pilot, lambda: "Could not ask APM" in screen_text(app))


class TestPages:
    @pytest.mark.parametrize("tab", APM_TABS)
    @pytest.mark.parametrize("width", [58, 80, 120, 200])
    def test_lines_keep_to_the_width(self, tab: str, width: int) -> None:
        items = page_items(apm_page(tab, None, (0, None)), width)
        assert max(line_width(item.line) for item in items) <= max(width, 80)

    def test_hostile_names_are_made_visible(self) -> None:
        text = "\n".join(
            piece
            for item in page_items(apm_page("transactions", None, (0, None)), 120)
            for piece, _ in item.line
        )
        assert "\x1b" not in text
        assert "␛[31mGET /[bold]" in text

    def test_the_services_say_how_their_clock_goes(self) -> None:
        page = replace(apm_page("services", None, (0, None)), clock=ClockOffset(2_000_000, 900, 2_000_000))
        (piece, _), *_ = page_items(page, 80)[-1].line
        assert piece == "  the service's clock is 2.00s ahead of ours, within 900us: corrected"

    def test_a_corrected_clock_stands_beside_the_lag(self) -> None:
        for ahead_us, shown in ((-7_300_000, " clock -7.30s"), (30_000, " clock +30.0ms")):
            words = clock_part(ClockOffset(ahead_us, 400, ahead_us))
            assert "".join(piece for piece, _ in words) == shown
        for clock in (None, ClockOffset(900, 400)):
            assert clock_part(clock) == []

    async def test_it_stands_there_where_there_is_room(self, session: FakeSession) -> None:
        figures = replace(APM, clock=ClockOffset(7_300_000, 400, 7_300_000))
        session.change(apm=figures)
        for size, is_shown in (((80, 24), False), ((120, 40), True)):
            app = StressdashApp(session)
            async with app.run_test(size=size) as pilot:
                await until(pilot, lambda app=app: "sampled 1/10" in screen_text(app))
                assert ("clock +7.30s" in screen_text(app)) is is_shown

    def test_an_empty_source_says_so(self) -> None:
        page = apm_page("services", HOSTILE_NAME, (0, None))
        empty = type(page)("services", page.start_ms, page.end_ms)
        assert [piece for item in page_items(empty, 80) for piece, _ in item.line] == [
            "  APM has no transaction of this time yet."
        ]
