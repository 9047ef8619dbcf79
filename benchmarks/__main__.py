"""`python -m benchmarks [--rounds N] [FIGURE...]`: measure, print, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from dataclasses import replace

from benchmarks.figure import Figure, keep, machine, write_document
from benchmarks.harness import ROUNDS, Unavailable

FIGURES = (
    "engine_cost",
    "engine_profile",
    "connections",
    "latency_truth",
    "rate_accuracy",
    "freeze",
    "service",
    "database",
    "intake",
    "apm_size",
    "apm_elastic",
    "dashboard",
    "recorder",
    "reaction",
    "stack",
)
DOCUMENTED = (*FIGURES, "soak")
"""Figures of the document, in its order; `make soak` measures the last one."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"some of: {', '.join(FIGURES)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="runs of each thing that is compared")
    words = parser.parse_args()
    if unknown := set(words.figures) - set(FIGURES):
        parser.error(f"no figure is called {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    missed = 0
    for name in words.figures or FIGURES:
        print(f"== {name}", flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        try:
            figure: Figure = replace(module.measure(words.rounds), machine=machine())
        except Unavailable as error:
            print(f"not measured: {error}")
            missed += 1
            continue
        keep(name, figure)
        print(figure.plain(), flush=True)
    write_document(DOCUMENTED)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
