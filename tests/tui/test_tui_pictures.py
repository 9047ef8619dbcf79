"""Pictures of the screens: every state at 80x24, the main ones larger, and each theme."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from tui_fakes import FakeSession
from tui_screens import screen_text, until
from tui_shelf import FakeReplay, FakeShelf
from tui_states import STATES

from stressdash.tui.app import StressdashApp

SIZES = [(80, 24), (120, 40), (200, 60)]
WAYS = {
    "live": ((), "req/s"),
    "latency": (("c",), "client p99"),
    "errors": (("2",), "by count"),
    "page": (("enter",), "sample 1/50"),
    "stack": (("3",), "listening on"),
    "lab": (("5",), "no run has ended yet"),
}
"""Screen to the keys that lead to it, and words that tell that it is there."""

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stressdash.tui.app.TICK_S", 3600.0)


async def settle(pilot: Pilot[None], keys: tuple[str, ...], words: str) -> None:
    app = pilot.app
    assert isinstance(app, StressdashApp)
    await pilot.pause()
    for key in keys:
        await pilot.press(key)

    await until(pilot, lambda: words in screen_text(app))
    await pilot.pause()


async def settle_runs(pilot: Pilot[None], keys: tuple[str, ...], words: str) -> None:
    """Keys are for the list once it is there."""
    await settle(pilot, ("4",), "RUNS 6")
    await until(pilot, lambda: pilot.app.focused is not None)
    await settle(pilot, keys, words)


class TestStates:
    @pytest.mark.parametrize("state", STATES)
    def test_live_in_every_state(self, snap_compare: Compare, state: str) -> None:
        app = StressdashApp(FakeSession(STATES[state]()))
        assert snap_compare(app, terminal_size=(80, 24), run_before=lambda pilot: settle(pilot, (), "req/s"))

    @pytest.mark.parametrize("state", ["component-dead", "hostile", "starting"])
    def test_stack_in_states_of_trouble(self, snap_compare: Compare, state: str) -> None:
        app = StressdashApp(FakeSession(STATES[state]()))
        assert snap_compare(
            app, terminal_size=(80, 24), run_before=lambda pilot: settle(pilot, ("3",), "listening on")
        )


class TestSizes:
    @pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
    @pytest.mark.parametrize("screen", WAYS)
    def test_screens_at_three_sizes(self, snap_compare: Compare, screen: str, size: tuple[int, int]) -> None:
        keys, words = WAYS[screen]
        app = StressdashApp(FakeSession())
        assert snap_compare(app, terminal_size=size, run_before=lambda pilot: settle(pilot, keys, words))


class TestRuns:
    @pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
    def test_the_list_at_three_sizes(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        app = StressdashApp(FakeSession(), FakeShelf())  # type: ignore[arg-type]
        keys = ("j", "a", "b", "k", "k")
        assert snap_compare(
            app, terminal_size=size, run_before=lambda pilot: settle_runs(pilot, keys, "B 12")
        )

    @pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
    def test_a_comparison_at_three_sizes(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        app = StressdashApp(FakeSession(), FakeShelf())  # type: ignore[arg-type]
        keys = ("a", "b", "c")
        assert snap_compare(
            app, terminal_size=size, run_before=lambda pilot: settle_runs(pilot, keys, "mean outside")
        )

    def test_a_replay(self, snap_compare: Compare) -> None:
        app = StressdashApp(FakeReplay(12))
        assert snap_compare(
            app, terminal_size=(80, 24), run_before=lambda pilot: settle(pilot, (), "REPLAY 12")
        )


class TestOverlays:
    @pytest.mark.parametrize(
        ("keys", "words"),
        [
            (("question_mark",), "Everywhere"),
            (("q",), "Stop it and quit?"),
            (("y",), "a curl line"),
            (("z",), "mean"),
            (("space",), "FROZEN"),
        ],
        ids=["help", "quit", "copy", "maximised", "frozen"],
    )
    def test_what_lies_on_top(self, snap_compare: Compare, keys: tuple[str, ...], words: str) -> None:
        app = StressdashApp(FakeSession())
        assert snap_compare(app, terminal_size=(80, 24), run_before=lambda pilot: settle(pilot, keys, words))

    def test_a_terminal_that_is_too_small(self, snap_compare: Compare) -> None:
        app = StressdashApp(FakeSession())
        assert snap_compare(
            app, terminal_size=(50, 12), run_before=lambda pilot: settle(pilot, (), "too small")
        )


class TestThemes:
    @pytest.mark.parametrize("theme", ["stressdash-light", "stressdash-okabe-ito"])
    def test_live_in_other_themes(self, snap_compare: Compare, theme: str) -> None:
        app = StressdashApp(FakeSession())

        async def choose(pilot: Pilot[None]) -> None:
            await pilot.pause()
            pilot.app.theme = theme
            await settle(pilot, (), "req/s")

        assert snap_compare(app, terminal_size=(120, 40), run_before=choose)

    def test_live_without_colours(self, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        app = StressdashApp(FakeSession())
        assert snap_compare(app, terminal_size=(120, 40), run_before=lambda pilot: settle(pilot, (), "req/s"))
