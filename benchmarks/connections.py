"""Many connections: 5,000 held at 5,000 requests a second, and what each takes of the engine's memory."""

from __future__ import annotations

import json
import subprocess
import time

from benchmarks.figure import Figure
from benchmarks.generators import stressdash
from benchmarks.harness import LOAD_CORE, serve, started, tree_cpu_s, tree_rss_mb, wait_until

FEW, MANY, HELD_S = 50, 5000, 60.0


def measure(_rounds: int) -> Figure:
    """Faults and rate of a minute with 5,000 connections; memory at 50 and at 5,000."""
    few_mb = _rss_mb(FEW)
    with serve("fixed:900000") as server:
        words = [*stressdash(server.url, MANY)[:-1], str(HELD_S)]
        with started(words, LOAD_CORE, stdout=subprocess.PIPE) as process:
            wait_until(lambda: server.answers > MANY, 30)
            time.sleep(HELD_S / 2)
            many_mb, cpu = tree_rss_mb(process.pid), tree_cpu_s(process.pid)
            time.sleep(HELD_S / 4)
            core = (tree_cpu_s(process.pid) - cpu) / (HELD_S / 4)
            assert process.stdout
            told = json.loads(process.stdout.read())
    rows = (
        ("requests a second, answers after 0.9 s", f"{told['requests_per_s']:,.0f}", "5,000"),
        ("failed requests in 60 s", f"{told['failed']:,}", "0"),
        (
            "engine memory for each connection",
            f"{(many_mb - few_mb) * 1e6 / (MANY - FEW) / 1024:.2f} KiB",
            "2 KiB",
        ),
        ("engine memory at 50 / 5,000 connections", f"{few_mb:.0f} / {many_mb:.0f} MB", "–"),
        ("processor time of the engine, of one core", f"{core:.0%}", "–"),
    )
    return Figure(
        "5,000 connections",
        "Held for 60 s against a server that answers after 0.9 s. Memory is resident memory of all"
        " processes of the engine (worker and parent), compared with 50 connections.",
        ("", "measured", "goal"),
        rows,
    )


def _rss_mb(connections: int) -> float:
    with serve("fixed:900000") as server, started(stressdash(server.url, connections), LOAD_CORE) as process:
        wait_until(lambda: server.answers > 3 * connections, 30)
        return tree_rss_mb(process.pid)
