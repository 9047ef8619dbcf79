"""Interference against the truth: every group's CPU clock read by the test, a burner of known cost beside.

The truth is made of the kernel's own figures: `getrusage` of the burner (told by itself), of the load workers
(children that were waited for) and of this process, the CPU clocks of the stack's components, and the busy
time of the machine.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from command import until

from stressdash.scenario import find_scenario, scenario_layer
from stressdash.session import Session, make_session
from stressdash.settings import resolve
from stressdash.snapshot import RunState

POINTS = 0.03
BURN = """
import os, resource, select, sys
print("burning", flush=True)
while not select.select([0], [], [], 0)[0]:
    sum(range(20_000))
spent = resource.getrusage(resource.RUSAGE_SELF)
print(spent.ru_utime + spent.ru_stime, flush=True)
"""

pytestmark = pytest.mark.serial


@dataclass(frozen=True)
class Clocks:
    """CPU seconds since whenever they started."""

    at_s: float
    busy_s: float
    groups: dict[str, float]

    @classmethod
    def read(cls, session: Session, generator_s: float) -> Clocks:
        times = psutil.cpu_times()
        groups = {c.name: cpu_s(c.pid) for c in session.watch.components if c.pid is not None}
        groups |= {"dashboard": rusage_s(resource.RUSAGE_SELF), "generator": generator_s}
        busy_s = times.user + times.nice + times.system + times.irq + times.softirq
        return cls(session.clock.now_s(), busy_s, groups)


def cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def rusage_s(who: int) -> float:
    spent = resource.getrusage(who)
    return spent.ru_utime + spent.ru_stime


@pytest.fixture
async def session(state: Path) -> AsyncIterator[Session]:
    """A session on the embedded stack, with the third act cut short."""
    scenario = find_scenario("act3")
    flags = {"stack": ("the test", "embedded"), "state": ("the test", state), "duration_s": ("the test", 5.0)}
    made = make_session(resolve(scenario_layer(scenario), flags), scenario)
    await made.open()
    yield made
    await made.close()


class TestInterference:
    async def test_every_share_is_within_three_points_of_the_truth_with_a_burner_beside(
        self, session: Session
    ) -> None:
        burner = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", BURN),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert burner.stdin is not None
        assert burner.stdout is not None
        await burner.stdout.readline()
        ended_s = rusage_s(resource.RUSAGE_CHILDREN)
        await session.start_load()
        assert session.run is not None
        before = Clocks.read(session, sum(map(cpu_s, session.run.fleet.worker_pids)))
        burnt_before_s = cpu_s(burner.pid)
        await until(lambda: session.state is RunState.DRAINING)
        after = Clocks.read(session, rusage_s(resource.RUSAGE_CHILDREN) - ended_s)
        burnt_s = cpu_s(burner.pid) - burnt_before_s
        burner.stdin.close()
        told_by_itself_s = float(await burner.stdout.readline())
        await burner.wait()
        report = await session.finished()
        assert report is not None
        told = report.interference

        spent_s = {name: after.groups[name] - before.groups[name] for name in before.groups}
        busy_s, elapsed_s = after.busy_s - before.busy_s, after.at_s - before.at_s
        capacity_s = elapsed_s * session.processors.cores
        truth = {name: seconds / capacity_s for name, seconds in spent_s.items()}
        truth["machine"] = busy_s / capacity_s
        truth["share"] = sum(spent_s[name] for name in ("generator", "dashboard", "apm")) / busy_s
        assert {name: getattr(told, name) for name in truth} == pytest.approx(truth, abs=POINTS)
        assert 0 < burnt_s <= told_by_itself_s

        # the burner is no part of any group, and all of it is in the machine's busy time
        named = sum(getattr(told, name) for name in spent_s)
        assert told.machine - named >= burnt_s / capacity_s - POINTS
