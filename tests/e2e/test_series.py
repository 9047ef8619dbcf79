"""Series of runs on the real stack: an experiment, what compare says of its recorded runs, and a knee."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from ran import Ran

pytestmark = pytest.mark.timeout(300)
SHORT = ("--stack", "embedded", "-d", "500ms")


class TestExperiment:
    def test_runs_values_in_turn_and_their_records_compare(self, stressdash: Callable[..., Ran]) -> None:
        ran = stressdash(
            "experiment", "max_open=2,50", "act3", *SHORT, "-c", "10", "--repeat", "1", "--json", "-"
        )
        assert ran.returncode == 6, ran.stderr.decode()
        found = json.loads(ran.stdout)
        assert found["labels"] == ["max_open=2", "max_open=50"]
        assert found["compared"][0]["knobs"] == {"max_open": ["2", "50"]}
        assert found["compared"][0]["objections"] == []
        rows = ran.stderr.decode().splitlines()
        assert [row.split()[0] for row in rows[1:]] == ["max_open=2", "max_open=50"]

        compared = stressdash("compare", "1", "2", "--json")
        assert compared.returncode == 6, compared.stderr.decode()
        assert json.loads(compared.stdout)["names"] == ["1", "2"]


class TestKnee:
    def test_measures_its_levels_and_names_the_best(self, stressdash: Callable[..., Ran]) -> None:
        ran = stressdash(
            "knee",
            "act3",
            *SHORT,
            "--levels",
            "1,3,8,20",
            "--repeat",
            "1",
            "--objective",
            "failed<90%",
            "--json",
        )
        assert ran.returncode == 0, ran.stderr.decode()
        found = json.loads(ran.stdout)
        assert [level["connections"] for level in found["levels"]] == [1, 3, 8, 20]
        assert found["best"]["connections"] in {1, 3, 8, 20}
        for level in found["levels"]:
            (run,) = level["runs"]
            assert 0 < run["concurrency"] <= level["connections"]
            assert run["held"] is True
