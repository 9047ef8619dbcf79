"""Figures by name of the request, in every form of a report."""

from __future__ import annotations

from dataclasses import replace

from stressdash.report.html import html_report
from stressdash.report.run_json import RunReport, load, to_json
from stressdash.report.summary import summary


class TestNamedReports:
    def test_each_name_has_its_counts_rates_and_percentiles(self, report: RunReport) -> None:
        read, write = report.by_request
        assert (read.name, read.completed, read.failed, read.responses) == ("read", 3_000, 0, 3_000)
        assert (write.name, write.completed) == ("write", 1_000)
        assert read.requests_per_second == 300
        assert read.latency_us.samples == 3_000
        assert read.latency_us.p99 is not None
        assert 20_000 <= read.latency_us.p99 < 20_040

    def test_json_brings_them_back(self, report: RunReport) -> None:
        assert load(to_json(report)).by_request == report.by_request

    def test_the_summary_has_a_line_for_each(self, report: RunReport) -> None:
        lines = [line.split() for line in summary(report).splitlines()]
        assert ["read", "3,000", "300", "300", "0%", "20.0ms", "20.0ms", "20.0ms"] in lines
        assert ["write", "1,000", "100", "100", "0%", "20.0ms", "20.0ms", "20.0ms"] in lines

    def test_one_name_needs_no_table(self, report: RunReport) -> None:
        alone = replace(report, by_request=())
        assert "\nRequests  " not in summary(alone)
        assert "Requests by name" not in html_report(alone)

    def test_the_page_quotes_names(self, report: RunReport) -> None:
        evil = replace(report.by_request[0], name="<b>\x1b[31m")
        page = html_report(replace(report, by_request=(evil,)))
        assert "&lt;b&gt;" in page
        assert "<b>" not in page
        assert "\x1b" not in page
