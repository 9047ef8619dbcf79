from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events
from tui_fakes import FakeSession, make_detail
from tui_pictures import ROWS, make_snapshot
from tui_screens import screen_text, until
from tui_states import HOSTILE

from stressdash.errors import SourceError
from stressdash.snapshot import ErrorDetail
from stressdash.tui.app import StressdashApp
from stressdash.tui.error_document import Page
from stressdash.tui.screens.error_page import ErrorPage
from stressdash.tui.screens.errors import ErrorsScreen
from stressdash.tui.screens.live import LiveScreen
from stressdash.tui.screens.stack import StackScreen
from stressdash.tui.widgets.prompt import FilterPrompt

SIZE = (80, 24)


def first_errors(app: StressdashApp) -> list[str]:
    assert isinstance(app.screen, ErrorsScreen)
    return [row.id for row in app.screen.errors.rows]


class TestList:
    async def test_t_changes_the_order(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "by count" in screen_text(app))
            assert first_errors(app) == ["rpc-1040", "timeout", "apm-canceled"]
            await pilot.press("t", "t", "t", "t")
            await until(pilot, lambda: "by new" in screen_text(app))
            assert first_errors(app)[0] == "apm-canceled"

    async def test_an_exclamation_mark_turns_a_filter_round(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2", "slash", *"!1040", "enter")
            await until(pilot, lambda: "2 of 3" in screen_text(app))
            assert first_errors(app) == ["timeout", "apm-canceled"]

    async def test_keys_typed_ahead_of_the_closing_filter_reach_the_list(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2", "slash")
            await until(pilot, lambda: isinstance(app.focused, FilterPrompt))
            for key in (*"1040", "enter", "enter"):
                app.post_message(events.Key(key, key if len(key) == 1 else None))
            await until(pilot, lambda: isinstance(app.screen, ErrorPage))

    async def test_keys_typed_ahead_of_the_opening_filter_are_its_text(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
            for key in ("slash", *"1040", "enter", "enter"):
                app.post_message(events.Key(key, key if len(key) == 1 else None))
            await until(pilot, lambda: isinstance(app.screen, ErrorPage))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
            assert "filter 1040" in screen_text(app)

    async def test_letters_of_a_filter_are_no_commands(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2", "slash", *"sqrp123", "enter")
            await until(pilot, lambda: "filter sqrp123" in screen_text(app))
            assert session.calls == []
            assert isinstance(app.screen, ErrorsScreen)

    async def test_m_mutes_to_the_end_and_unmutes(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: isinstance(app.screen, ErrorsScreen) and app.screen.errors.selected)
            await pilot.press("m")
            await until(pilot, lambda: "muted 1" in screen_text(app))
            assert first_errors(app)[-1] == "rpc-1040"
            await pilot.press("m")
            await until(pilot, lambda: "muted" not in screen_text(app).replace("m mute", ""))

    async def test_the_selected_message_is_shown_in_full(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "\nError 1040: Too many connections" in screen_text(app))

    async def test_two_clicks_open_a_row(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "timeout 2 s" in screen_text(app))
            y = next(y for y, line in enumerate(screen_text(app).splitlines()) if "timeout 2 s" in line)
            await pilot.click(offset=(20, y))
            await pilot.click(offset=(20, y))
            await until(pilot, lambda: isinstance(app.screen, ErrorPage))
            assert app.screen.selected_error == "timeout"

    async def test_at_most_two_hundred_rows_are_listed(self) -> None:
        rows = tuple(replace(ROWS[0], id=f"row-{index}") for index in range(2_000))
        app = StressdashApp(FakeSession(make_snapshot(errors=rows)))
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "200 of 2000" in screen_text(app))


async def open_page(app: StressdashApp, pilot: object) -> None:
    await pilot.pause()  # type: ignore[attr-defined]
    await pilot.press("enter")  # type: ignore[attr-defined]
    await until(pilot, lambda: "[Stack]" in screen_text(app) and "fetching" not in screen_text(app))  # type: ignore[arg-type]


class TestPage:
    async def test_it_shows_what_the_client_and_apm_know(self, app: StressdashApp) -> None:
        async with app.run_test(size=(80, 40)) as pilot:
            await open_page(app, pilot)
            text = screen_text(app)
            for words in (
                "Errors » Error 1040: Too many connections",
                "OperationalError  unhandled  culprit service.pool.connect",
                "client 17,744 (51.4%)  apm 17,744  first 00:00.4  last 0s",
                "sample 1/50",
                "▸ 4 library frames (asyncmy)",
                "▾ service/pool.py:88  in connect",
                "→   88          conn = await self._driver.connect(self._dsn)",
                "▸ service/stats.py:41  in push",
                "total 182ms",
                "HTTP 500 after 182ms",
                "conn 217  request 9,144  sent 14:02:07.113  30.0ms before service saw it",
                "curl of the run",
                "Knob: max_open 0 (unlimited) · max_connections 151",
            ):
                assert words in text

    async def test_dot_and_comma_page_through_samples(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_page(app, pilot)
            await pilot.press("full_stop")
            await until(pilot, lambda: "sample 2/50" in screen_text(app))
            await pilot.press("comma")
            await until(pilot, lambda: "sample 1/50" in screen_text(app))
            await pilot.press("comma")
            await pilot.pause()
            assert session.calls[-1] == ("error_detail", "rpc-1040", 0)

    async def test_paging_goes_on_from_the_sample_that_the_client_remembers(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        detail = session.details["rpc-1040"]
        assert detail.sample is not None
        remembered = replace(detail.sample, index=30)

        async def error_detail(row_id: str, sample: int | None = None) -> ErrorDetail:
            session.calls.append(("error_detail", row_id, sample))
            return replace(detail, sample=remembered if sample is None else replace(remembered, index=sample))

        session.error_detail = error_detail  # type: ignore[method-assign]
        async with app.run_test(size=SIZE) as pilot:
            await open_page(app, pilot)
            await until(pilot, lambda: "sample 31/50" in screen_text(app))
            await pilot.press("full_stop")
            await until(pilot, lambda: "sample 32/50" in screen_text(app))

    async def test_what_the_client_saw_of_another_request_is_not_put_on_this_ones_time_line(self) -> None:
        session = FakeSession()
        detail = make_detail()
        stranger = replace(detail.exemplars[0], trace_id="0" * 32)
        session.details["rpc-1040"] = replace(detail, exemplars=(stranger,), exemplar_index=None)
        app = StressdashApp(session)
        async with app.run_test(size=(100, 60)) as pilot:
            await open_page(app, pilot)
            text = screen_text(app)
            assert "another request that failed so" in text
            assert "before service saw it" not in text
            assert "  client  ├" not in text

    async def test_an_error_opened_too_early_gets_its_sample_once_it_has_joined(self) -> None:
        session = FakeSession()
        early = replace(ROWS[0], apm_group=None, note="not looked up yet")
        joined = session.details["rpc-1040"]
        session.details["rpc-1040"] = replace(joined, row=early, sample=None, trace=None)
        session.change(errors=(early, *ROWS[1:]))
        app = StressdashApp(session)
        async with app.run_test(size=SIZE) as pilot:
            await open_page(app, pilot)
            await until(pilot, lambda: "no sample" in screen_text(app))
            session.details["rpc-1040"] = joined
            session.change(errors=ROWS)
            await until(pilot, lambda: "sample 1/50" in screen_text(app))

    @pytest.mark.parametrize(
        ("note", "said"),
        [
            ("part of timeout first_byte", "At the client this is part of timeout first_byte; open that"),
            ("APM only", "The client saw nothing of this"),
        ],
    )
    async def test_an_error_of_apm_alone_says_what_the_client_makes_of_it(self, note: str, said: str) -> None:
        row = replace(ROWS[0], note=note)
        detail = replace(make_detail(), row=row, exemplars=(), exemplar_index=None)
        lines = ["".join(text for text, _ in item.line) for item in Page(detail, frozenset()).items(120)]
        assert any(said in line for line in lines)

    async def test_enter_folds_and_unfolds_frames(self, app: StressdashApp) -> None:
        async with app.run_test(size=(80, 40)) as pilot:
            await open_page(app, pilot)
            await pilot.press("enter")
            await until(pilot, lambda: "self._driver.connect" not in screen_text(app))
            await pilot.press("k", "enter")
            await until(pilot, lambda: "asyncmy/errors.pyx:128  in raise_mysql_exception" in screen_text(app))

    async def test_tab_goes_from_part_to_part(self, app: StressdashApp) -> None:
        async with app.run_test(size=(80, 16)) as pilot:
            await open_page(app, pilot)
            for part in ("Trace", "Client", "Request", "Similar", "Stack"):
                await pilot.press("tab")
                await until(pilot, lambda part=part: f"[{part}]" in screen_text(app))
            await pilot.press("shift+tab")
            await until(pilot, lambda: "twirp error internal" in screen_text(app))

    async def test_k_leads_to_the_knob(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_page(app, pilot)
            await pilot.press("K")
            await until(pilot, lambda: isinstance(app.screen, StackScreen) and app.screen.knobs.has_focus)
            assert isinstance(app.screen, StackScreen)
            await until(pilot, lambda: app.screen.knobs.selected == "max_open")  # type: ignore[attr-defined]

    async def test_o_shows_the_charts_at_that_time(self, app: StressdashApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_page(app, pilot)
            await pilot.press("o")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen) and "WINDOW" in screen_text(app))
            assert app.view is not None
            assert (app.view.start_s, app.view.end_s) == (ROWS[0].first_s - 2, ROWS[0].last_s + 2)
            await pilot.press("escape")
            await until(pilot, lambda: "WINDOW" not in screen_text(app))

    async def test_a_similar_error_opens_in_its_place(self, app: StressdashApp) -> None:
        async with app.run_test(size=(80, 40)) as pilot:
            await open_page(app, pilot)
            await pilot.press("end", "enter")
            await until(pilot, lambda: "Errors » twirp error internal" in screen_text(app))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))

    async def test_counts_go_on_while_it_is_open(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await open_page(app, pilot)
            session.change(errors=(replace(ROWS[0], client_count=17_999), *ROWS[1:]))
            await until(pilot, lambda: "17,999" in screen_text(app))

    async def test_without_apm_it_says_why(self) -> None:
        session = FakeSession()
        session.details["rpc-1040"] = replace(
            make_detail(), sample=None, trace=None, apm_note="The intake does not answer; start it on Stack."
        )
        app = StressdashApp(session)
        async with app.run_test(size=SIZE) as pilot:
            await open_page(app, pilot)
            assert "no sample: The intake does not answer" in screen_text(app)

    async def test_a_source_that_fails_is_a_sentence(self) -> None:
        class BrokenSession(FakeSession):
            async def error_detail(self, row_id: str, sample: int | None = None) -> ErrorDetail:
                raise SourceError(f"the source [b]broke[/] on {row_id}")

        app = StressdashApp(BrokenSession())
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            await pilot.press("enter")
            await until(pilot, lambda: "the source [b]broke[/] on rpc-1040" in screen_text(app))

    async def test_hostile_text_stays_text(self) -> None:
        session = FakeSession()
        detail = make_detail()
        assert detail.sample is not None
        session.details["rpc-1040"] = replace(
            detail,
            sample=replace(
                detail.sample, message=HOSTILE, type=HOSTILE, culprit=HOSTILE, labels={HOSTILE: HOSTILE}
            ),
            exemplars=(
                replace(detail.exemplars[0], body=HOSTILE.encode(), head=HOSTILE.encode(), note=HOSTILE),
            ),
            explanation=HOSTILE,
            apm_note=HOSTILE,
        )
        app = StressdashApp(session)
        async with app.run_test(size=(120, 60)) as pilot:
            await open_page(app, pilot)
            text = screen_text(app)
            assert not set(text) & set("\x1b\x07\x9b\u202e\r")
            assert "[bold]not bold[/]" in text
