"""The tour: a stress test told in steps, each with a screen to look at and, for some, a load to watch.

Pure: what a step shows is data, and what it does is named for the app to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["STEPS", "Step", "Tour"]


@dataclass(frozen=True, slots=True)
class Step:
    """One stop of the tour."""

    title: str
    words: str
    """What to look at."""
    screen: str
    """Mode to switch to."""
    scenario: str = ""
    """Act to start when the step is reached."""
    knob: str = ""
    """Knob to go to on the Stack screen."""


STEPS: Final[tuple[Step, ...]] = (
    Step(
        "A service under load",
        "A service stores page views, one insert for each request. Service, database and APM run on this "
        "machine beside the load, which taints every figure; the cpu line says by how much: interference.",
        "live",
    ),
    Step(
        "Act 1: 400 clients",
        "400 connections for 15 s. The service opens as many database connections as it likes, the database "
        "lets 151 in. Watch ok/s fall behind req/s, fail% rise, and db stand at 151/151 FULL.",
        "live",
        scenario="act1",
    ),
    Step(
        "One error, seen from both sides",
        "The 500s that the client counts and the service's own Error 1040: Too many connections are one "
        "line, joined by trace id. enter opens its stack trace, which ends in the pool; esc comes back here. "
        "A timeout may have no APM event: the client gave up before the service did.",
        "errors",
    ),
    Step(
        "The knobs behind it",
        "max_open 0 means no limit. max_idle 2 closes most connections after use, only to open others. "
        "max_connections 151 is what MySQL starts with. The next act sets 800, 800 and 1,000.",
        "stack",
        knob="max_open",
    ),
    Step(
        "Act 2: a pool, and room for it",
        "The same 400 clients, and no answer fails any more: ok/s lies on req/s. That does not make the "
        "service faster; requests now wait for their turn inside it. Look at svc pool and wait.",
        "live",
        scenario="act2",
    ),
    Step(
        "An error that no client saw",
        "When the time is up the load hangs up on what is in flight. The service cancels those inserts with "
        "their requests: twirp error internal: context canceled, in APM only. Rows are dropped that way.",
        "errors",
    ),
    Step(
        "Act 3: finish what was begun",
        "cancellation is shield now: an insert outlives the client that asked for it. 100 clients for a "
        "minute (s ends it early). Fewer wait, so latency falls, while the rate stays about what it was.",
        "live",
        scenario="act3",
    ),
    Step(
        "Was it better, and how sure is that?",
        "The Lab holds the last run against the one before: knobs, errors gone, what the audit found in the "
        "database. One run each decides nothing: r repeats this one, or type another value for a knob.",
        "lab",
    ),
    Step(
        "Your turn",
        "Every run was kept: 4 lists them, enter plays one again. In the shell, stressdash experiment "
        "compares values of a knob, stressdash knee finds the peak, stressdash init begins a scenario.",
        "live",
    ),
)


class Tour:
    """Where on the tour we are."""

    def __init__(self) -> None:
        self._at = 0

    @property
    def step(self) -> Step:
        """The present stop."""
        return STEPS[self._at]

    @property
    def place(self) -> str:
        """For instance `2/9`."""
        return f"{self._at + 1}/{len(STEPS)}"

    def move(self, count: int) -> bool:
        """Go on or back; False at an end, where nothing changes."""
        target = self._at + count
        if not 0 <= target < len(STEPS):
            return False
        self._at = target
        return True
