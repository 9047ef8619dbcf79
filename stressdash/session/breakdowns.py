"""Where the service spent its time, second by second, asked of APM once each second is settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stressdash.apm.source import ApmSource
from stressdash.metrics.attribution import PARTS, attribution, merged
from stressdash.metrics.series import Timeline
from stressdash.samples import Breakdown
from stressdash.snapshot import Series

__all__ = ["BreakdownWatch"]

STEP_MS: Final = 1_000
SECONDS_PER_POLL: Final = 3
KEEP: Final = 4 * 3600


class BreakdownWatch:
    """Breakdowns by second. The agent counts calls when they end and reports once a second.

    Args:
        source: what is asked.
        from_ms: the first second, in milliseconds since 1970.
    """

    def __init__(self, source: ApmSource, from_ms: int) -> None:
        self._source = source
        self._next_ms = from_ms // STEP_MS * STEP_MS
        self._seconds: dict[int, Breakdown] = {}

    async def poll(self, settled_ms: int) -> None:
        """Ask for the seconds that ended before `settled_ms` and were not asked for; the newest few.

        Raises:
            SourceError: the source did not answer; those seconds are asked for again.
        """
        last_ms = settled_ms // STEP_MS * STEP_MS
        self._next_ms = max(self._next_ms, last_ms - SECONDS_PER_POLL * STEP_MS)
        while (at_ms := self._next_ms) < last_ms:
            self._seconds[at_ms] = await self._source.breakdown(at_ms, at_ms + STEP_MS)
            self._next_ms = at_ms + STEP_MS
        while len(self._seconds) > KEEP:
            del self._seconds[min(self._seconds)]

    def forget(self) -> None:
        """What was answered stood at other times."""
        self._seconds.clear()

    def series(
        self, timeline: Timeline, start_s: float, end_s: float, step_s: float, origin_ms: int
    ) -> tuple[Series, ...]:
        """The parts of a request's mean time, for a stacked chart; empty while nothing is known.

        Args:
            timeline: what the client saw.
            start_s: seconds on the session's axis.
            end_s: seconds on the session's axis.
            step_s: length of a step; at least the second that the agent reports in is taken.
            origin_ms: wall time of second 0 of the axis.
        """
        means = timeline.series("client.mean", start_s, end_s, max(step_s, STEP_MS / 1e3))
        columns = [
            attribution(mean, self._between(origin_ms, means.start_s + index * means.step_s, means.step_s))
            for index, mean in enumerate(means.values)
        ]
        if not any(columns):
            return ()
        return tuple(
            Series(
                f"where.{key}",
                label,
                "us",
                means.start_s,
                means.step_s,
                tuple(column.get(key) for column in columns),
            )
            for key, label in PARTS.items()
            if key != "other" or any(column.get(key) for column in columns)
        )

    def _between(self, origin_ms: int, start_s: float, length_s: float) -> Breakdown | None:
        first = origin_ms + round(start_s * 1e3)
        first = round(first / STEP_MS) * STEP_MS
        seconds: Sequence[Breakdown] = [
            found
            for at_ms in range(first, first + round(length_s * 1e3), STEP_MS)
            if (found := self._seconds.get(at_ms)) is not None
        ]
        return merged(seconds)
