"""The log of one container as it goes on: what Docker keeps of it, numbered by us. Pure.

Docker is asked for the last lines again and again, from the last one seen on. However fast a container talks,
each answer is bounded; what was missed between two of them is said in a line of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from stressdash.samples import LogLine
from stressdash.stack.container import parse_time

__all__ = ["DockerLog"]

KEPT_LINES: Final = 2_000
MISSED: Final = "... more lines than can be shown: some are left out here ..."


class DockerLog:
    """Lines of one component.

    Args:
        component: its name.
        answer_lines: how many lines one answer has at most.
    """

    def __init__(self, component: str, answer_lines: int) -> None:
        self._component = component
        self._answer_lines = answer_lines
        self._lines: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._last_stamp = ""
        self._sequence = 0

    @property
    def since_s(self) -> float:
        """Wall-clock time from which the next answer is wanted; 0: from the start."""
        at = parse_time(self._last_stamp)
        return 0.0 if at is None else at.timestamp()

    def take(self, answer: Sequence[tuple[str, str]]) -> None:
        """Add what is new in an answer: lines with the times that Docker wrote before them."""
        new = [(stamp, text) for stamp, text in answer if stamp > self._last_stamp]
        if self._lines and len(new) >= self._answer_lines:
            new[0] = (new[0][0], MISSED)
        for stamp, text in new:
            self._add(stamp, text)

    def after(self, sequence: int) -> tuple[LogLine, ...]:
        """Lines behind this one."""
        return tuple(line for line in self._lines if line.sequence > sequence)

    def _add(self, stamp: str, text: str) -> None:
        at = parse_time(stamp)
        if at is None:
            return  # not a line that Docker stamped
        self._sequence += 1
        self._lines.append(LogLine(self._component, self._sequence, int(at.timestamp() * 1000), text))
        self._last_stamp = max(self._last_stamp, stamp)
