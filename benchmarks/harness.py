"""How everything here is measured.

- The machine is noisy, so what is compared runs interleaved (A B C A B C ...), and the median of at least
  seven runs counts. One contender runs twice under two names (A/A): the ratio of that pair is the noise.
- Processor time is what the operating system booked on a process and its descendants while it was in full
  swing, and requests are what the server answered meanwhile. Start-up is in neither.
- Server and generator each have one core, by CPU affinity.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

V = TypeVar("V")

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "stressdash-bench"
SERVER_CORE, LOAD_CORE = 0, 1
ROUNDS = 7
START_S = 30.0
REST_S = 0.25
"""Longer than the C server takes for an answer where generators are compared."""


class Unavailable(Exception):
    """A figure or a contender cannot be measured on this machine; says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running `server.c`."""

    url: str
    pid: int
    counter: mmap.mmap

    @property
    def answers(self) -> int:
        return int.from_bytes(self.counter[:8], "little")


@contextlib.contextmanager
def serve(delay: str = "none", truth: Path | None = None) -> Iterator[Server]:
    """Run the C server on its core; `truth` gets the real times of its answers when it ends."""
    with tempfile.TemporaryDirectory() as folder:
        counter = Path(folder) / "counter"
        words = [str(compiled()), "0", delay, str(counter), *([str(truth)] if truth else [])]
        with started(words, SERVER_CORE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            port = int(process.stdout.readline())
            with counter.open("rb") as file, mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as view:
                yield Server(f"http://127.0.0.1:{port}/", process.pid, view)


def compiled() -> Path:
    """Path of the server's program, compiled anew when its source is newer."""
    source = Path(__file__).with_name("server.c")
    program = CACHE / "server"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        if not (compiler := shutil.which("cc")):
            raise Unavailable("no C compiler")
        CACHE.mkdir(parents=True, exist_ok=True)
        words = [compiler, "-O2", "-o", program, source, "-lm"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"server.c does not compile here: {done.stderr[:200]}")
    return program


@contextlib.contextmanager
def started(
    words: Sequence[str], core: int | None = None, *, stdout: int = subprocess.DEVNULL, **more: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in its own process group, on one core or on all; end it by SIGTERM, then SIGKILL."""
    pinned = [*([] if core is None else ["taskset", "-c", str(core)]), *words]
    process = subprocess.Popen(
        pinned, stdout=stdout, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, process_group=0, **more
    )
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()


@dataclass(frozen=True, slots=True)
class Load:
    """What a generator did and took while it was in full swing."""

    cpu_us: float
    """Processor time of all its processes for one request."""
    rate: float
    rss_mb: float


def measure_load(words: Sequence[str], server: Server, *, warm_s: float = 0.5, span_s: float = 2.0) -> Load:
    """Run a generator against the server and watch it from outside, from `warm_s` after its first answer."""
    before = answers_at_rest(server)
    with started(words, LOAD_CORE) as process:
        wait_until(lambda: server.answers > before or process.poll() is not None, START_S)
        time.sleep(warm_s)
        answers, cpu_s, at_s = server.answers, tree_cpu_s(process.pid), time.perf_counter()
        time.sleep(span_s)
        answers, cpu_s = server.answers - answers, tree_cpu_s(process.pid) - cpu_s
        span_s = time.perf_counter() - at_s
        if process.poll() is not None or not answers:
            raise Unavailable(f"{words[0]} ended early or got no answers")
        return Load(cpu_s / answers * 1e6, answers / span_s, tree_rss_mb(process.pid))


def answers_at_rest(server: Server) -> int:
    """Answers so far, once those to the generator before are out: else they would pass for the next one's."""
    answers = -1
    while answers != server.answers:
        answers = server.answers
        time.sleep(REST_S)
    return answers


def tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def tree_cpu_s(pid: int) -> float:
    """User and system time of a process and its living descendants."""
    return sum(sum(process.cpu_times()[:2]) for process in tree(pid))


def tree_rss_mb(pid: int) -> float:
    return sum(process.memory_info().rss for process in tree(pid)) / 1e6


def wait_until(condition: Callable[[], object], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise Unavailable(f"nothing happened within {limit_s:g} s")
        time.sleep(0.005)


def interleaved(
    runs: Mapping[str, Callable[[], V]], rounds: int = ROUNDS, seldom: Collection[str] = ()
) -> dict[str, list[V]]:
    """Results of each run, in rounds, those in `seldom` in every third; what is unavailable is dropped."""
    results: dict[str, list[V]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            if name in results and not (number % 3 and name in seldom):
                try:
                    results[name].append(run())
                except Unavailable as error:
                    print(f"  {name}: {error}", flush=True)
                    del results[name]
    return results


def spread(values: Sequence[float]) -> str:
    """Lowest and highest of the runs."""
    low, high = (f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in (min(values), max(values)))
    return f"{low} to {high}"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
