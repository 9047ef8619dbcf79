from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stressdash.cli import main
from stressdash.errors import UsageError
from stressdash.metrics.verdict import Status, Verdict
from stressdash.report.compare_html import comparison_page
from stressdash.report.compare_text import comparison_charts, comparison_text
from stressdash.report.comparison import compare_reports, in_turns, parse_limit
from stressdash.report.run_json import RequestsReport, RunReport, to_json

Repeats = Callable[..., list[RunReport]]


@pytest.fixture
def repeats(report: RunReport) -> Repeats:
    """Reports whose rate scatters by a few per mille around `factor` times the usual."""

    def made(factor: float, number: int = 8) -> list[RunReport]:
        return [
            replace(
                report,
                run_id=f"{factor}-{each}",
                verdict=Verdict(Status.PASSED),
                segments_mixed=False,
                requests_per_second=1000 * factor * (1 + each / 1000),
                latency_us=replace(report.latency_us, p99=round(20_000 / factor * (1 + each / 500))),
            )
            for each in range(number)
        ]

    return made


class TestComparing:
    def test_a_clear_difference_is_told_with_its_interval(self, repeats: Repeats) -> None:
        compared = compare_reports(repeats(1.0), repeats(1.2), paired=False)
        changes = {change.metric.key: change for change in compared.comparison.changes}
        assert changes["rate"].judgement == "better"
        assert changes["rate"].change == pytest.approx(0.2, abs=0.01)
        assert compared.exit_code == 0
        assert "req/s" in comparison_text(compared)

    def test_a_regression_beyond_its_limit_has_its_own_exit_code(self, repeats: Repeats) -> None:
        compared = compare_reports(repeats(1.2), repeats(1.0), paired=True, limits=[("p99", 0.05)])
        assert compared.exit_code == 4
        told = "regression: p99 got worse by more than 5 % with its whole interval"
        assert told in comparison_text(compared)

    def test_a_regression_within_its_limit_passes(self, repeats: Repeats) -> None:
        assert compare_reports(repeats(1.2), repeats(1.0), paired=True, limits=[("p99", 0.5)]).exit_code == 0

    def test_one_run_each_is_too_few(self, repeats: Repeats) -> None:
        compared = compare_reports(repeats(1.0, 1), repeats(1.2, 1), paired=False)
        assert compared.exit_code == 6
        assert "too few repeats" in comparison_text(compared)

    def test_knobs_and_error_groups_that_differ_are_named(self, repeats: Repeats) -> None:
        before, after = repeats(1.0), repeats(1.0)
        after = [
            replace(report, knobs={**report.knobs, "max_open": 77}, apm=replace(report.apm, error_groups=()))
            for report in after
        ]
        compared = compare_reports(before, after, paired=True)
        assert compared.knobs["max_open"][1] == "77"
        assert compared.groups("gone") == ("OperationalError: Error 1040: Too many connections",)
        assert compared.groups("new") == ()
        assert "gone, was " in comparison_text(compared)

    def test_errors_that_grew_beyond_all_their_scatter_are_named(self, repeats: Repeats) -> None:
        before = repeats(1.0)
        after = [
            replace(report, faults=tuple(replace(fault, count=2 * fault.count) for fault in report.faults))
            for report in before
        ]
        changes = compare_reports(before, after, paired=True).errors
        assert {(change.kind, change.side) for change in changes} == {("more", "client")}

    def test_what_explains_the_difference_is_shown_and_not_judged(self, repeats: Repeats) -> None:
        compared = compare_reports(repeats(1.0), repeats(1.2), paired=True)
        judgements = {change.metric.key: change.judgement for change in compared.details.changes}
        assert judgements["service_cpu"] == "shown, not judged"
        assert judgements["timeout_share"] == "shown, not judged"
        assert "connect_share" not in judgements  # there were none on either side


class TestTurns:
    @pytest.mark.parametrize(
        ("before", "after", "yes"),
        [
            ((1, 3, 5), (2, 4, 6), True),
            ((1, 4, 5), (2, 3, 6), True),
            ((1, 2, 3), (4, 5, 6), False),
            ((3, 1, 5), (4, 2, 6), False),
            ((1, 3), (2, 4, 5), False),
            ((1, 1), (1, 1), False),
            ((1,), (2,), False),
        ],
    )
    def test_are_told_by_the_times_of_the_runs(
        self, report: RunReport, before: tuple[int, ...], after: tuple[int, ...], yes: bool
    ) -> None:
        sides = [
            [replace(report, started=f"2026-01-02T03:04:{second:02}.000Z") for second in side]
            for side in (before, after)
        ]
        assert in_turns(*sides) is yes


