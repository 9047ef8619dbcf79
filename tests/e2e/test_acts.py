"""The article's three acts, headless, with real agent, sockets and processes on the embedded stack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from command import PASSED_OR_VOID
from ran import Ran, gone, processes_of, report_of

from stressdash.report.run_json import json_schema

pytestmark = pytest.mark.serial


def faults(report: dict[str, Any], message: str) -> int:
    return sum(fault["count"] for fault in report["faults"] if message in fault["message"])


def groups(report: dict[str, Any], message: str) -> list[dict[str, Any]]:
    return [group for group in report["apm"]["error_groups"] if message in group["message"]]


class TestActs:
    def test_act_1_fails_with_error_1040_at_the_client_and_in_apm(
        self, stressdash: Callable[..., Ran]
    ) -> None:
        patient = ("--timeout", "60s")  # where the service gets little of the machine it answers late
        ran = stressdash("run", "act1", "--stack", "embedded", "--duration", "6s", *patient, "--json", "-")
        report = report_of(ran)
        jsonschema.validate(report, json_schema())
        requests = report["requests"]
        ended = requests["completed"] + requests["failed"]
        assert requests["scheduled"] == ended + requests["in_flight_at_stop"]
        assert faults(report, "Error 1040: Too many connections") > 0.2 * ended
        (fault,) = (f for f in report["faults"] if "1040" in f["message"])
        assert (fault["category"], fault["code"]) == ("rpc", "internal")
        joined = next(g for g in groups(report, "1040") if g["key"] == fault["apm_group"])
        assert joined["culprit"].startswith("service.")
        assert joined["stack_depth"] > 0
        assert report["audit"]["lost"] == 0
        assert ran.returncode in PASSED_OR_VOID, report["verdict"]

    def test_act_2_is_clean_at_the_client_but_cancels_inserts(self, stressdash: Callable[..., Ran]) -> None:
        report = report_of(
            stressdash("run", "act2", "--stack", "embedded", "--duration", "6s", "--json", "-")
        )
        assert report["requests"]["failed"] == 0
        assert groups(report, "context canceled")
        assert not groups(report, "1040")
        assert report["audit"]["dropped"] > 0
        assert report["audit"]["lost"] == 0

    def test_act_3_is_clean_everywhere_and_drops_nothing(self, stressdash: Callable[..., Ran]) -> None:
        report = report_of(
            stressdash("run", "act3", "--stack", "embedded", "--duration", "6s", "--json", "-")
        )
        assert report["requests"]["failed"] == 0
        assert report["apm"]["error_groups"] == []
        assert report["audit"]["dropped"] == 0
        assert report["audit"]["lost"] == 0
        assert report["audit"]["acknowledged"] == report["requests"]["completed"]

    def test_nothing_outlives_a_run(self, stressdash: Callable[..., Ran], state: Path) -> None:
        ran = stressdash("run", "act3", "--stack", "embedded", "--duration", "1s", "--quiet")
        assert ran.returncode in PASSED_OR_VOID, ran.stderr.decode()
        assert b"Requests/sec" in ran.stdout
        assert ran.stderr == b""
        assert gone(processes_of(state)) == []
