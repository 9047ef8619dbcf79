"""The knee is told as a table, an answer, a fit and a plot, and honestly when there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stressdash.cli import main
from stressdash.metrics.levels import Level, LevelRun
from stressdash.metrics.thresholds import parse_thresholds
from stressdash.metrics.verdict import Status, Verdict
from stressdash.report.knee import LevelsFound, find_level_knee, level_run
from stressdash.report.run_json import RunReport, ThresholdReport

OBJECTIVE = parse_thresholds("p(99)<100, failed<0.1%")
CONNECTIONS = (1, 4, 16, 64, 256)
HELD = ThresholdReport("p(99)<100", True, 50_000.0, False, "")


def usl(n: float, sigma: float = 0.02, kappa: float = 0.0003) -> float:
    return 100 * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


def found(*, void: int = 0, broken_from: int = 64, sigma: float = 0.02, kappa: float = 0.0003) -> LevelsFound:
    levels = []
    for number, n in enumerate(CONNECTIONS):
        reasons = ("requests left late",) if number < void else ()
        run = LevelRun(f"r{n}", n, usl(n, sigma, kappa), 20_000.0, 0.0, n < broken_from, reasons)
        levels.append(Level(n, (run, run)))
    return find_level_knee(levels, OBJECTIVE)


class TestAnswer:
    def test_names_the_best_level_and_where_the_objective_breaks(self) -> None:
        text = found().text()
        assert "highest goodput with p(99)<100 and failed<0.1%: 1,166 req/s at 16 connections" in text
        assert "broken at 64" in text
        assert "finding: peak" in text
        assert found().exit_code == 0

    def test_says_when_nothing_above_was_tried(self) -> None:
        assert "no level above it was run" in found(broken_from=1_000, kappa=0).text()

    def test_an_objective_that_no_level_met_has_its_exit_code(self) -> None:
        assert found(broken_from=1).exit_code == 4
        assert "no level met" in found(broken_from=1).text()

    def test_throughput_that_only_grows_has_no_peak_in_range(self) -> None:
        assert "finding: no peak in range" in found(kappa=0).text()

    def test_void_runs_are_left_out_by_name(self) -> None:
        some = found(void=1)
        assert some.knee is not None
        assert len(some.knee.points) == 8
        assert "left out: run r1, requests left late" in some.text()
        assert found(void=5).exit_code == 5

    def test_too_few_levels_are_told_and_shown_nonetheless(self) -> None:
        few = found(void=2)
        assert few.knee is None
        assert "no fit: a knee needs at least 4 levels" in few.text()
        assert json.loads(few.json())["finding"] is None

    def test_json_holds_levels_fit_and_answer(self) -> None:
        told = json.loads(found().json())
        assert told["schema"] == "stressdash.knee/1"
        assert told["best"] == {"connections": 16, "throughput": pytest.approx(usl(16))}
        assert [level["connections"] for level in told["levels"]] == list(CONNECTIONS)
        assert told["sigma"]["value"] == pytest.approx(0.02, rel=1e-3)


class TestRun:
    def test_takes_measured_concurrency_and_the_answers_of_its_thresholds(self, report: RunReport) -> None:
        run = level_run(replace(report, thresholds=(HELD, replace(HELD, held=False))))
        assert run.held is False
        assert run.concurrency == pytest.approx(96, rel=0.01)
        assert run.throughput == report.goodput_per_second

    def test_without_enough_samples_it_is_not_known(self, report: RunReport) -> None:
        unknown = replace(HELD, held=False, value=None)
        assert level_run(replace(report, thresholds=(HELD, unknown))).held is None
        assert level_run(replace(report, thresholds=(HELD,))).held is True

    def test_a_void_run_brings_its_reasons(self, report: RunReport) -> None:
        void = replace(report, verdict=Verdict(Status.VOID, ("late",)))
        assert level_run(void).void == ("late",)


class TestCommand:
    def test_fits_a_file_and_draws_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "points.csv"
        file.write_text("".join(f"{n},{usl(n)}\n" for n in CONNECTIONS))
        assert main(["knee", "--from-csv", str(file)]) == 0
        text = capsys.readouterr().out
        assert "finding: peak" in text
        assert "X its peak" in text
        assert main(["knee", "--from-csv", str(file), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["peak"]["concurrency"]["value"] == pytest.approx(57, abs=1)

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            ([], "needs a scenario or a URL"),
            (["act3", "--rate", "50"], "sets the connections itself"),
            (["act3", "--levels", "1,2,3"], "at least 4 different"),
            (["act3", "--levels", "1,2,3,x"], "is not a whole number"),
            (["act3", "--objective", "p99"], "not of the form"),
            (["act3", "--repeat", "0"], "at least 1"),
            (["--from-csv", "/nowhere/at.csv"], "cannot read"),
        ],
    )
    def test_refuses_slips_before_anything_starts(
        self, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["knee", *words]) == 2
        assert complaint in capsys.readouterr().err
