"""CI systems read the outcome of every threshold, whatever is in the texts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from stressdash.metrics.measures import Reading
from stressdash.metrics.thresholds import Outcome, parse_threshold
from stressdash.metrics.verdict import Status, Verdict
from stressdash.report.junit import junit_xml
from stressdash.report.run_json import RunReport

HELD = Outcome(parse_threshold("p(50)<200"), Reading(99_000.0))
BROKEN = Outcome(parse_threshold("rate<0.01"), Reading(0.25))


def suite_of(report: RunReport, *outcomes: Outcome) -> ET.Element:
    root = ET.fromstring(junit_xml(report, outcomes))  # noqa: S314 - our own document
    assert root.tag == "testsuites"
    suite = root.find("testsuite")
    assert suite is not None
    return suite


def test_every_threshold_is_a_case_and_broken_ones_fail(report: RunReport) -> None:
    suite = suite_of(report, HELD, BROKEN)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "0")
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert failed == ["rate<0.01"]
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "threshold rate<0.01: 0.25"


@pytest.mark.parametrize("status", [Status.VOID, Status.INTERRUPTED])
def test_a_run_that_says_nothing_is_an_error(report: RunReport, status: Status) -> None:
    suite = suite_of(replace(report, verdict=Verdict(status, ("too late",))), HELD)
    error = suite.find("testcase/error")
    assert error is not None
    assert (suite.get("errors"), error.get("message")) == ("1", "too late")


def test_a_run_that_a_stop_rule_ended_fails_though_all_thresholds_hold(report: RunReport) -> None:
    ended = Verdict(Status.FAILED, ("failed>5% 10s: 7.3%",))
    suite = suite_of(replace(report, verdict=ended), HELD)
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    (case,) = (case for case in suite.iter("testcase") if case.find("failure") is not None)
    assert case.get("name") == "verdict"
    assert suite.find("testcase/failure[@message='failed>5% 10s: 7.3%']") is not None


def test_a_passed_run_has_no_errors(report: RunReport) -> None:
    assert suite_of(report).get("errors") == "0"


def test_the_summary_is_attached(report: RunReport) -> None:
    assert "Requests/sec: 400" in (suite_of(report).findtext("system-out") or "")


def test_hostile_texts_stay_text(report: RunReport) -> None:
    nasty = "]]><x a='\"'>&\x00\x1b[31m\ufffe"
    hostile = replace(
        report, scenario=nasty, target=nasty, warnings=(nasty,), verdict=Verdict(Status.VOID, (nasty,))
    )
    suite = suite_of(hostile)
    assert suite.find("x") is None
    assert "\\x1b[31m" in (suite.get("name") or "")
