"""Shapes: a small text form, and runs that follow it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_harness import MakeFleet, Serve, answer_ok, make_plan, until

from stressdash.errors import BadInput, UsageError
from stressdash.load.shape import parse_shape, shape_seconds, stage_at
from stressdash.load.think import Think


class TestText:
    @pytest.mark.parametrize(
        ("text", "stages"),
        [
            ("hold 100 30s", [(100, 100, 30)]),
            ("ramp 0..400 30s, hold 1m", [(0, 400, 30), (400, 400, 60)]),
            ("Hold 5 1s,  ramp 10 500ms", [(5, 5, 1), (5, 10, 0.5)]),
            ("step 100..300 by 100 every 2s", [(100, 100, 2), (200, 200, 2), (300, 300, 2)]),
            ("step 3..0 by 2 every 1s", [(3, 3, 1), (1, 1, 1), (0, 0, 1)]),
            ("soak 50 1h", [(50, 50, 3600)]),
            ("hold 10 1s, spike 90 1s, hold 2s", [(10, 10, 1), (90, 90, 1), (10, 10, 2)]),
            ("ramp 0.5..1.5 1s", [(0.5, 1.5, 1)]),
        ],
    )
    def test_stages(self, text: str, stages: list[tuple[float, float, float]]) -> None:
        assert [(stage.start, stage.end, stage.seconds) for stage in parse_shape(text)] == stages

    def test_each_stage_keeps_the_word_it_was_written_with(self) -> None:
        stages = parse_shape("soak 5 1s, RAMP 5..7 1s, step 1..2 by 1 every 1s, spike 9 1s, hold 1s")
        assert [stage.kind for stage in stages] == ["soak", "ramp", "step", "step", "spike", "hold"]
        assert [stage.label for stage in stages][:2] == ["soak 5", "ramp 5..7"]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("hold 5 1s,  hodl 5 2s", r"at character 13 \('hodl 5 2s'\): .*did you mean 'hold'"),
            ("hold 5 1s,", r"at character 11 \(''\): this is no stage"),
            ("hold 5", r"at character 1 .*a hold is written for instance as 'hold N 30s'"),
            ("ramp 1..2 1s, spike 1s", r"at character 15 .*'spike N 5s'"),
            ("hold 5 1s, hold 5 0s", r"at character 12 .*above 0"),
            ("hold 30s", r"at character 1 .*no level before it"),
        ],
    )
    def test_a_complaint_tells_the_place_and_what_would_be_right(self, text: str, said: str) -> None:
        with pytest.raises(BadInput, match=said):
            parse_shape(text)

    @pytest.mark.parametrize(
        "text",
        ["", "hold", "hold 30s", "ramp 5 1s", "hold 5", "hold 5 0s", "climb 1..2 3s", "hold -5 1s",
         "hold 5 1s,",
         "step 1..5 by 0 every 1s", "step 0..100000 by 1 every 1s", "hold 5 1d"],
    )  # fmt: skip
    def test_what_is_no_shape_is_refused(self, text: str) -> None:
        with pytest.raises(BadInput):
            parse_shape(text)


class TestLookup:
    @given(st.floats(0, 200))
    def test_the_level_is_that_of_the_stage_one_is_in(self, seconds: float) -> None:
        stages = parse_shape("ramp 0..100 100s, hold 50s")
        number, within = stage_at(stages, seconds)
        expected = min(100, seconds)
        assert stages[number].level(within) == pytest.approx(expected)

    def test_the_length_is_the_sum(self) -> None:
        assert shape_seconds(parse_shape("ramp 0..100 90s, hold 30s")) == 120


class TestPlan:
    def test_a_shape_beyond_what_can_be_run_is_refused(self) -> None:
        with pytest.raises(UsageError, match="highest connections"):
            make_plan("http://127.0.0.1/", stages=parse_shape("ramp 1..200000 1s"))


class TestRun:
    async def test_connections_follow(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        stages = parse_shape("hold 2 2s, hold 12 2s, hold 3 2s")
        plan = make_plan(server.url, max_requests=None, stages=stages, think=Think(0.05, 0.05))
        fleet, totals = make_fleet(plan)
        await fleet.start()
        await fleet.wait()
        targets = [window.target_connections for window in totals.windows]
        assert {2, 12, 3} == set(targets)
        assert targets == sorted(targets[: targets.index(12)]) + targets[targets.index(12) :]
        assert {window.segment for window in totals.windows} == {0, 1, 2}

    async def test_a_rate_ramp_sends_its_integral(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        stages = parse_shape("ramp 0..100 3s, hold 1s")
        fleet, totals = make_fleet(
            make_plan(server.url, max_requests=None, stages=stages, shapes="rate", workers=2)
        )
        await fleet.start()
        await fleet.wait()
        totals.check_books()
        assert totals.scheduled == pytest.approx(
            250, abs=20
        )  # a late change of stage adds the square of its delay

    async def test_a_hand_on_the_slider_takes_over(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve(answer_ok)
        stages = parse_shape("ramp 1..3 100s")
        fleet, totals = make_fleet(make_plan(server.url, max_requests=None, stages=stages))
        await fleet.start()
        await fleet.set_connections(9)
        await until(lambda: totals.target_now == 9)
        await until(lambda: server.open == 9)
        await fleet.stop()
        assert totals.target_now == 9
