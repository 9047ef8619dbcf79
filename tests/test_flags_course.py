"""What a run is told of its course is checked before a stack is started for it, wherever it was said."""

from __future__ import annotations

from pathlib import Path

import pytest

from stressdash.errors import BadInput, UsageError
from stressdash.flags import check_course
from stressdash.scenario import read_scenario, scenario_layer
from stressdash.settings import resolve


class TestCheck:
    @pytest.mark.parametrize(
        ("name", "flag", "value", "said"),
        [
            ("stages", "--stages", "hold 5 1s, rmp 9 1s", "--stages: the shape, at character 12 .*'ramp'"),
            ("think", "--think", "2s..1s", "--think: the think time '2s..1s'"),
            ("coalesce", "--coalesce", "20ms", "--coalesce: answers cannot be served together every 0.02 s"),
            ("warm_up", "--warm-up", "soon", "--warm-up: the warm-up 'soon' is no time"),
            (
                "stop_when",
                "--stop-when",
                ("failed>5% 1s", "p99>5 1s"),
                "--stop-when: .*5 1s' needs a time",
            ),
        ],
    )
    def test_names_who_said_it(self, name: str, flag: str, value: object, said: str) -> None:
        with pytest.raises(BadInput, match=said):
            check_course(resolve({name: (flag, value)}))

    def test_a_warm_up_must_leave_something(self) -> None:
        layer = {"warm_up": ("--warm-up", "10s"), "duration_s": ("--duration", "10s")}
        with pytest.raises(UsageError, match=r"--warm-up: a warm-up of 10 s leaves nothing of 10 s"):
            check_course(resolve(layer))
        with pytest.raises(UsageError, match="leaves nothing of 3 s"):
            check_course(resolve({**layer, "stages": ("--stages", "hold 5 3s")}))

    def test_a_shape_has_no_one_steady_state(self) -> None:
        layer = {"warm_up": ("--warm-up", "auto"), "stages": ("--stages", "ramp 1..5 3s")}
        with pytest.raises(UsageError, match="no one steady state"):
            check_course(resolve(layer))

    def test_what_can_be_run_passes(self) -> None:
        layer = {
            "stages": ("--stages", "ramp 1..5 3s, soak 1m"),
            "warm_up": ("--warm-up", "3s"),
            "think": ("--think", "exp 10ms"),
            "coalesce": ("--coalesce", "500us"),
            "stop_when": ("--stop-when", ("rate<95% 10s",)),
        }
        check_course(resolve(layer))


class TestScenario:
    def test_says_the_same_and_flags_win(self, tmp_path: Path) -> None:
        file = tmp_path / "s.toml"
        file.write_text(
            'title = "x"\n[load]\nrate = 5.0\nstages = "ramp 1..5 3s, hold 1m"\nwarm_up = "3s"\n'
            'think = "10ms"\nstop_when = ["failed>5% 10s"]\n'
        )
        settings = resolve(scenario_layer(read_scenario(file)), {"think": ("--think", "1s")})
        assert (settings.stages, settings.warm_up) == ("ramp 1..5 3s, hold 1m", "3s")
        assert (settings.think, settings.stop_when) == ("1s", ("failed>5% 10s",))

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ('stages = "hold 5"', r"line 3: the shape, at character 1 \('hold 5'\): a hold is written"),
            ('warm_up = "soon"', "line 3: the warm-up 'soon' is no time"),
            ('think = "soon"', "line 3: the think time 'soon'"),
            ('coalesce = "often"', "line 3: 'often' is no time to serve answers together in"),
            ('stop_when = ["failed"]', "line 3: the stop rule 'failed' cannot be read"),
        ],
    )
    def test_a_complaint_names_its_line(self, tmp_path: Path, line: str, said: str) -> None:
        file = tmp_path / "s.toml"
        file.write_text(f'title = "x"\n[load]\n{line}\n')
        with pytest.raises(BadInput, match=said):
            read_scenario(file)
