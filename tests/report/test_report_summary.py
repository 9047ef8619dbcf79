"""The summary fits its width, shows what a wrk user looks for, and prints nothing that acts on a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stressdash.metrics.verdict import Status, Verdict
from stressdash.report.run_json import ApmReport, AuditReport, FaultReport, RunReport, ThresholdReport
from stressdash.report.summary import summary


class TestContent:
    @pytest.mark.parametrize(
        "line",
        [
            "act1 \u00b7 embedded \u00b7 2 cores \u00b7 run 1f",
            "100 connections for 10s",
            "client         400       300     25.4%",
            "apm            400         \u2013     25.0%     151ms     149ms     1.19s",
            "Socket errors: connect 0, read 0, write 0, timeout 20",
            "Requests: scheduled 4,116, completed 3,000, failed 1,020, in flight at stop 96",
            "Requests/sec: 400",
            "Transfer/sec: 58.6KiB",
            "acknowledged 3,000, stored 3,040, lost 0, orphaned 40",
            "interference 42.3% of the busy CPU",
            "Warning   generator and stack share this machine",
            "Knobs     max_open=0",
            "Verdict   NOT JUDGED: it had no thresholds to hold",
        ],
    )
    def test_shows(self, report: RunReport, line: str) -> None:
        assert line in summary(report)

    def test_a_run_that_held_its_thresholds_has_passed(self, report: RunReport) -> None:
        held = ThresholdReport("p(99)<2s", True, 1_190_000.0, at_least=False, sentence="")
        assert summary(replace(report, thresholds=(held,))).endswith("Verdict   PASSED\n")

    def test_names_the_apm_group_or_the_reason_beside_each_error(self, report: RunReport) -> None:
        lines = summary(report).splitlines()
        refused = next(line for line in lines if "rpc internal" in line)
        timeout = next(line for line in lines if line.startswith("  timeout"))
        assert "1,000" in refused
        assert "3f2a9900" in refused
        assert timeout.endswith("no trace id")

    def test_marks_what_reaches_a_timeout(self, report: RunReport) -> None:
        assert ">=2.00s" in summary(report)

    def test_a_report_without_apm_audit_and_failures_leaves_them_out(self, report: RunReport) -> None:
        text = summary(
            replace(report, apm=ApmReport(), audit=AuditReport(), faults=(), faults_explained=None)
        )
        assert "apm off" in text
        assert "Audit" not in text
        assert "Errors" not in text

    def test_draws_the_throughput_on_request_and_never_wider_than_the_terminal(
        self, report: RunReport
    ) -> None:
        text = summary(report, width=80, with_chart=True)
        assert "Throughput   a req/s   b ok/s" in text
        assert max(map(len, text.splitlines())) <= 80
        assert "Throughput " not in summary(report)

    def test_draws_nothing_of_a_run_of_two_windows(self, report: RunReport) -> None:
        assert "Throughput " not in summary(replace(report, windows=report.windows[:2]), with_chart=True)

    def test_gives_the_reasons_of_the_verdict(self, report: RunReport) -> None:
        void = replace(report, verdict=Verdict(Status.VOID, ("a load worker was over 90 % of its core",)))
        assert summary(void).rstrip().endswith("VOID\n          a load worker was over 90 % of its core")

    def test_says_when_figures_are_mixed(self, report: RunReport) -> None:
        assert "mixed" in summary(replace(report, segments_mixed=True))

    def test_lists_ten_errors_and_counts_the_rest(self, report: RunReport) -> None:
        many = tuple(FaultReport("http", f"{n}", "", 2, 0.1, None, None, "") for n in range(500, 515))
        assert "and 5 more kinds, 10 requests" in summary(replace(report, faults=many))


class TestForm:
    @pytest.mark.parametrize("width", [72, 80, 120])
    def test_fits_its_width(self, report: RunReport, width: int) -> None:
        long = replace(report, target="http://127.0.0.1/" + "x" * 300, warnings=("word " * 80,))
        lines = summary(long, width=width).splitlines()
        assert max(map(len, lines)) <= width

    def test_counts_wide_characters_as_two_cells(self, report: RunReport) -> None:
        wide = replace(report.faults[0], message="\u65e5\u672c" * 60)
        line = next(
            line for line in summary(replace(report, faults=(wide,))).splitlines() if "\u65e5" in line
        )
        assert len(line) + line.count("\u65e5") + line.count("\u672c") <= 80

    def test_can_be_plain_ascii(self, report: RunReport) -> None:
        faults = (replace(report.faults[0], message="\u65e5\u672c"),)
        assert summary(replace(report, faults=faults), ascii_only=True).isascii()

    def test_obeys_no_untrusted_text(self, report: RunReport) -> None:
        nasty = "\x1b[2J\u202e\nsecond line"
        group = replace(report.apm.error_groups[0], message=nasty, type=nasty, key=nasty)
        hostile = replace(
            report,
            scenario=nasty,
            target=nasty,
            backend=nasty,
            warnings=(nasty,),
            knobs={nasty: nasty},
            faults=(replace(report.faults[0], message=nasty, code=nasty, apm_group=nasty),),
            apm=replace(report.apm, error_groups=(group,), source=nasty),
            verdict=Verdict(Status.VOID, (nasty,)),
        )
        text = summary(hostile, width=120)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert text.replace("\n", "").isprintable()
