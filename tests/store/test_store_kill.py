"""Whenever the recording process is killed, its file opens and lacks no step that it had finished.

Ten rounds take seconds; `KILL_ROUNDS=200` is for who changes the recorder.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from store_factory import ORIGIN_NS
from window_factory import GRID_NS

from stressdash.report.stored import settled_report
from stressdash.store.runfile import Condition
from stressdash.store.runs import RunFolder

ROUNDS = int(os.environ.get("KILL_ROUNDS", "10"))


@pytest.mark.serial
class TestAKilledRecorder:
    def test_leaves_every_finished_step(self, tmp_path: Path) -> None:
        seed = str(Random().randrange(10**9))
        script = str(Path(__file__).with_name("killed_recorders.py"))
        told = subprocess.run(
            [sys.executable, script, str(tmp_path), str(ROUNDS), seed],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        acknowledged = [int(line) for line in told.stdout.split()]
        assert len(acknowledged) == ROUNDS
        for number, steps in enumerate(acknowledged):
            with RunFolder(tmp_path / str(number)).open("last") as run:
                found = list(run.windows())
                assert run.condition is Condition.INTERRUPTED, seed
            expected = [ORIGIN_NS + step * GRID_NS for step in range(len(found))]
            assert [each.start_ns for each in found] == expected, seed
            assert len(found) >= steps > 0, seed
            assert all(each.sent == 20 for each in found[:-1]), seed

    def test_leaves_a_run_whose_report_can_be_made(self, tmp_path: Path) -> None:
        script = str(Path(__file__).with_name("killed_recorders.py"))
        subprocess.run(
            [sys.executable, script, str(tmp_path), "1", "7"],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        folder = RunFolder(tmp_path / "0")
        entry = folder.find("last")
        assert (entry.condition, entry.requests_per_s) == (Condition.INTERRUPTED, None)
        report = settled_report(entry)
        assert report.verdict.status == "interrupted"
        assert report.requests_per_second == pytest.approx(200)
        assert folder.find("last").requests_per_s == pytest.approx(200)
        assert [path.name for path in folder.path.iterdir()] == ["00001.run"]
        assert settled_report(folder.find("last")) == report
