"""A script in the parent: `setup` before the workers begin, `done` once they have ended.

It blocks for as long as the script takes, at most `CALL_S` a call: call it from a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stressdash.errors import UsageError
from stressdash.load.lua import LuaState
from stressdash.load.plan import Plan
from stressdash.load.script import Plain
from stressdash.load.scriptthread import Stage, furnish
from stressdash.load.target import Address, parse_url

__all__ = ["Distribution", "ScriptStage", "Summary"]

CALL_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Distribution:
    """What `done` may ask of a distribution: values and their counts, in rising order."""

    values: Sequence[float]
    counts: Sequence[int]
    mean: float
    stdev: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What `done` is told of the run, in wrk's terms."""

    duration_us: int
    requests: int
    received_bytes: int
    errors: Mapping[str, int]
    """connect, read, write, status and timeout."""


class ScriptStage:
    """One run's script as the parent has it."""

    def __init__(self, plan: Plan, addresses: Sequence[Address]) -> None:
        """Load it.

        Raises:
            BadInput: it is broken or endless.
            UsageError: it does not go together with the rest of the plan.
        """
        assert plan.script is not None
        target = parse_url(plan.url)
        self._stage = Stage(target, plan.allow_targets, addresses)
        self._state = LuaState(plan.script, self._stage, call_s=CALL_S)
        furnish(self._state, plan.requests[0], target, {})
        self._state.load()
        if self._state.has("delay") and (plan.rate is not None or plan.think is not None):
            raise UsageError(
                "the script's delay() and --rate or --think both say when to send; leave one out"
            )

    def setup(self, threads: int) -> None:
        """Call `setup` for each worker.

        Raises:
            BadInput: the script failed.
            TargetRefused: it chose an address that may not be loaded.
        """
        for number in range(threads):
            self._state.run(self._state.wrk[b"setup"], self._state.thread(number))

    def given(self, thread: int) -> Plain:
        """Globals that a worker's script begins with."""
        return [[name, value] for name, value in self._stage.values.get(thread, {}).items()]

    def addresses(self, thread: int, known: tuple[Address, ...]) -> tuple[Address, ...]:
        """Where a worker connects to: what the script chose, else what is known."""
        chosen = self._stage.chosen.get(thread)
        return known if chosen is None else (chosen,)

    def keep(self, thread: int, values: Plain) -> None:
        """Remember a worker's globals for `done`."""
        for name, value in values or ():
            self._stage.values.setdefault(thread, {})[name] = value

    @property
    def has_done(self) -> bool:
        """Whether it wants to be told of the end."""
        return self._state.has("done")

    @property
    def printed(self) -> bytes:
        """What it has printed."""
        return self._state.printed

    def done(self, summary: Summary, latency: Distribution, rates: Distribution) -> None:
        """Call `done`, if it is there.

        Raises:
            BadInput: the script failed.
        """
        if not self.has_done:
            return
        state = self._state
        errors = state.table({name.encode(): count for name, count in summary.errors.items()})
        told = state.table(
            {
                b"duration": summary.duration_us,
                b"requests": summary.requests,
                b"bytes": summary.received_bytes,
                b"errors": errors,
            }
        )
        state.run(state.function("done"), told, self._stats(latency), self._stats(rates))

    def _stats(self, figures: Distribution) -> Any:
        values, counts = list(figures.values), list(figures.counts)
        return self._state.stats(
            {
                b"values": self._state.array(values),
                b"counts": self._state.array(counts),
                b"count": sum(counts),
                b"min": values[0] if values else 0,
                b"max": values[-1] if values else 0,
                b"mean": figures.mean,
                b"stdev": figures.stdev,
            }
        )
