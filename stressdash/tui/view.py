"""What a screen draws: a snapshot, and how the user looks at it."""

from __future__ import annotations

from dataclasses import dataclass

from stressdash.snapshot import RunState, Snapshot

__all__ = ["LOAD_STATES", "WINDOWS_S", "View", "reach_s"]

WINDOWS_S: tuple[float | None, ...] = (15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, None)
"""Time windows of the charts; None is the whole run."""
LOAD_STATES = frozenset({RunState.RUNNING, RunState.PAUSED, RunState.DRAINING})
"""A run goes on."""
STILL_STATES = frozenset({RunState.FINISHED, RunState.FAILED})
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
    wanted_rate: float | None = None
    muted: frozenset[str] = frozenset()
    status: str = ""
    """The last command's error, or other words for the status line; escaped by who draws it."""
    letters: bool = False
    """Without colour: curves carry their letters."""

    @property
    def is_idle(self) -> bool:
        """Whether no load runs and none is played: what changes does so once a second."""
        snapshot = self.snapshot
        return snapshot.playback is None and snapshot.state in (*STILL_STATES, RunState.READY)

    @property
    def is_moving(self) -> bool:
        """Whether the right end of the charts is the present."""
        return self.snapshot.state not in STILL_STATES

    @property
    def end_s(self) -> float:
        """Right end of the charts, session time: now, or where the finished run ended."""
        if self.pinned is not None:
            return self.pinned[1]
        ended_s = self.snapshot.run_ended_s
        return self.snapshot.now_s if self.is_moving or ended_s is None else ended_s

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
    def rate(self) -> float | None:
        """Arrivals per second as the user last asked for; None is the closed loop."""
        return self.wanted_rate if self.wanted_rate is not None else self.snapshot.client.target_rate

    @property
    def duration_s(self) -> float | None:
        """Duration as the user last asked for; None runs until stopped."""
        if self.wanted_duration_s is not None:
            return self.wanted_duration_s
        return self.snapshot.duration_s


def reach_s(window_s: float | None, pinned: tuple[float, float] | None, now_s: float) -> float | None:
    """How far back a picture's series must reach to fill the charts; None: to the session's start."""
    if pinned is not None:
        return max(0.0, now_s - pinned[0])
    return window_s
