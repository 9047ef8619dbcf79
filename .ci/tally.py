"""Adds up JUnit reports and prints the one line that closes a run of the tests.

Usage: tally.py REPORT.xml...; exits 1 when something failed, or when no test ran.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

COUNTS = ("tests", "failures", "errors", "skipped")


def tally(paths: list[Path]) -> dict[str, int]:
    """Sum of each of `COUNTS` over all suites of all reports."""
    suites = [suite for path in paths for suite in ET.parse(path).iter("testsuite")]
    return {count: sum(int(suite.get(count, 0)) for suite in suites) for count in COUNTS}


def main() -> int:
    """Print the line and give the exit code."""
    total = tally([Path(name) for name in sys.argv[1:]])
    failed = total["failures"] + total["errors"]
    passed = total["tests"] - failed - total["skipped"]
    print(f"{passed} passed, {failed} failed, {total['skipped']} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
