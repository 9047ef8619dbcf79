"""The schema says of a file what reading it says, and the template knows every key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stressdash.commands import init
from stressdash.errors import UsageError
from stressdash.paths import scenarios_dir
from stressdash.scenario import read_scenario, scenario_layer, scenario_schema, scenario_thresholds
from stressdash.scenario.schema import SHIPPED, TEMPLATE, schema_text

VALIDATOR = jsonschema.Draft202012Validator(scenario_schema())
FILES = [*sorted(scenarios_dir().glob("*.toml")), TEMPLATE]


def keys(schema: dict[str, Any]) -> set[str]:
    return {key for shape in schema["$defs"].values() for key in shape["properties"]}


class TestSchema:
    def test_is_itself_valid_and_the_one_that_ships(self) -> None:
        VALIDATOR.check_schema(scenario_schema())
        assert SHIPPED.read_text() == schema_text()

    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
    def test_every_file_that_ships_obeys_it_and_can_be_read(self, file: Path) -> None:
        assert list(VALIDATOR.iter_errors(tomllib.loads(file.read_text()))) == []
        assert read_scenario(file).title

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "title = 3",
            "title = 'x'\nname = 'y'",
            "title = 'x'\n[load]\nconnections = 0",
            "title = 'x'\n[load]\nstop = 'now'",
            "title = 'x'\n[load]\nduration = '3x'",
            "title = 'x'\n[[request]]\npath = 'push'",
            "title = 'x'\n[[threshold]]\nabort_on_fail = true",
            "title = 'x'\n[target]\nstack = 'none'",
        ],
    )
    def test_refuses_what_reading_refuses(self, text: str, tmp_path: Path) -> None:
        assert not VALIDATOR.is_valid(tomllib.loads(text))
        file = tmp_path / "bad.toml"
        file.write_text(text)
        with pytest.raises(UsageError):
            read_scenario(file)


class TestTemplate:
    def test_names_every_key_that_a_file_can_have(self) -> None:
        written = set(re.findall(r"^(?:# )?\[*(\w+)", TEMPLATE.read_text(), re.MULTILINE))
        assert keys(scenario_schema()) <= written

    def test_is_still_read_when_every_option_is_taken(self, tmp_path: Path) -> None:
        file = tmp_path / "all.toml"
        file.write_text(re.sub(r"^# (?=\w+ = |\[)", "", TEMPLATE.read_text(), flags=re.MULTILINE))
        scenario = read_scenario(file)
        layer = scenario_layer(scenario)
        assert layer["rate"] == ("scenario all", 500)
        assert layer["url"][1] == "http://127.0.0.1:8080"
        assert scenario.repeats == 5
        assert [one.delay_s for one in scenario_thresholds(scenario)] == [0.0, 5.0]


class TestInit:
    def test_writes_a_scenario_that_can_be_read(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "mine.toml"
        assert init.run([str(file)]) == 0
        assert read_scenario(file).load.connections == 50
        assert f"stressdash run {file}" in capsys.readouterr().out

    def test_writes_over_nothing_unless_told_to(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.toml"
        file.write_text("precious")
        with pytest.raises(UsageError, match="is there already"):
            init.run([str(file)])
        assert file.read_text() == "precious"
        assert init.run([str(file), "--force"]) == 0
        assert read_scenario(file).title

    def test_prints_scenario_and_schema(self, capsys: pytest.CaptureFixture[str]) -> None:
        init.run(["-"])
        assert capsys.readouterr().out == TEMPLATE.read_text()
        init.run(["--schema"])
        assert capsys.readouterr().out == schema_text()
