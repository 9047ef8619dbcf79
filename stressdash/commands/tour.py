"""`stressdash tour`: the three acts in the dashboard, step by step, with what to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stressdash.commands import command_parser
from stressdash.flags import Parser, add_load_flags, settings_of

if TYPE_CHECKING:
    from stressdash.session import Session

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash tour`."""
    made = command_parser("tour", usage="[FLAG]...")
    add_load_flags(made)
    return made


def run(words: Sequence[str]) -> int:
    """Show it until the user quits."""
    options = parser().parse_all(words)
    options.target = "act1"
    settings, scenario = settings_of(options)

    from stressdash.dashboard import show_dashboard

    def make() -> Session:
        from stressdash.session import make_session

        return make_session(settings, scenario, what="tour")

    return show_dashboard(make, tour=True)
