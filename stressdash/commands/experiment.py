"""`stressdash experiment`: values of one knob, interleaved, and whether they differ."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stressdash.commands import command_parser
from stressdash.errors import UsageError
from stressdash.flags import Parser, add_load_flags, settings_of
from stressdash.stdout import write_text

if TYPE_CHECKING:
    from stressdash.session.trial import Setting

__all__ = ["parser", "run"]

CODES: Final = """\
exit codes: 0 compared, 2 bad input, 3 the stack could not be used,
            4 a regression, 5 void, 6 too few repeats, 130 interrupted
"""


def parser() -> Parser:
    """Flags of `stressdash experiment`."""
    made = command_parser("experiment", CODES, "KNOB=V1,V2,... [SCENARIO|URL] [FLAG]...")
    add = made.add_argument
    add("values", metavar="KNOB=V1,V2,...", help="compared with the first; connections is a knob here")
    add("target", metavar="SCENARIO|URL", nargs="?", default="act3", help="what is loaded (default: act3)")
    add(
        "--repeat",
        metavar="N",
        type=int,
        help="runs of each value (default: the scenario's, or enough)",
    )
    add(
        "--fail-on-regression",
        metavar="LIMIT",
        action="append",
        default=[],
        help="exit with 4 when one got worse by more than this, such as p99:5%%; may be repeated",
    )
    add("--json", metavar="FILE|-", help="write it for programs; - for stdout")
    add("--markdown", metavar="FILE", help="append it for a CI system, such as $GITHUB_STEP_SUMMARY")
    add("--quiet", action="store_true", help="no table while it runs")
    add_load_flags(made)
    return made


def run(words: Sequence[str]) -> int:
    """Make the runs, print the verdict, and tell it as the exit code."""
    options = parser().parse_all(words)
    name, values = _values(options.values)
    settings, scenario = settings_of(options)

    from stressdash.metrics.compare import LEVEL, needed_repeats
    from stressdash.metrics.design import interleaved
    from stressdash.report.comparison import parse_limit
    from stressdash.report.experiment import judge_experiment, trial_header, trial_row
    from stressdash.session.export import append_file, check_writable, write_file
    from stressdash.trials import repeats_of, run_series

    limits = [parse_limit(limit) for limit in options.fail_on_regression]
    variants = [_setting(name, value) for value in values]
    enough, _ = needed_repeats(LEVEL / (len(variants) - 1))
    repeats = repeats_of(options.repeat, scenario, enough)
    for path in (options.json, options.markdown):
        if path not in (None, "-"):
            check_writable(Path(path))
    if not options.quiet:
        sys.stderr.write(trial_header() + "\n")
    order = interleaved(len(variants), repeats)
    series = run_series(settings, scenario, variants, order, row=trial_row, quiet=options.quiet)
    runs = [series.of(number) for number in range(len(variants))]
    labels = [variant.label for variant in variants]
    found = judge_experiment(labels, runs, limits=limits, interrupted=series.interrupted)
    if options.json not in (None, "-"):
        write_file(Path(options.json), found.json().encode())
    if options.markdown is not None:
        append_file(Path(options.markdown), found.text(markdown=True).encode())
    write_text(found.json() if options.json == "-" else found.text())
    return found.exit_code


def _values(text: str) -> tuple[str, list[str]]:
    match = re.fullmatch(r"\s*(\w+)\s*=\s*([^,\s][^,]*(?:,[^,]+)+)", text)
    if match is None:
        raise UsageError(f"{text!r} is not of the form KNOB=V1,V2, for instance max_open=50,200")
    values = [value.strip() for value in match[2].split(",")]
    if len(set(values)) < len(values):
        raise UsageError(f"{text!r} names a value twice")
    return match[1], values


def _setting(name: str, value: str) -> Setting:
    """One value of the knob, checked before anything starts."""
    from stressdash.quantities import parse_count
    from stressdash.session.trial import CONNECTIONS, Setting
    from stressdash.stack.knobs import REAL_DATABASE_KNOBS, find

    if name == CONNECTIONS:
        return Setting(connections=parse_count(value))
    return Setting(knobs={name: find(REAL_DATABASE_KNOBS, name).parse(value)})
