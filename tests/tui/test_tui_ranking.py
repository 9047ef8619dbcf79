from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tui_fakes import FakeSession
from tui_pictures import ROWS, make_snapshot
from tui_screens import screen_text, until

from stressdash.snapshot import ErrorRow, Snapshot
from stressdash.tui.app import StressdashApp
from stressdash.tui.ranking import ORDERS, SETTLED_S, Ranking
from stressdash.tui.screens.errors import ErrorsScreen
from stressdash.tui.view import View

START_S = 100.0


def row(name: str, count: int, **changes: object) -> ErrorRow:
    return replace(ROWS[0], id=name, title=name, client_count=count, apm_group=name, **changes)  # type: ignore[arg-type]


def picture(rows: Sequence[ErrorRow], now_s: float = START_S, run_started_s: float = 1.0) -> Snapshot:
    return make_snapshot(errors=tuple(rows), now_s=now_s, run_started_s=run_started_s)


def places(ranking: Ranking, snapshot: Snapshot, muted: Sequence[str] = ()) -> list[str]:
    return [one.id for one in ranking.arranged(View(snapshot, muted=frozenset(muted)))]


class TestRanking:
    def test_the_first_view_is_sorted(self) -> None:
        assert places(Ranking(), picture([row("a", 1), row("b", 2)])) == ["b", "a"]

    def test_rows_keep_their_places_until_the_list_has_settled(self) -> None:
        ranking = Ranking()
        places(ranking, picture([row("a", 1), row("b", 2)]))
        overtaken = [row("a", 9), row("b", 2)]
        assert places(ranking, picture(overtaken, START_S + SETTLED_S / 2)) == ["b", "a"]
        assert places(ranking, picture(overtaken, START_S + SETTLED_S)) == ["a", "b"]

    def test_a_held_list_is_never_sorted(self) -> None:
        ranking = Ranking()
        places(ranking, picture([row("a", 1), row("b", 2)]))
        ranking.is_held = True
        assert places(ranking, picture([row("a", 9), row("b", 2)], START_S + 1_000)) == ["b", "a"]

    def test_what_is_new_comes_at_the_end_of_a_held_list(self) -> None:
        ranking = Ranking()
        places(ranking, picture([row("a", 1), row("b", 2)]))
        ranking.is_held = True
        rows = [row("c", 50), row("a", 1), row("d", 99), row("b", 2)]
        assert places(ranking, picture(rows, START_S + 9)) == ["b", "a", "d", "c"]

    def test_letting_go_sorts_at_once(self) -> None:
        ranking = Ranking()
        places(ranking, picture([row("a", 1), row("b", 2)]))
        ranking.is_held = True
        ranking.let_go()
        assert places(ranking, picture([row("a", 9), row("b", 2)])) == ["a", "b"]

    def test_another_order_sorts_a_held_list(self) -> None:
        ranking = Ranking()
        rows = [row("a", 9, last_s=1.0), row("b", 2, last_s=5.0)]
        places(ranking, picture(rows))
        ranking.is_held = True
        ranking.turn()
        assert places(ranking, picture(rows)) == ["b", "a"]
        assert not ranking.is_held

    def test_another_run_lets_go(self) -> None:
        ranking = Ranking()
        places(ranking, picture([row("a", 1), row("b", 2)]))
        ranking.is_held = True
        assert places(ranking, picture([row("a", 9), row("b", 2)], run_started_s=50.0)) == ["a", "b"]

    def test_equal_rows_do_not_change_places(self) -> None:
        ranking = Ranking()
        places(ranking, picture([row("z", 5), row("a", 4)]))
        assert places(ranking, picture([row("a", 5), row("z", 5)], START_S + SETTLED_S)) == ["z", "a"]

    def test_time_that_runs_backwards_in_a_replay_sorts(self) -> None:
        ranking = Ranking()
        places(ranking, picture([row("a", 1), row("b", 2)]))
        assert places(ranking, picture([row("a", 9), row("b", 2)], START_S - 1)) == ["a", "b"]

    def test_muted_rows_stand_at_the_end_and_come_back_to_their_place(self) -> None:
        ranking = Ranking()
        rows = [row("a", 3), row("b", 2), row("c", 1)]
        assert places(ranking, picture(rows), muted=["a"]) == ["b", "c", "a"]
        assert places(ranking, picture(rows)) == ["a", "b", "c"]

    @pytest.mark.parametrize("order", ORDERS)
    def test_every_order_can_be_reached(self, order: str) -> None:
        ranking = Ranking()
        for _ in ORDERS:
            if ranking.order == order:
                return
            ranking.turn()
        pytest.fail(f"{order} was not reached")


def names(app: StressdashApp) -> list[str]:
    assert isinstance(app.screen, ErrorsScreen)
    return [one.id for one in app.screen.errors.rows]


def selected(app: StressdashApp) -> str:
    assert isinstance(app.screen, ErrorsScreen)
    return app.screen.errors.selected


class TestErrorsScreen:
    @pytest.fixture
    def session(self) -> FakeSession:
        return FakeSession(picture([row("a", 3), row("b", 2), row("c", 1)]))

    async def test_the_cursor_and_the_rows_stay_while_counts_change(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "ERRORS 3" in screen_text(app) and selected(app) == "a")
            await pilot.press("j")
            session.picture = picture([row("a", 3), row("b", 2), row("c", 77), row("d", 9)], START_S + 60)
            await until(pilot, lambda: "ERRORS 4" in screen_text(app))
            assert names(app) == ["a", "b", "c", "d"]
            assert selected(app) == "b"
            assert "by count, held (g sorts)" in screen_text(app)

    async def test_g_sorts_and_lets_go(self, app: StressdashApp, session: FakeSession) -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "ERRORS 3" in screen_text(app) and selected(app) == "a")
            await pilot.press("j")
            session.picture = picture([row("a", 3), row("b", 2), row("c", 77)], START_S + 60)
            await until(pilot, lambda: " 77 " in screen_text(app))
            await pilot.press("g")
            await until(pilot, lambda: names(app) == ["c", "a", "b"])
            assert "held" not in screen_text(app)

    async def test_the_cursor_follows_its_error_when_a_list_that_nobody_holds_is_sorted(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "ERRORS 3" in screen_text(app) and selected(app) == "a")
            session.picture = picture([row("a", 3), row("b", 2), row("c", 77)], START_S + 60)
            await until(pilot, lambda: names(app) == ["c", "a", "b"])
            assert selected(app) == "a"

    async def test_the_cursor_follows_an_error_of_apm_into_the_row_that_it_joins(
        self, app: StressdashApp, session: FakeSession
    ) -> None:
        apm_only = row("apm-c", 0, category="apm")
        session.picture = picture([row("a", 3), replace(apm_only, apm_group="group")])
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "ERRORS 2" in screen_text(app) and selected(app) == "a")
            await pilot.press("j")
            assert selected(app) == "apm-c"
            session.picture = picture([row("a", 3), row("b", 1), replace(row("c", 1), apm_group="group")])
            await until(pilot, lambda: "ERRORS 3" in screen_text(app))
            assert selected(app) == "c"
