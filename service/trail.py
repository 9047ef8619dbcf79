"""What a call did and when, in plain numbers: the raw material of APM spans.

Every call writes one, because whether it will be reported is known only once its outcome is; a step costs
less than a microsecond. Knows nothing of the agent.
"""

from __future__ import annotations

from time import perf_counter
from types import TracebackType
from typing import Self

__all__ = ["ACQUIRE", "CONNECT", "QUERY", "Step", "Trail"]

ACQUIRE = "pool.acquire"
CONNECT = "connect"
QUERY = "query"


class Step:
    """One stretch of work, in seconds of `perf_counter`; used with `with`."""

    __slots__ = ("end", "kind", "ok", "start")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.start = 0.0
        self.end = 0.0
        self.ok = True

    def __enter__(self) -> Self:
        self.start = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end = perf_counter()
        self.ok = kind is None


class Trail:
    """The steps of one call, in the order in which they began."""

    __slots__ = ("steps",)

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def step(self, kind: str) -> Step:
        """Begin a step: `with trail.step(QUERY): ...`."""
        step = Step(kind)
        self.steps.append(step)
        return step
