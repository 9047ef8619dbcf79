"""`stressdash knee`: where throughput peaks, and how much can be had under an objective."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from stressdash.commands import command_parser
from stressdash.errors import UsageError
from stressdash.flags import Parser, add_load_flags, parsed, settings_of
from stressdash.stdout import write_text

if TYPE_CHECKING:
    from stressdash.settings import Settings

__all__ = ["parser", "run"]

CODES: Final = """\
exit codes: 0 found, 2 bad input, 3 the stack could not be used,
            4 no level met the objective, 5 all void, 130 interrupted
"""
REPEATS: Final = 3
LEVEL_S: Final = 8.0
"""Length of a run where nothing else is said: as long as it takes to see that it is steady."""
MOST: Final = 200
"""Highest level for a target that no scenario describes."""
LEAST: Final = 4


def parser() -> Parser:
    """Flags of `stressdash knee`."""
    made = command_parser("knee", CODES, "SCENARIO|URL [FLAG]...\n       stressdash knee --from-csv FILE")
    add = made.add_argument
    add("target", metavar="SCENARIO|URL", nargs="?", help="what is loaded")
    add("--from-csv", metavar="FILE", help="fit lines of 'concurrency,throughput' instead")
    add("--objective", metavar="EXPR", help="what a level must hold, for instance 'p(99)<100,failed<0.1%%'")
    add("--levels", metavar="N,N,...", help="connections (default: eight, up to twice the scenario's)")
    add("--repeat", metavar="N", type=int, help=f"runs of each level (default: the scenario's, or {REPEATS})")
    add("--json", metavar="FILE|-", nargs="?", const="-", help="write it for programs (default: to stdout)")
    add("--quiet", action="store_true", help="no table while it runs")
    add_load_flags(made)
    return made


def run(words: Sequence[str]) -> int:
    """Print the fit."""
    options = parser().parse_all(words)
    if options.from_csv is not None:
        return _fit_file(options)
    if options.target is None:
        raise UsageError("knee needs a scenario or a URL to load, or --from-csv FILE")
    settings, scenario = settings_of(options)
    if settings.rate is not None or settings.stages:
        raise UsageError("knee sets the connections itself: leave out --rate and --stages")

    from stressdash.metrics.design import shuffled_rounds
    from stressdash.metrics.levels import Level
    from stressdash.metrics.thresholds import parse_thresholds
    from stressdash.report.experiment import trial_header, trial_row
    from stressdash.report.knee import find_level_knee, level_run
    from stressdash.session.trial import Setting
    from stressdash.trials import repeats_of, run_series

    objective = parse_thresholds(options.objective) if options.objective else ()
    levels = _levels(options.levels, settings.connections if scenario is not None else MOST // 2)
    repeats = repeats_of(options.repeat, scenario, REPEATS)
    variants = [Setting(connections=level) for level in levels]
    order = shuffled_rounds(len(levels), repeats, Random(settings.seed))
    if not options.quiet:
        sys.stderr.write(trial_header() + "\n")
    series = run_series(
        _steady(settings), scenario, variants, order, row=trial_row, quiet=options.quiet, thresholds=objective
    )
    found = find_level_knee(
        [Level(level, tuple(map(level_run, series.of(n)))) for n, level in enumerate(levels)],
        objective,
        interrupted=series.interrupted,
    )
    _write(found.text(), found.json(), options.json)
    return found.exit_code


def _fit_file(options: Namespace) -> int:
    from stressdash.report.knee import knee_of_csv

    text = knee_of_csv(options.from_csv, as_json=options.json is not None)
    _write(text, text, options.json)
    return 0


def _write(text: str, json: str, where: str | None) -> None:
    from stressdash.session.export import write_file

    if where not in (None, "-"):
        write_file(Path(where), json.encode())
    write_text(json if where == "-" else text)


def _levels(text: str | None, usual: int) -> tuple[int, ...]:
    from stressdash.metrics.levels import default_levels
    from stressdash.quantities import parse_count

    if text is None:
        return default_levels(max(2 * usual, 32))
    levels = sorted({parsed("--levels", parse_count, word) for word in text.split(",")})
    if len(levels) < LEAST or levels[0] < 1:
        raise UsageError(
            f"--levels {text!r}: name at least {LEAST} different numbers from 1 up, as 1,10,50,200"
        )
    return tuple(levels)


def _steady(settings: Settings) -> Settings:
    """Runs of one length that count from their steady state on, unless something else was said."""
    said = settings.origin("duration_s")
    duration_s = LEVEL_S if said == "default" or said.startswith("scenario ") else settings.duration_s
    if duration_s is None:
        raise UsageError("the runs of a knee need a --duration")
    return replace(settings, duration_s=duration_s, max_requests=None, warm_up=settings.warm_up or "auto")