class TestRefusals:
    def test_void_runs_do_not_compare(self, repeats: Repeats) -> None:
        void = [replace(report, verdict=Verdict(Status.VOID, ("late",))) for report in repeats(1.0)]
        with pytest.raises(UsageError, match="void runs cannot be compared"):
            compare_reports(repeats(1.0), void, paired=False)

    def test_runs_that_reached_nobody_do_not_compare(self, repeats: Repeats) -> None:
        first, *others = repeats(1.0)
        refused = replace(first, requests=RequestsReport(900, 0, 0, 900, 0))
        with pytest.raises(UsageError, match=r"reached nobody cannot be compared: 1\.0-0"):
            compare_reports([refused, *others], repeats(1.2), paired=False)

    def test_other_latency_bases_do_not_compare(self, repeats: Repeats) -> None:
        other = [replace(report, latency_basis="intended") for report in repeats(1.0)]
        with pytest.raises(UsageError, match="latency_basis"):
            compare_reports(repeats(1.0), other, paired=False)

    @pytest.mark.parametrize("text", ["p99", "p99:5", "p98:5%", "p99:-1%"])
    def test_limits_are_a_metric_and_a_percentage(self, text: str) -> None:
        with pytest.raises(UsageError, match="is not of the form"):
            parse_limit(text)


class TestDrawing:
    def test_charts_lay_both_sides_over_one_another(self, repeats: Repeats) -> None:
        charts = comparison_charts(repeats(1.0), repeats(1.2), ("slow", "fast"), 90)
        assert charts.count("a slow   b fast") == 3
        assert "Latency by percentile" in charts
        assert "99%" in charts
        assert all(len(line) <= 90 for line in charts.splitlines())

    def test_the_page_holds_charts_and_data_and_shows_hostile_text_as_text(self, repeats: Repeats) -> None:
        nasty = "<script>alert(1)</script>"
        after = [replace(one, knobs={nasty: nasty}, run_id=nasty) for one in repeats(1.2)]
        compared = compare_reports(repeats(1.0), after, paired=True, names=("before", nasty))
        page = comparison_page(compared, repeats(1.0), after)
        assert page.count("<svg") == 3
        assert page.count("<script") == 1
        data = page.partition('id="comparison">')[2].partition("</script>")[0]
        assert json.loads(data)["names"] == ["before", nasty]

    def test_a_course_of_which_nothing_is_known_has_no_chart(self, repeats: Repeats) -> None:
        known, unknown = 1_190_000.0, None
        for p99_us, there in ((known, True), (unknown, False)):
            sides = [
                [
                    replace(one, windows=tuple(replace(row, p99_us=p99_us) for row in one.windows))
                    for one in repeats(factor, 2)
                ]
                for factor in (1.0, 1.2)
            ]
            assert ("Latency p99" in comparison_charts(sides[0], sides[1], ("a", "b"), 90)) is there
            compared = compare_reports(*sides, paired=False)
            assert ("Latency p99" in comparison_page(compared, *sides)) is there

    def test_runs_too_short_for_a_course_have_no_charts(self, repeats: Repeats) -> None:
        short = [replace(one, windows=(), spectrum=()) for one in repeats(1.0)]
        assert comparison_charts(short, short, ("a", "b"), 90) == ""


class TestCommand:
    def test_reads_lists_of_reports_and_prints_json(
        self, repeats: Repeats, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        names: dict[float, list[str]] = {}
        for factor in (1.0, 1.2):
            for number, report in enumerate(repeats(factor, 4)):
                file = tmp_path / f"{factor}-{number}.json"
                file.write_bytes(to_json(report))
                names.setdefault(factor, []).append(str(file))
        assert main(["compare", ",".join(names[1.0]), ",".join(names[1.2]), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["schema"] == "stressdash.compare/1"
        assert told["enough"] is True

    def test_a_file_that_is_no_report_is_named(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "x.json"
        file.write_text("{}")
        assert main(["compare", str(file), str(file)]) == 2
        assert "x.json: this report has the schema None" in capsys.readouterr().err
