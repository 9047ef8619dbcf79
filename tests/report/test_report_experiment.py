"""An experiment compares each value with the first, round by round, and tells what it could not have seen."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from stressdash.cli import main
from stressdash.metrics.verdict import Status, Verdict
from stressdash.report.compare_text import comparison_verdict
from stressdash.report.experiment import judge_experiment, trial_header, trial_row
from stressdash.report.run_json import RunReport


def runs(
    report: RunReport, factor: float, number: int = 8, status: Status = Status.PASSED
) -> list[RunReport]:
    return [
        replace(
            report,
            run_id=f"{factor}-{each}",
            verdict=Verdict(status, ("late",) if status is not Status.PASSED else ()),
            requests_per_second=1_000 * factor * (1 + each % 5 / 100),
        )
        for each in range(number)
    ]


class TestVerdict:
    def test_names_what_got_better(self, report: RunReport) -> None:
        found = judge_experiment(["a", "b"], [runs(report, 1.0), runs(report, 1.3)])
        assert comparison_verdict(found.compared[0]) == "better: req/s"
        assert found.exit_code == 0
        assert "verdict: better: req/s" in found.text()
        assert "**verdict** better" in found.text(markdown=True)

    def test_tells_the_difference_that_would_have_been_found(self, report: RunReport) -> None:
        random_looking = [1.0, 1.02, 0.99, 1.01, 0.98, 1.0, 1.03, 0.97]
        before = runs(report, 1.0)
        after = [
            replace(one, requests_per_second=(one.requests_per_second or 0) * factor, run_id=f"b{number}")
            for number, (one, factor) in enumerate(zip(before, random_looking, strict=True))
        ]
        sentence = comparison_verdict(judge_experiment(["a", "b"], [before, after]).compared[0])
        assert sentence.startswith("no difference shown; ")
        assert sentence.endswith("would have been found nine times in ten")

    def test_shares_the_chance_of_a_false_alarm_among_several_values(self, report: RunReport) -> None:
        found = judge_experiment(["a", "b", "c"], [runs(report, factor) for factor in (1.0, 1.1, 1.2)])
        assert [compared.comparison.level for compared in found.compared] == [0.025, 0.025]
        assert [compared.names for compared in found.compared] == [("a", "b"), ("a", "c")]

    def test_leaves_a_round_out_when_one_of_its_runs_is_void(self, report: RunReport) -> None:
        after = runs(report, 1.3)
        after[2] = replace(after[2], verdict=Verdict(Status.VOID, ("requests left late",)))
        found = judge_experiment(["a", "b"], [runs(report, 1.0), after])
        assert found.compared[0].comparison.repeats == (7, 7)
        assert found.void == ("b, run 1.3-2: requests left late",)

    @pytest.mark.parametrize(
        ("number", "status", "interrupted", "code"),
        [
            (2, Status.PASSED, False, 6),
            (8, Status.VOID, False, 5),
            (8, Status.PASSED, True, 130),
            (0, Status.PASSED, True, 130),
        ],
    )
    def test_has_an_exit_code_for_what_cannot_be_decided(
        self, report: RunReport, number: int, status: Status, interrupted: bool, code: int
    ) -> None:
        sides = [runs(report, 1.0, number, status), runs(report, 1.3, number, status)]
        found = judge_experiment(["a", "b"], sides, interrupted=interrupted)
        assert found.exit_code == code
        assert json.loads(found.json())["exit_code"] == code

    def test_a_regression_beyond_its_limit_has_its_own(self, report: RunReport) -> None:
        sides = [runs(report, 1.3), runs(report, 1.0)]
        assert judge_experiment(["a", "b"], sides, limits=[("rate", 0.05)]).exit_code == 4


class TestTable:
    def test_columns_stand_under_their_names(self, report: RunReport) -> None:
        header, row = trial_header(), trial_row("max_open=50", report)
        assert row.startswith("max_open=50")
        assert header.index("req/s") + len("req/s") == row.index("400") + len("400")


class TestCommand:
    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (["max_open"], "is not of the form KNOB=V1,V2"),
            (["max_open=5"], "is not of the form KNOB=V1,V2"),
            (["max_open=5,5"], "names a value twice"),
            (["max_opn=5,6"], "did you mean 'max_open'"),
            (["max_open=5,-6"], "max_open is a whole number from 0"),
            (["connections=5,x"], "is not a whole number"),
            (["max_open=5,6", "--repeat", "0"], "must be at least 1"),
            (["max_open=5,6", "act9"], "there is no scenario"),
        ],
    )
    def test_refuses_slips_before_anything_starts(
        self, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["experiment", *words]) == 2
        assert complaint in capsys.readouterr().err
