"""A run as JUnit XML, for CI systems: one test case per threshold and one for the verdict."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from stressdash.metrics.thresholds import Outcome
from stressdash.metrics.verdict import Status
from stressdash.report.run_json import RunReport
from stressdash.report.summary import summary
from stressdash.text import escape

__all__ = ["junit_xml"]

SUITE = "stressdash"


def junit_xml(report: RunReport, outcomes: Sequence[Outcome]) -> bytes:
    """The XML document, UTF-8.

    A threshold that did not hold is a failure; where a run failed for another reason, such as a stop rule,
    the case `verdict` is one. A void or interrupted run is its error, since it says nothing about the target.
    XML knows no control characters: every text is escaped before.
    """
    scenario = escape(report.scenario or report.target, 200)
    failures = sum(not outcome.held for outcome in outcomes)
    stopped = report.verdict.status is Status.FAILED and not failures
    broken = report.verdict.status in {Status.VOID, Status.INTERRUPTED}
    suite = ET.Element(
        "testsuite",
        name=f"{SUITE} {scenario}",
        tests=str(len(outcomes) + 1),
        failures=str(failures + stopped),
        errors=str(int(broken)),
        time=f"{report.duration_s:.3f}",
        timestamp=report.started.removesuffix("Z"),
    )
    verdict = ET.SubElement(
        suite, "testcase", classname=scenario, name="verdict", time=f"{report.duration_s:.3f}"
    )
    if broken or stopped:
        reasons = escape("; ".join(report.verdict.reasons), 2_000)
        kind = "error" if broken else "failure"
        ET.SubElement(verdict, kind, type=str(report.verdict.status), message=reasons)
    for outcome in outcomes:
        case = ET.SubElement(suite, "testcase", classname=scenario, name=escape(outcome.threshold.text, 200))
        if not outcome.held:
            ET.SubElement(case, "failure", type="threshold", message=escape(outcome.sentence, 1_000))
    ET.SubElement(suite, "system-out").text = summary(report)
    root = ET.Element("testsuites", name=SUITE)
    root.append(suite)
    ET.indent(root)
    document = '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
    return document.encode()
