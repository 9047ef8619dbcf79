"""The places of errors in their list: sorted when that disturbs nobody, held while the user is at work in it.

Counts and rates change all the time, and rows that swap places cannot be read, let alone clicked. Between two
sortings each row keeps its place, and what is new comes at the end.

Pure: the session's time is passed in with each view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stressdash.snapshot import ErrorRow
from stressdash.tui.view import View

__all__ = ["ORDERS", "Ranking"]

ORDERS: Mapping[str, Callable[[ErrorRow], tuple[float, ...]]] = {
    "count": lambda row: (-(row.client_count or 0), -(row.apm_count or 0)),
    "latest": lambda row: (-row.last_s,),
    "rate": lambda row: (-row.rate_per_s,),
    "first": lambda row: (row.first_s,),
    "new": lambda row: (not row.new, -row.last_s),
}
"""Name of an order to its sorting key."""
SETTLED_S = 3.0
"""A list that nobody holds is sorted no more often."""


class Ranking:
    """Which error stands where, from one view to the next."""

    def __init__(self) -> None:
        self.order = next(iter(ORDERS))
        self.is_held = False
        """The user is at work in the list: nothing moves until the list is let go, or another run begins."""
        self._places: dict[str, int] = {}
        self._run_started_s: float | None = None
        self._sorted_s: float | None = None

    def turn(self) -> None:
        """The next order."""
        names = list(ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]
        self.let_go()

    def let_go(self) -> None:
        """Sort at the next view, and from then on when it is due."""
        self.is_held = False
        self._sorted_s = None

    def arranged(self, view: View) -> list[ErrorRow]:
        """All errors of a view at their places; muted ones stand at the end."""
        snapshot = view.snapshot
        if snapshot.run_started_s != self._run_started_s:
            self._run_started_s = snapshot.run_started_s
            self.let_go()
        rows = sorted(snapshot.errors, key=self._due_order)
        if not self._is_due(snapshot.now_s):
            rows.sort(key=lambda row: self._places.get(row.id, len(self._places)))
        else:
            self._sorted_s = snapshot.now_s
        self._places = {row.id: place for place, row in enumerate(rows)}
        return sorted(rows, key=lambda row: row.id in view.muted)

    def _due_order(self, row: ErrorRow) -> tuple[float, ...]:
        """Rows that are equal keep their places."""
        return (*ORDERS[self.order](row), self._places.get(row.id, len(self._places)))

    def _is_due(self, now_s: float) -> bool:
        since = self._sorted_s
        return since is None or (not self.is_held and not 0 <= now_s - since < SETTLED_S)
