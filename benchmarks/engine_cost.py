"""What one request costs the generator: the engine beside wrk and others, at five settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.figure import Figure
from benchmarks.generators import (
    GENERATORS,
    available,
    stressdash,
    stressdash_coalescing,
    stressdash_numbered,
)
from benchmarks.harness import Load, Server, interleaved, measure_load, median, serve

SETTINGS = (
    ("1 connection", 1, "none", 1.9),
    ("50", 50, "none", 1.5),
    ("400", 400, "none", 1.5),
    ("5,000", 5000, "none", 1.2),
    ("100, 12 to 76 ms delay", 100, "uniform:12000:76000", 1.6),
)
"""Name, connections, delay, and the ratio to wrk that the engine is to keep."""
REFERENCE, TWIN, OURS, TOGETHER = "wrk -t1", "wrk again", "stressdash", "stressdash --coalesce 1ms"


def measure(rounds: int) -> Figure:
    """CPU per request of each generator at each setting, as microseconds and as ratio to wrk."""
    commands: dict[str, Callable[[str, int], list[str]]] = {}
    absent = []
    for generator in GENERATORS:
        if reason := available(generator):
            absent.append(f"{generator.name} is absent: {reason}")
        else:
            commands[f"{generator.name} ({generator.language})"] = generator.command
    wrk = commands.pop("wrk (C)")
    commands = {
        REFERENCE: wrk,
        TWIN: wrk,
        OURS: stressdash,
        TOGETHER: stressdash_coalescing,
        "stressdash, acts": stressdash_numbered,
    } | commands
    columns = [_setting(commands, *setting[1:3], rounds) for setting in SETTINGS]
    rows = tuple((name, *(column.get(name, "–") for column in columns)) for name in commands)
    goals = ("goal for stressdash", *(f"{setting[3]:.1f}" for setting in SETTINGS))
    return Figure(
        "Processor time of a request",
        "Microseconds of user and system time of the generator for one POST of the article's body and its"
        " answer, and in brackets the ratio to wrk. Generator on one core, a C server on the other.",
        ("generator", *(setting[0] for setting in SETTINGS)),
        (*rows, goals),
        (
            f"Medians of {rounds} runs for wrk and stressdash, of {(rounds + 2) // 3} for the others.",
            "'wrk again' is wrk measured twice in the same rounds: its ratio is the noise.",
            "'--coalesce 1ms' serves together what became ready in 1 ms; latencies are up to that longer.",
            "'stressdash, acts' gives each request a body of its own and keeps the ledger for the audit.",
            *absent,
        ),
    )


def _setting(
    commands: dict[str, Callable[[str, int], list[str]]], connections: int, delay: str, rounds: int
) -> dict[str, str]:
    print(f"  {connections} connections, delay {delay}", flush=True)
    warm_s = 0.5 + connections / 2500
    with serve(delay) as server:
        loads = interleaved(
            {
                name: partial(_once, command, server, connections, warm_s)
                for name, command in commands.items()
            },
            rounds,
            seldom=commands.keys() - {REFERENCE, TWIN, OURS, TOGETHER},
        )
    medians = {name: median([load.cpu_us for load in found]) for name, found in loads.items()}
    table = {name: f"{cpu:.1f} ({cpu / medians[REFERENCE]:.2f})" for name, cpu in medians.items()}
    print("  ", table, flush=True)
    return table


def _once(command: Callable[[str, int], list[str]], server: Server, connections: int, warm_s: float) -> Load:
    return measure_load(command(server.url, connections), server, warm_s=warm_s)
