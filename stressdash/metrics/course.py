"""The course of one steering segment: rate and mean latency by step of measured time, for the steady state.

Steps are 100 ms at first. When there are too many of them, pairs become one, so memory is bounded whatever
the length of a run, and a long run is judged by longer steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from stressdash.metrics.histogram import sum_us
from stressdash.metrics.steady import SHORTEST, steadiness
from stressdash.samples import Phase, Window

__all__ = ["Course", "Steady"]

STEP_NS: Final = 100_000_000
STEPS: Final = 600


@dataclass(frozen=True, slots=True)
class Steady:
    """From when on load and target were steady."""

    from_s: float | None
    """Measured seconds since the start; None when that was never reached, or cannot be told."""
    reason: str = ""
    """Why it is not known."""


@dataclass(slots=True)
class _Step:
    responses: int = 0
    latency_us: float = 0.0
    latencies: int = 0


@dataclass(slots=True)
class Course:
    """Windows of one segment, of all workers, in the order of measured time."""

    start_ns: int
    """Measured time of the run when the segment began."""
    _steps: list[_Step] = field(default_factory=list)
    _step_ns: int = STEP_NS
    _known: Steady | None = None
    """As of the newest window."""

    def add(self, measured_ns: int, window: Window) -> None:
        """Fold in a window that begins after `measured_ns` of the run."""
        if window.phase is not Phase.RUN:
            return
        at = max(0, measured_ns - self.start_ns) // self._step_ns
        while at >= STEPS:
            self._double()
            at //= 2
        while len(self._steps) <= at:
            self._steps.append(_Step())
        step = self._steps[at]
        step.responses += window.responses
        latency = window.latency if window.target_rate is None else window.latency_intended
        step.latency_us += sum_us(latency)
        step.latencies += sum(latency.values())
        self._known = None

    def _double(self) -> None:
        pairs = zip(self._steps[::2], [*self._steps[1::2], _Step()], strict=False)
        self._steps = [
            _Step(a.responses + b.responses, a.latency_us + b.latency_us, a.latencies + b.latencies)
            for a, b in pairs
        ]
        self._step_ns *= 2

    def steady(self) -> Steady:
        """When both rate and mean latency had become steady.

        In the open loop the rate alone says nothing, and the latency is the corrected one: where connections
        are lacking, it is the queue before them that grows.
        """
        if self._known is None:
            self._known = self._judge(self._steps[:-1])  # the newest step is not complete
        return self._known

    def _judge(self, steps: list[_Step]) -> Steady:
        if len(steps) < SHORTEST:
            return Steady(None, f"too short to tell: it takes {SHORTEST * self._step_ns / 1e9:g} s")
        if not any(step.responses for step in steps):
            return Steady(None, "never reached: no request was answered")
        latencies = []
        mean_us = 0.0
        for step in steps:
            mean_us = step.latency_us / step.latencies if step.latencies else mean_us
            latencies.append(mean_us)
        answers = {
            "rate": steadiness([float(step.responses) for step in steps]),
            "latency": steadiness(latencies),
        }
        starts = [answer.start for answer in answers.values() if answer.start is not None]
        if len(starts) == len(answers):
            return Steady((self.start_ns + max(starts) * self._step_ns) / 1e9)
        what, answer = next(item for item in answers.items() if item[1].start is None)
        return Steady(None, f"never reached: the {what} {answer.reason}")
