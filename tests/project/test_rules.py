"""The rules of the house catch what they are for: each is shown a violation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def ruff(root: Path, path: str, code: str) -> str:
    """What ruff says on banned imports when `code` stood in the file `path`."""
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--output-format", "concise"]
    run = subprocess.run(
        [*command, "--stdin-filename", path, "-"], cwd=root, input=code, capture_output=True, text=True
    )
    return run.stdout


CLOCKS = [
    "import time\n",
    "from time import monotonic_ns\n",
    "import datetime\ndatetime.datetime.now()\n",
    "from datetime import datetime\ndatetime.utcnow()\n",
    "import random\nrandom.random()\n",
]


class TestClockBan:
    @pytest.mark.parametrize("code", CLOCKS)
    @pytest.mark.parametrize(
        "path",
        ["stressdash/samples/a.py", "stressdash/hdr.py", "stressdash/metrics/a.py", "stressdash/charts/a.py"],
    )
    def test_pure_modules_may_not_read_a_clock_or_throw_dice(self, root: Path, path: str, code: str) -> None:
        assert "TID251" in ruff(root, path, code)

    @pytest.mark.parametrize("path", ["stressdash/load/a.py", "service/a.py", "tests/metrics/test_a.py"])
    def test_others_may(self, root: Path, path: str) -> None:
        assert "TID251" not in ruff(root, path, "".join(CLOCKS))

    def test_a_dice_that_was_passed_in_is_allowed(self, root: Path) -> None:
        code = "from random import Random\n\n\ndef f(dice: Random) -> float:\n    return dice.random()\n"
        assert "TID251" not in ruff(root, "stressdash/metrics/a.py", code)
