"""What the database tells of itself, in two lines; what it does not tell is a dash."""

from __future__ import annotations

from collections.abc import Sequence

from stressdash.charts.units import UNKNOWN
from stressdash.samples import Component, DatabaseRates, DatabaseStatus
from stressdash.text import rate
from stressdash.tui.lines import Line, clean, crop, fit
from stressdash.tui.view import View
from stressdash.tui.widgets.panel import ViewPanel

__all__ = ["DatabasePanel"]

NOTHING = DatabaseStatus()
NO_RATES = DatabaseRates()


class DatabasePanel(ViewPanel):
    """Connections above, work below."""

    DEFAULT_CSS = "DatabasePanel { height: 2; }"

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """Both lines; where nobody can be asked, why not."""
        snapshot = view.snapshot
        database = next((one for one in snapshot.components if one.name == "database"), None)
        status = snapshot.database
        if status is None:
            return [[("DATABASE ", "strong"), (fit(_why(database), max(0, width - 9)), "dim")], []]
        rates = snapshot.database_rates or NO_RATES
        room = max(0, width - 9)
        connections = _figures(
            ("connected", f"{_count(status.threads_connected)}/{_count(status.max_connections)}"),
            ("running", _count(status.threads_running)),
            ("most used", _count(status.max_used_connections)),
            ("slow queries", _count(status.slow_queries)),
        )
        work = _figures(
            ("questions/s", rate(rates.questions)),
            ("commits/s", rate(rates.commits)),
            ("row lock waits/s", rate(rates.row_lock_waits)),
        )
        full = status.max_connections is not None and status.threads_connected is not None
        full = full and (status.threads_connected or 0) >= (status.max_connections or 0)
        hint = "   P processes" if snapshot.playback is None else ""
        return [
            [("DATABASE ", "strong"), *crop(connections, room - 6), (" FULL" if full else "", "bad")],
            [("         ", "text"), *crop(work, room - 13), (hint, "dim")],
        ]


def _why(database: Component | None) -> str:
    """Why there are no figures, in the words of whoever refused them."""
    if database is None:
        return f"{UNKNOWN} there is none"
    return clean(database.detail) or f"{UNKNOWN} it is {database.state.value}"


def _count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def _figures(*pairs: tuple[str, str]) -> Line:
    line: Line = []
    for name, value in pairs:
        line += [(f"  {name} " if line else f"{name} ", "dim"), (value, "text")]
    return line
