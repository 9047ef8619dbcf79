"""The Lab runs again with a knob turned, and shows the difference beside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tui_fakes import FakeSession
from tui_pictures import make_snapshot
from tui_screens import screen_text, until

from stressdash.lab import Lab, LabRow, LabSetting
from stressdash.snapshot import RunState
from stressdash.tui.app import StressdashApp

LAB = Lab(
    settings=(
        LabSetting("act1, 400 connections", 4, 2_293.0, 1_107.0, 164_000, 1_210_000, 0.517),
        LabSetting("max_open=50, max_idle=50", 4, 2_411.0, 2_411.0, 151_000, 640_000, 0.0),
    ),
    rows=(
        LabRow("req/s", "2,293", "2,411", "+5.1%", "+3.0% to +7.4%", "better"),
        LabRow("goodput/s", "1,107", "2,411", "+117.8%", "+109.2% to +124.0%", "better"),
        LabRow("latency p50", "164ms", "151ms", "-7.9%", "-9.9% to -6.0%", "better"),
        LabRow("latency p99", "1.21s", "640ms", "-47.1%", "-60.3% to -31.9%", "better"),
        LabRow("failed share", "51.7%", "0%", "-51.7%", "-53.0% to -49.9%", "better"),
        LabRow("generator CPU/request", "21us", "22us", "+4.8%", "-2.0% to +9.9%", "no difference shown"),
    ),
    sentences=("max_open: 0 → 50", "gone, was 517 of 1,000 requests (apm): OperationalError: Error 1040"),
    headline="max_open=50: goodput +117.8%, failed 51.7% → 0% (4/4 runs)",
)


@pytest.fixture
def resting() -> FakeSession:
    return FakeSession(make_snapshot(state=RunState.FINISHED, lab=LAB))


class TestScreen:
    async def test_shows_knobs_settings_and_their_difference(self, resting: FakeSession) -> None:
        app = StressdashApp(resting)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("5")
            await until(pilot, lambda: "DIFFERENCE" in screen_text(app))
            text = screen_text(app)
        for words in ("max_open", "max_open=50, max_idle=50", "+117.8%", "better", "Error 1040"):
            assert words in text

    async def test_says_what_to_do_before_anything_was_run(self) -> None:
        app = StressdashApp(FakeSession(make_snapshot(state=RunState.READY)))
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("5")
            await until(pilot, lambda: "no run has ended yet" in screen_text(app))

    async def test_hostile_words_reach_no_terminal(self, resting: FakeSession) -> None:
        nasty = "\x1b]0;owned\x07[red]"
        resting.change(
            lab=replace(LAB, sentences=(nasty,), settings=(replace(LAB.settings[0], label=nasty),))
        )
        app = StressdashApp(resting)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("5")
            await until(pilot, lambda: "[red]" in screen_text(app))
            assert "\x1b" not in screen_text(app)


class TestRunningAgain:
    async def test_a_typed_value_runs_again_with_it(self, resting: FakeSession) -> None:
        app = StressdashApp(resting)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("5")
            await until(pilot, lambda: "DIFFERENCE" in screen_text(app))
            await pilot.press("enter", "7", "7", "enter")
            await until(pilot, lambda: ("run_changed", "max_open", "77") in resting.calls)

    async def test_a_run_that_goes_on_is_stopped_only_after_a_question(self) -> None:
        session = FakeSession(make_snapshot(lab=LAB))
        app = StressdashApp(session)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("5")
            await until(pilot, lambda: "DIFFERENCE" in screen_text(app))
            await pilot.press("enter", "7", "enter")
            await until(pilot, lambda: "Stop this run and run again with max_open=7?" in screen_text(app))
            assert not [call for call in session.calls if call[0] == "run_changed"]
            await pilot.press("y")
            await until(pilot, lambda: ("run_changed", "max_open", "7") in session.calls)

    async def test_the_difference_is_told_wherever_one_is_when_a_run_has_ended(self) -> None:
        session = FakeSession(make_snapshot(state=RunState.FINISHED))
        app = StressdashApp(session)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: "req/s" in screen_text(app))
            session.change(lab=LAB)
            await until(pilot, lambda: "goodput +117.8%" in "".join(n.message for n in app._notifications))
