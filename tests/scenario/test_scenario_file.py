"""Scenario files are found, read and checked; what is wrong is told with its file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from stressdash.errors import BadInput, UsageError
from stressdash.scenario import bundled_scenarios, find_scenario, read_scenario, scenario_layer
from stressdash.settings import resolve


class TestBundledActs:
    def test_the_three_acts_ship_with_the_product(self) -> None:
        assert set(bundled_scenarios()) >= {"act1", "act2", "act3"}

    @pytest.mark.parametrize(
        ("name", "connections", "pool", "cancellation"),
        [("act1", 400, 0, "inherit"), ("act2", 400, 800, "inherit"), ("act3", 100, 800, "shield")],
    )
    def test_an_act_sets_load_and_knobs_as_the_story_tells(
        self, name: str, connections: int, pool: int, cancellation: str
    ) -> None:
        scenario = find_scenario(name)
        assert scenario.load.connections == connections
        assert scenario.knobs["max_open"] == pool
        assert scenario.knobs["cancellation"] == cancellation

    @pytest.mark.parametrize("name", ["act1", "act2", "act3"])
    def test_every_act_carries_an_identity_for_the_audit(self, name: str) -> None:
        (request,) = find_scenario(name).request
        assert "{{run}}" in request.body
        assert "{{request}}" in request.body


class TestBadFiles:
    def test_an_unknown_name_suggests_the_near_one(self) -> None:
        with pytest.raises(UsageError, match="did you mean 'act1'"):
            find_scenario("atc1")

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"cannot read scenario .*none.toml.*No such file"):
            find_scenario(str(tmp_path / "none.toml"))

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("title = = 3", r"not valid TOML: .*line 1"),
            ("notes = 'x'", "a scenario needs a title"),
            (
                'title = "x"\n[load]\nconections = 3',
                r"line 3: \[load\] has no key 'conections'; did you mean",
            ),
            ('title = "x"\n[load]\nconnections = "a"', r"line 3: connections: expected `int`, got `str`"),
            ('title = "x"\n[load]\nconnections = 0', r"line 3: connections: expected `int` >= 1"),
            ('title = "x"\n[load]\n\nduration = "3x"', r"line 4: duration: '3x' is not a duration"),
            ('title = "x"\n[load]\nstop = "now"', r"line 3: stop: it is one of drain, abort, not 'now'"),
            ('title = "x"\n[[request]]\npath = "push"', r"line 3: .*a path starts with /"),
            ('title = "x"\nrequest = 3', r"line 2: requests are written as \[\[request\]\] tables"),
            ('title = "x"\nrequest = [3]', r"line 2: requests are written as \[\[request\]\] tables"),
            ('title = "x"\nload = 3', r"line 2: load: expected `object`"),
            ('title = "x"\n[load]\nconnections = "400"', r"line 3: connections: expected `int`"),
            ('title = "x"\n[load]\nstages = "climb"', r"line 3: .*the shape.*'climb'.*hold"),
            ('title = "x"\n[load]\nrate = 0', r"line 3: rate: expected `float` > 0"),
            ('title = "x"\n[target]\nurl = "ftp://a"', r"line 3: "),
            ('title = "x"\n[knobs]\nmax_opn = 3', r"line 3: .*did you mean 'max_open'"),
            ('title = "x"\n[knobs]\nmax_open = -3', r"line 3: max_open is a whole number from 0"),
            ('title = "x"\n[[threshold]]\nexpect = "p99 2"', r"line 3: threshold 'p99 2' is not of the form"),
            (
                'title = "x"\n[[threshold]]\nabort_on_fail = true',
                r"line 2: .*missing required field `expect`",
            ),
            ('title = "x"\n[[threshold]]\nexpect = "avg<2"\ndelay = "1x"', r"line 4: .*not a duration"),
            ('title = "x"\nrepeats = 0', r"line 2: repeats: expected `int` >= 1"),
            ('title = "x"\n[[request]]\n[[request]]\nbody = "{{oops}}"', r"line 4: "),
            ('title = "x"\nnotes = """\nload = 3\n"""\n[load]\nstop = "x"', r"line 6: stop"),
        ],
    )
    def test_get_one_sentence_with_file_line_and_remedy(
        self, tmp_path: Path, text: str, complaint: str
    ) -> None:
        file = tmp_path / "mine.toml"
        file.write_text(text)
        with pytest.raises(BadInput, match=complaint) as caught:
            read_scenario(file)
        assert str(file) in str(caught.value)

    def test_binary_junk_is_not_text(self, tmp_path: Path) -> None:
        file = tmp_path / "junk.toml"
        file.write_bytes(b"\xff\xfe\x00junk")
        with pytest.raises(BadInput, match="not UTF-8"):
            read_scenario(file)


class TestTransport:
    def test_is_a_part_of_the_target_with_files_beside_the_scenario(self, tmp_path: Path) -> None:
        file = tmp_path / "secure.toml"
        file.write_text(
            'title = "t"\n[target]\nurl = "https://h/"\ncacert = "ca.pem"\nkeepalive = false\n'
            'connection_lifetime = "30s"\naddresses = "turns"\n'
        )
        settings = resolve(scenario_layer(read_scenario(file)))
        assert settings.ca_file == str(tmp_path / "ca.pem")
        assert (settings.keepalive, settings.lifetime_s, settings.addresses) == (False, 30.0, "turns")
