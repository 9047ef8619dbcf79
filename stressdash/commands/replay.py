"""`stressdash replay`: the dashboard on a run that has ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stressdash.commands import command_parser
from stressdash.errors import UsageError
from stressdash.flags import Parser, parsed

if TYPE_CHECKING:
    from stressdash.session import Session

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash replay`."""
    made = command_parser("replay")
    add = made.add_argument
    add(
        "run",
        metavar="RUN",
        nargs="?",
        default="last",
        help="number, id, tag or file of a run (default: last)",
    )
    add("--speed", metavar="N", default="1", help="as many times as fast as it happened (default: 1)")
    add("--at", metavar="TIME", default="0", help="begin so long after the run's start, for instance 1m30s")
    add("--state", metavar="DIR", type=Path, help="folder in which the runs lie")
    return made


def run(words: Sequence[str]) -> int:
    """Show it until the user quits."""
    options = parser().parse_all(words)

    from stressdash.dashboard import show_dashboard
    from stressdash.quantities import parse_duration
    from stressdash.settings import state_to_read
    from stressdash.store.runs import RunFolder

    speed, at_s = _speed(options.speed), parsed("--at", parse_duration, options.at)
    file = Path(options.run)
    path = file if file.is_file() else RunFolder(state_to_read(options.state)).find(options.run).path

    def make() -> Session:
        from stressdash.session.replay import Replay

        return Replay(path, speed=speed, at_s=at_s)

    return show_dashboard(make)


def _speed(text: str) -> float:
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UsageError(f"--speed {text!r} is not a number above 0")
    return speed
