"""The error list of a run: what it leaves out still counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

import pytest
from window_factory import fault, window

from stressdash.load.plan import Plan, Request
from stressdash.metrics.series import Timeline
from stressdash.samples import ApmHealth, ErrorGroup
from stressdash.session.apmwatch import ApmWatch
from stressdash.session.clock import Clock
from stressdash.session.errorlist import MOST, ErrorList
from stressdash.session.run import LiveRun

PLAN = Plan("http://127.0.0.1:1", (Request("request", "GET"),), connections=1, run_id=1)


@dataclass
class Told:
    """What a list reads of an APM watch."""

    groups_of: dict[str, tuple[str, ...]]
    groups: tuple[ErrorGroup, ...] = ()
    health: ApmHealth | None = None
    detail: str = field(default="", init=False)


class TestExplainedShare:
    def test_is_of_all_failures_and_not_only_of_those_that_are_listed(self) -> None:
        clock = Clock()
        run = LiveRun(PLAN, 1, clock, Timeline(), Random(1))
        rare = [fault(code=f"rare{number}") for number in range(MOST + 20)]
        known = fault(300, code="internal", trace_ids=("a" * 32,))
        run.add(window(failed=300 + len(rare), faults=(known, *rare)))
        errors = ErrorList(clock)
        errors.begin_run(run)
        rows = errors.refresh(cast("ApmWatch", cast("Any", Told({"a" * 32: ("group",)}))), None)
        assert len(rows) == MOST
        assert errors.explained is not None
        assert errors.explained[0] == pytest.approx(300 / (300 + len(rare)))
