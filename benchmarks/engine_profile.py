"""Where the engine's processor time goes: kernel and Python, worker and parent, beside wrk."""

from __future__ import annotations

import time
from functools import partial

import psutil

from benchmarks.figure import Figure
from benchmarks.generators import GENERATORS, stressdash, stressdash_numbered
from benchmarks.harness import (
    LOAD_CORE,
    START_S,
    Server,
    Unavailable,
    interleaved,
    median,
    serve,
    started,
    tree,
    wait_until,
)

CONNECTIONS, WARM_S, SPAN_S = 50, 0.7, 2.5
WORKER = "stressdash.load.worker"
COMMANDS = {
    "stressdash": stressdash,
    "stressdash, acts": stressdash_numbered,
    "wrk -t1": GENERATORS[0].command,
}

Parts = dict[str, float]


def measure(rounds: int) -> Figure:
    """Microseconds of a request by part, medians over the rounds."""
    with serve() as server:
        runs = {
            name: partial(_parts, command(server.url, CONNECTIONS), server)
            for name, command in COMMANDS.items()
        }
        found = interleaved(runs, rounds)
    parts = ("kernel", "user", "parent")
    rows = tuple(
        (name, *(f"{median([one[part] for one in each]):.1f}" for part in parts))
        for name, each in found.items()
    )
    return Figure(
        "Where the engine's time goes",
        f"Microseconds of a request at {CONNECTIONS} connections: time in the kernel and in user space of the"
        " process that sends, and all time of the parent that merges windows.",
        ("generator", "kernel", "user space", "parent"),
        rows,
    )


def _parts(words: list[str], server: Server) -> Parts:
    """Microseconds of a request in each part, over some seconds in full swing."""
    before = server.answers
    with started(words, LOAD_CORE) as process:
        wait_until(lambda: server.answers > before, START_S)
        time.sleep(WARM_S)
        family = tree(process.pid)
        sender = next((one for one in family if WORKER in one.cmdline()), family[0])
        parents = [one for one in family if one != sender]
        first, answers = _spent(sender, parents), server.answers
        time.sleep(SPAN_S)
        last, answers = _spent(sender, parents), server.answers - answers
    if not answers:
        raise Unavailable(f"{words[0]} got no answers")
    return {part: (last[part] - first[part]) / answers * 1e6 for part in first}


def _spent(sender: psutil.Process, parents: list[psutil.Process]) -> Parts:
    """Seconds so far."""
    user, kernel = sender.cpu_times()[:2]
    return {"kernel": kernel, "user": user, "parent": sum(sum(one.cpu_times()[:2]) for one in parents)}
