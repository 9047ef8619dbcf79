from __future__ import annotations

import pytest

from stressdash.errors import UsageError
from stressdash.settings import from_environment, resolve


class TestLayers:
    def test_later_layers_win_and_every_value_knows_where_it_came_from(self) -> None:
        settings = resolve(
            {"connections": ("scenario act1", 400), "stop": ("scenario act1", "abort")},
            {"connections": ("STRESSDASH_CONNECTIONS", "100")},
            {"connections": ("--connections", "7")},
        )
        assert (settings.connections, settings.origin("connections")) == (7, "--connections")
        assert (settings.stop, settings.origin("stop")) == ("abort", "scenario act1")
        assert settings.origin("timeout_s") == "default"

    def test_knobs_add_up_over_the_layers(self) -> None:
        settings = resolve(
            {"knobs": ("scenario act1", {"max_open": "0", "max_idle": "2"})},
            {"knobs": ("--knob", {"max_open": "20"})},
        )
        assert settings.knobs == {"max_open": "20", "max_idle": "2"}
        assert settings.origin("knob max_open") == "--knob"
        assert settings.origin("knob max_idle") == "scenario act1"

    def test_an_empty_environment_variable_says_nothing(self) -> None:
        assert from_environment({"STRESSDASH_STACK": "", "STRESSDASH_DURATION": "3s"}) == {
            "duration_s": ("STRESSDASH_DURATION", "3s")
        }


class TestValues:
    @pytest.mark.parametrize(
        ("name", "value", "reason"),
        [
            ("connections", "0", "is not above 0"),
            ("connections", "many", "is not a whole number"),
            ("duration_s", "soon", "is not a duration"),
            ("stop", "now", "is not one of drain, abort"),
            ("stack", "cloud", "is not one of auto, embedded, process, docker, external"),
            ("method", "GET /", "is not an HTTP method"),
        ],
    )
    def test_that_cannot_be_used_are_refused_by_the_name_of_their_place(
        self, name: str, value: str, reason: str
    ) -> None:
        with pytest.raises(UsageError, match=f"^--flag: .*{reason}"):
            resolve({name: ("--flag", value)})
