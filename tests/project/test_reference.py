from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class TestReference:
    def test_is_what_the_program_says_of_itself(self) -> None:
        done = subprocess.run(
            [sys.executable, str(ROOT / "docs" / "reference.py"), "--check"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
