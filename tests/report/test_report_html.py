"""The page carries the whole run, loads nothing, runs nothing, and shows hostile text as text."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from stressdash.metrics.verdict import Status, Verdict
from stressdash.report.html import html_report
from stressdash.report.run_json import ApmReport, AuditReport, RunReport, load
from stressdash.report.svg import Line, line_chart, ticks
from stressdash.samples import ErrorSample, Frame
from stressdash.text import short

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e\"'"


class Page(HTMLParser):
    """Elements with their attributes, and the text within each kind of element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.texts[self._inside] = self.texts.get(self._inside, "") + data


def sample(text: str) -> ErrorSample:
    frame = Frame(filename=text, line=88, function=text, context=text)
    return ErrorSample("e1", "3f2a9900", 0, text, text, text, False, (frame,))


def hostile(report: RunReport) -> RunReport:
    group = replace(report.apm.error_groups[0], message=NASTY, type=NASTY, culprit=NASTY)
    return replace(
        report,
        scenario=NASTY,
        target=NASTY,
        run_id=NASTY,
        warnings=(NASTY,),
        knobs={NASTY: NASTY},
        marks=tuple(replace(mark, label=NASTY) for mark in report.marks),
        faults=tuple(replace(fault, message=NASTY, note=NASTY, apm_group=None) for fault in report.faults),
        apm=replace(report.apm, error_groups=(group,)),
        verdict=Verdict(Status.VOID, (NASTY,)),
    )


class TestContent:
    def test_embeds_the_data_whole(self, report: RunReport) -> None:
        assert load(Page(html_report(report)).texts["script"]) == report

    @pytest.mark.parametrize(
        "shown", ["act1", "Error 1040", "acknowledged", "42.3%", "max_open", "no trace id", "conns 50 to 100"]
    )
    def test_shows(self, report: RunReport, shown: str) -> None:
        assert shown in html_report(report).partition("<script")[0]

    def test_calls_a_run_without_thresholds_neither_good_nor_bad(self, report: RunReport) -> None:
        assert '<span class="not-judged">not judged</span>' in html_report(report)

    def test_shows_the_stack_of_a_group(self, report: RunReport) -> None:
        page = html_report(report, [sample("service/pool.py")])
        assert "service/pool.py:88  in service/pool.py" in page

    def test_leaves_out_what_is_not_known(self, report: RunReport) -> None:
        page = html_report(
            replace(report, apm=ApmReport(), audit=AuditReport(), windows=(), faults=(), spectrum=())
        )
        assert "apm off" in page
        assert "<svg" not in page
        assert "What became" not in page


class TestSafety:
    def test_the_policy_allows_one_style_sheet_and_nothing_else(self, report: RunReport) -> None:
        text = html_report(report)
        style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        policy = next(
            attributes["content"] or ""
            for tag, attributes in Page(text).elements
            if attributes.get("http-equiv") == "Content-Security-Policy"
        )
        assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
        assert "unsafe" not in policy

    def test_hostile_text_makes_no_element(self, report: RunReport) -> None:
        calm = Page(html_report(report, [sample("x")]))
        page = Page(html_report(hostile(report), [sample(NASTY)]))
        assert {tag for tag, _ in page.elements} <= {tag for tag, _ in calm.elements} | {"ul", "li"}
        assert [tag for tag, _ in page.elements].count("script") == 1
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]

    def test_hostile_text_hides_nothing(self, report: RunReport) -> None:
        visible = html_report(hostile(report), [sample(NASTY)]).partition("<script type")[0]
        assert "\x1b" not in visible
        assert "\u202e" not in visible

    def test_hostile_data_come_back_as_they_were(self, report: RunReport) -> None:
        assert load(Page(html_report(hostile(report))).texts["script"]).scenario == NASTY

    def test_nothing_is_loaded(self, report: RunReport) -> None:
        loading = {"src", "href", "srcset", "action", "style"}
        for _, attributes in Page(html_report(report)).elements:
            assert not loading & attributes.keys()


class TestChart:
    @pytest.mark.parametrize(
        ("highest", "expected"),
        [
            (0, (0, 1)),
            (4, (0, 1, 2, 3, 4)),
            (2_293, (0, 1_000, 2_000, 3_000)),
            (0.07, (0, 0.02, 0.04, 0.06, 0.08)),
        ],
    )
    def test_ticks_are_round_and_reach_the_highest_value(
        self, highest: float, expected: tuple[float, ...]
    ) -> None:
        assert ticks(highest) == pytest.approx(expected)

    def test_gaps_break_the_line_and_single_points_are_dots(self) -> None:
        line = Line("a", ((0, 1.0), (1, 2.0), (2, None), (3, 4.0), (4, None)))
        chart = ET.fromstring(line_chart("t", [line], short))  # noqa: S314 - our own document
        assert len(chart.findall("polyline")) == 1
        assert len(chart.findall("circle")) == 1

    def test_of_nothing_is_still_a_chart(self) -> None:
        chart = ET.fromstring(line_chart("t", [Line("a", ())], short))  # noqa: S314 - our own document
        assert chart.findall("polyline") == []

    def test_points_stay_within_the_frame(self) -> None:
        line = Line("a", tuple((n, float(n * n)) for n in range(50)))
        chart = ET.fromstring(line_chart("t", [line], short, [(10.0, "m")]))  # noqa: S314 - our own document
        (polyline,) = chart.findall("polyline")
        points = polyline.get("points", "")
        assert all(
            64 <= float(p.split(",")[0]) <= 708 and 28 <= float(p.split(",")[1]) <= 192
            for p in points.split()
        )
