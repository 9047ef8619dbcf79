"""What a screen draws: a snapshot, and how the user looks at it."""

from __future__ import annotations

from dataclasses import dataclass

from stressdash.snapshot import RunState, Snapshot

__all__ = ["MOVING_STATES", "WINDOWS_S", "View"]

WINDOWS_S: tuple[float | None, ...] = (15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, None)
"""Time windows of the charts; None is the whole run."""
MOVING_STATES = frozenset({RunState.STARTING, RunState.RUNNING, RunState.PAUSED, RunState.DRAINING})
SHORTEST_S = 5.0


@dataclass(frozen=True, slots=True)
class View:
    """One picture with the user's own settings beside it; all of it immutable."""

    snapshot: Snapshot
    window_s: float | None = 60.0
    pinned: tuple[float, float] | None = None
    """A time range chosen by hand, for instance an error's window of occurrence."""
    frozen: bool = False
    wanted_connections: int | None = None
    """Asked for and not yet confirmed by the session."""
    wanted_duration_s: float | None = None
    muted: frozenset[str] = frozenset()
    status: str = ""
    """The last command's error, or other words for the status line; escaped by who draws it."""
    letters: bool = False
    """Without colour: curves carry their letters."""

    @property
    def is_moving(self) -> bool:
        """Whether the right end of the charts is the present."""
        return self.snapshot.state in MOVING_STATES

    @property
    def end_s(self) -> float:
        """Right end of the charts, session time: now, or where a finished run's figures end."""
        if self.pinned is not None:
            return self.pinned[1]
        if self.is_moving:
            return self.snapshot.now_s
        ends = [
            series.start_s + series.step_s * (len(series.values) - 1)
            for group in self.snapshot.series.values()
            for series in group
            if series.values
        ]
        return min(self.snapshot.now_s, max(ends, default=self.snapshot.now_s))

    @property
    def start_s(self) -> float:
        """Left end of the charts, session time."""
        if self.pinned is not None:
            return self.pinned[0]
        if self.window_s is not None:
            return self.end_s - self.window_s
        started = self.snapshot.run_started_s
        return min(self.end_s - SHORTEST_S, started if started is not None else 0.0)

    @property
    def end_label(self) -> str:
        """Name of the charts' right end."""
        if self.pinned is not None:
            return "then"
        if self.frozen:
            return "frozen"
        return "now" if self.is_moving else "end"

    @property
    def connections(self) -> int:
        """Connections as the user last asked for."""
        if self.wanted_connections is not None:
            return self.wanted_connections
        return self.snapshot.client.target_connections

    @property
    def duration_s(self) -> float | None:
        """Duration as the user last asked for; None runs until stopped."""
        if self.wanted_duration_s is not None:
            return self.wanted_duration_s
        return self.snapshot.duration_s
