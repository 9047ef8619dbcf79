"""What screens may ask of a session and tell it; they know nothing else of the program."""

from __future__ import annotations

from typing import Protocol

from stressdash.samples import DatabaseProcess, FoundService, Knob, LogLine, Scope
from stressdash.samples.apm_page import ApmPage, TraceView
from stressdash.snapshot import ErrorDetail, Snapshot

__all__ = ["PLAYS", "SessionApi"]

PLAYS = ("back", "on", "step back", "step", "slower", "faster", "start", "end")
"""Ways to move in a replay."""


class SessionApi(Protocol):
    """What screens may ask and command. Commands raise `StressdashError` with a sentence for the user."""

    def snapshot(self, span_s: float | None = 60.0) -> Snapshot:
        """The newest picture; its series reach back `span_s` seconds, None: over the whole session.

        Cheap, may be called at any rate.
        """
        ...

    async def start_load(self) -> None:
        """Start a run with the present connections, duration and knobs."""
        ...

    async def stop_load(self) -> None:
        """Stop the run in the plan's way (drain or abort)."""
        ...

    async def run_again(self) -> None:
        """Stop the run that goes on, if one does, and start the next, on an empty table and a stack at rest.

        Knobs that were turned and wait for a restart get it.
        """
        ...

    async def run_changed(self, name: str, value: str) -> None:
        """As `run_again`, with this knob turned."""
        ...

    async def pause(self) -> None:
        """Send nothing new."""
        ...

    async def resume(self) -> None:
        """Go on after `pause`."""
        ...

    async def set_connections(self, connections: int) -> None:
        """Steer the run, or what the next run starts with."""
        ...

    async def set_rate(self, rate: float | None) -> None:
        """Steer arrivals per second, or what the next run starts with; None closes the loop."""
        ...

    async def set_duration(self, seconds: float | None) -> None:
        """Move the end of the run; None runs until stopped."""
        ...

    async def set_knob(self, name: str, value: str) -> Knob:
        """Turn a knob and return it as read back."""
        ...

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        """Who is connected to the database, by its own account."""
        ...

    async def component_action(self, component: str, action: str) -> None:
        """`start`, `stop`, `restart`, `kill`, `pause` or `unpause`."""
        ...

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:
        """Log lines with a sequence above `after`, at most the last 2,000."""
        ...

    async def error_detail(self, row_id: str, sample: int | None = None) -> ErrorDetail:
        """Open an error row; `sample` pages through the group's samples, newest first.

        None: the sample of a request that the client remembers too, where there is one.
        """
        ...

    async def found_services(self) -> tuple[FoundService, ...]:
        """Services that APM has heard of, with their environments and types of transactions."""
        ...

    async def look_at(self, scope: Scope) -> None:
        """Narrow the service's view down; kept for this target."""
        ...

    async def apm_page(self, tab: str, name: str | None, band: tuple[int, int | None]) -> ApmPage:
        """What a tab of the APM views shows: one of `APM_TABS`, of transactions of one name or of all.

        Samples are of transactions that took [low, high) microseconds; None: without an upper end.
        """
        ...

    async def trace(self, trace_id: str) -> TraceView:
        """A trace, with what the client remembers of its request."""
        ...

    async def copy_text(self, what: str, subject: str = "") -> str:
        """Text for the clipboard: `curl`, `wrk`, or of a row or `apm/TAB/NAME` `value`, `query`, `kibana`."""
        ...

    async def export(self) -> str:
        """Write the run's JSON into the state folder and return the path."""
        ...

    async def play(self, how: str) -> None:
        """Move in a replay: one of `PLAYS`. Refused by a live session."""
        ...

    async def load_scenario(self, name: str) -> None:
        """Make a bundled scenario, or that of a file, the next run's plan, and turn its knobs."""
        ...
