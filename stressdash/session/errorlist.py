"""The error list of the present run: client faults and APM groups, joined, and what was known before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stressdash.errors import UsageError
from stressdash.metrics.join import ApmView, Axis, explained_share, join
from stressdash.samples import Fault, ServiceStatus
from stressdash.session.apmwatch import ApmWatch, dropped_events
from stressdash.session.clock import Clock
from stressdash.session.run import LiveRun
from stressdash.snapshot import ErrorRow

__all__ = ["ErrorList"]

MOST: Final = 200
"""Rows that a list shows; the rarest fall off."""
EVERY_S: Final = 0.5
"""APM is asked no more often either."""
SPARK_S: Final = 60


class ErrorList:
    """Rows of the run, joined anew at most twice a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._axis = Axis(clock.origin_ns, clock.origin_wall_ms)
        self._run: LiveRun | None = None
        self._known: frozenset[str] | None = None
        self.rows: tuple[ErrorRow, ...] = ()
        self.explained: tuple[float, float, float] | None = None
        self._joined_s = -EVERY_S

    def begin_run(self, run: LiveRun) -> None:
        """Start afresh; what the run before had seen is no longer new."""
        if self._run is not None:
            self._known = frozenset(row.id for row in self.rows)
        self._run = run
        self.rows, self.explained, self._joined_s = (), None, -EVERY_S

    def recent(self, apm: ApmWatch | None, service: ServiceStatus | None) -> tuple[ErrorRow, ...]:
        """Rows that are at most half a second old."""
        if self._clock.now_s() - self._joined_s < EVERY_S:
            return self.rows
        return self.refresh(apm, service)

    def refresh(self, apm: ApmWatch | None, service: ServiceStatus | None) -> tuple[ErrorRow, ...]:
        """Join the run's faults with the groups that APM has now."""
        run, now_s = self._run, self._clock.now_s()
        self._joined_s = now_s
        until_ns = self._axis.origin_ns + int(now_s * 1e9)
        faults: Sequence[Fault] = run.faults.top(MOST) if run is not None else ()
        groups = apm.groups if apm is not None else ()
        groups_of = apm.groups_of if apm is not None else {}
        self.rows = join(
            faults,
            groups,
            groups_of,
            axis=self._axis,
            now_s=now_s,
            apm=_apm_view(apm, service),
            per_second={fault.key: run.faults.per_second(fault.key, until_ns, SPARK_S) for fault in faults}
            if run is not None
            else None,
            known=self._known,
        )[:MOST]
        self.explained = None
        if run is not None:
            beyond = run.faults.total - sum(fault.count for fault in faults)
            self.explained = explained_share(faults, groups_of, beyond)
        return self.rows

    def row(self, row_id: str) -> ErrorRow:
        """The row of that id.

        Raises:
            UsageError: it is not in the list any more.
        """
        for row in self.rows:
            if row.id == row_id:
                return row
        raise UsageError("this error is not in the list any more; press esc and choose again")

    def fault(self, row: ErrorRow) -> Fault | None:
        """The client fault behind a row; None when only APM saw it."""
        if self._run is None or row.client_count is None:
            return None
        key = (row.category, row.code)
        for fault in self._run.faults.top():
            if (fault.category, fault.code) == key and (fault.message or fault.code) == row.title:
                return fault
        return None


def _apm_view(apm: ApmWatch | None, service: ServiceStatus | None) -> ApmView:
    if apm is None:
        return ApmView(enabled=False)
    health = apm.health
    return ApmView(
        enabled=service.apm_enabled if service is not None else None,
        reachable=not apm.detail,
        newest_ms=health.newest_ms if health is not None else None,
        dropped=dropped_events(health, service),
    )
