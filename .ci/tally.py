"""Adds up JUnit reports and prints the one line that closes a run of the tests.

Usage: tally.py REPORT.xml... [--again REPORT.xml...]; the reports after `--again` are of failed tests that
ran once more, and each of these is told by name. Exits 1 when something failed for good, when more failed at
first than a busy machine explains, or when no test ran.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

BAD = ("failure", "error")
MOST_UNSTABLE = 5


def outcomes(paths: list[Path]) -> dict[str, str]:
    """`passed`, `failed` or `skipped` of each test; one that failed in any phase of its life has failed."""
    found: dict[str, str] = {}
    for path in paths:
        for case in ET.parse(path).iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            kinds = {child.tag for child in case}
            outcome = "failed" if kinds.intersection(BAD) else "skipped" if "skipped" in kinds else "passed"
            found[name] = "failed" if found.get(name) == "failed" else outcome
    return found


def main() -> int:
    """Print the line and give the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("reports", nargs="*", type=Path)
    parser.add_argument("--again", nargs="*", type=Path, default=[])
    words = parser.parse_args()
    first, again = outcomes(words.reports), outcomes(words.again)
    unstable = {
        name for name, outcome in again.items() if outcome == "passed" and first.get(name) == "failed"
    }
    for name in sorted(unstable):
        print(f"UNSTABLE: {name} failed, and passed when it ran alone")
    if len(unstable) <= MOST_UNSTABLE:
        first |= dict.fromkeys(unstable, "passed")
    count = Counter(first.values())
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
