"""APM's error groups of a run: what has settled is kept, so that a tick asks for the newest seconds only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from stressdash.apm.queries import GROUP_LIMIT
from stressdash.apm.source import ApmSource
from stressdash.metrics.groups import ranked, together
from stressdash.samples import ErrorGroup

__all__ = ["GroupWatch"]

SETTLED_MS: Final = 30_000
"""An error is in the source by then: agents report at least every 10 s."""
PART_MS: Final = 15_000
"""What has settled is asked for in parts of at least this length."""
SECOND_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Settled:
    """Groups that are not asked for again."""

    until_ms: int
    groups: Mapping[str, ErrorGroup] = field(default_factory=dict)


class GroupWatch:
    """Error groups of [from, now). Several may ask at the same time.

    Args:
        source: what is asked.
        from_ms: where the run begins, in milliseconds since 1970.
        ahead_ms: how far the clock of the service is ahead: parts end with its seconds.
        in_parts: the source can answer for a part of the range, and time only goes on.
    """

    def __init__(self, source: ApmSource, from_ms: int, ahead_ms: int = 0, *, in_parts: bool = True) -> None:
        self._source = source
        self._from_ms = from_ms
        self._ahead_ms = ahead_ms
        self._settled = Settled(from_ms)
        self._in_parts = in_parts
        """Until an answer is full: what it left out can only be counted over the whole range."""

    async def poll(self, end_ms: int) -> tuple[ErrorGroup, ...]:
        """Groups until `end_ms`, at most as many as a source lists.

        Raises:
            SourceError: the source did not answer.
        """
        if self._in_parts:
            settled, recent = await self._parts(end_ms)
        if not self._in_parts:
            return await self._source.error_groups(self._from_ms, end_ms)
        return ranked(self._added(settled, recent, end_ms).values(), GROUP_LIMIT)

    async def _parts(self, end_ms: int) -> tuple[Settled, tuple[ErrorGroup, ...]]:
        """What has settled, as far as that was worth a question, and the groups since then."""
        settled = self._settled
        until_ms = self._on_second(end_ms - SETTLED_MS)
        if until_ms - settled.until_ms < PART_MS:
            recent = await self._source.error_groups(settled.until_ms, end_ms)
        else:
            older, recent = await asyncio.gather(
                self._source.error_groups(settled.until_ms, until_ms),
                self._source.error_groups(until_ms, end_ms),
            )
            self._in_parts = self._in_parts and len(older) < GROUP_LIMIT
            self._settled = settled = Settled(until_ms, self._added(settled, older, until_ms))
        self._in_parts = self._in_parts and len(recent) < GROUP_LIMIT
        return settled, recent

    def _added(self, settled: Settled, groups: Iterable[ErrorGroup], until_ms: int) -> dict[str, ErrorGroup]:
        """What has settled, with the groups that came from then until a moment."""
        before = self._seconds(self._from_ms, settled.until_ms)
        return together(settled.groups, groups, (before, self._seconds(settled.until_ms, until_ms)))

    def _on_second(self, at_ms: int) -> int:
        return (at_ms + self._ahead_ms) // SECOND_MS * SECOND_MS - self._ahead_ms

    def _seconds(self, start_ms: int, end_ms: int) -> int:
        """Seconds of the service's clock that a range touches; none of an empty one."""
        if start_ms == end_ms:
            return 0
        return -(-(end_ms + self._ahead_ms) // SECOND_MS) - (start_ms + self._ahead_ms) // SECOND_MS
