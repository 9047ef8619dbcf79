"""What an idle dashboard costs, and how soon `stressdash up` has a stack ready."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.figure import Figure
from benchmarks.harness import Unavailable, median, spread
from benchmarks.terminal import terminal
from stressdash.errors import StackError
from stressdash.stack.server_program import find_server

WARM_S, WATCHED_S = 8.0, 30.0


def measure(rounds: int) -> Figure:
    """Shares of one core without load; seconds from the command to the ready stack."""
    idle = [_idle() for _ in range(max(3, rounds // 2))]
    rows = [
        _row("dashboard, Stack screen open, no load", [100 * own for own, _ in idle], "%", "3"),
        _row("its embedded stack beside it", [100 * stack for _, stack in idle], "%", "–"),
    ]
    backends = [backend for backend in ("process", "embedded") if _usable(backend)]
    for backend in backends:
        ups = [_ups_s(backend) for _ in range(rounds)]
        goal = "6" if backend == "process" else "–"
        rows += [
            _row(f"up on {backend}, in a new state folder", [first for first, _ in ups], "s", goal),
            _row(f"up on {backend}, with data of before", [again for _, again in ups], "s", goal),
        ]
    return Figure(
        "The stack",
        "Without load: processor time of the dashboard in a terminal of 120x40, of one core. `up`: seconds"
        " from the command until it has returned, with everything ready and the status printed.",
        ("", "measured", "runs", "goal"),
        tuple(rows),
    )


def _row(name: str, values: list[float], unit: str, goal: str) -> tuple[str, str, str, str]:
    return (name, f"{median(values):.2f} {unit}", spread(values), goal if goal == "–" else f"{goal} {unit}")


def _usable(backend: str) -> bool:
    try:
        return backend != "process" or bool(find_server())
    except StackError:
        return False


def _idle() -> tuple[float, float]:
    """Shares of a core: dashboard, and stack."""
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        state = Path(folder) / "s"
        with terminal(["--stack", "embedded"], state, 120, 40) as shown:
            shown.wait_for("READY")
            shown.keys("3")
            shown.wait_for("DATABASE connected")
            time.sleep(WARM_S)
            stack = _stack(state)
            before, stack_before = _cpu_s(shown.dashboard), _cpu_s(stack)
            time.sleep(WATCHED_S)
            own = (_cpu_s(shown.dashboard) - before) / WATCHED_S
            return own, (_cpu_s(stack) - stack_before) / WATCHED_S


def _stack(state: Path) -> list[psutil.Process]:
    """The supervisor and what it runs."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "stressdash.stack.supervisor" in words and str(state) in words:
            return [process, *process.children(recursive=True)]
    raise Unavailable("the supervisor is not to be found")


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _ups_s(backend: str) -> tuple[float, float]:
    """Seconds of the first `up`, and of one after a `down`."""
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        place = ["--stack", backend, "--state", str(Path(folder) / "s")]
        try:
            first = _timed(["up", "--quiet", *place])
            _timed(["down", *place])
            return first, _timed(["up", "--quiet", *place])
        finally:
            _timed(["down", "--data", *place])


def _timed(words: list[str]) -> float:
    began = time.perf_counter()
    program = Path(sys.executable).with_name("stressdash")
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    if done.returncode:
        raise Unavailable(f"stressdash {words[0]}: {done.stderr}")
    return time.perf_counter() - began
