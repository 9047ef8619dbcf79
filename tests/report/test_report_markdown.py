"""The summary for a CI system shows what decides, and hostile text only as text."""

from __future__ import annotations

from dataclasses import replace

from stressdash.report.markdown import markdown_text, run_markdown
from stressdash.report.run_json import ApmReport, AuditReport, RunReport, ThresholdReport

NASTY = "<img src=x onerror=alert(1)> [a](http://b) | `c` \x1b[31m @team\n# big"
BROKEN = ThresholdReport("p(99)<200", False, 231_000.0, False, "threshold p(99)<200: 231ms")


class TestMarkdown:
    def test_shows_verdict_thresholds_figures_errors_and_audit(self, report: RunReport) -> None:
        text = run_markdown(replace(report, thresholds=(BROKEN,)))
        assert "act1 passed" in text
        assert r"| p(99)\<200 | **broken** | 231ms |" in text
        assert "| client | " in text
        assert "| APM | " in text
        assert "Error 1040: Too many connections" in text
        assert "0 are lost" in text

    def test_calls_a_run_without_thresholds_neither_good_nor_bad(self, report: RunReport) -> None:
        title = run_markdown(replace(report, thresholds=())).splitlines()[0]
        assert title == "## \N{HEAVY MINUS SIGN} stressdash: act1 not judged"

    def test_leaves_out_what_is_not_known(self, report: RunReport) -> None:
        text = run_markdown(replace(report, apm=ApmReport(), audit=AuditReport(), faults=()))
        assert "APM" not in text
        assert "lost" not in text
        assert "threshold" not in text

    def test_hostile_text_is_neither_markup_nor_a_new_line(self, report: RunReport) -> None:
        hostile = replace(report, scenario=NASTY, faults=(replace(report.faults[0], message=NASTY),))
        text = run_markdown(hostile)
        assert "\x1b" not in text
        assert not [line for line in text.splitlines() if line.startswith("# big")]
        assert markdown_text("<a>|`") == r"\<a\>\|\`"
        rows = [line for line in text.splitlines() if line.startswith("|") and "onerror" in line]
        assert rows
        assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
