"""The shape of a run: stages of connections or rate, in a small text form.

    hold 100 30s                 ramp 0..400 30s             step 100..400 by 100 every 10s
    hold 30s (the level before)  ramp 400 30s (from there)   spike 1000 5s

Stages are joined by commas; `soak` is a `hold` by another name. Times are `500ms`, `30s`, `5m` or `1h`. After
a spike the level before it goes on. A stage is linear from its start to its end, so a whole shape is a list
of lines and its value a lookup.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stressdash.errors import BadInput

__all__ = ["Stage", "parse_shape", "shape_seconds", "stage_at"]

UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
NUMBER: Final = r"\d+(?:\.\d+)?"
TIME: Final = rf"(?P<time>{NUMBER})(?P<unit>ms|s|m|h)"
HOLD: Final = re.compile(rf"(?:hold|soak)(?: (?P<level>{NUMBER}))? {TIME}")
RAMP: Final = re.compile(rf"ramp (?:(?P<start>{NUMBER})\.\.)?(?P<end>{NUMBER}) {TIME}")
STEP: Final = re.compile(rf"step (?P<start>{NUMBER})\.\.(?P<end>{NUMBER}) by (?P<by>{NUMBER}) every {TIME}")
SPIKE: Final = re.compile(rf"spike (?P<level>{NUMBER}) {TIME}")
KINDS: Final = {
    "hold": "hold N 30s",
    "ramp": "ramp A..B 30s",
    "step": "step A..B by N every 10s",
    "spike": "spike N 5s",
    "soak": "soak N 1h",
}
"""Each kind of stage, and how it is written."""
STAGES_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True)
class Stage:
    """A line from one level to another."""

    start: float
    end: float
    seconds: float
    kind: str = "hold"
    """`hold`, `ramp`, `step`, `spike` or `soak`, as it was written."""

    @property
    def slope(self) -> float:
        """Change of the level per second."""
        return (self.end - self.start) / self.seconds

    def level(self, seconds: float) -> float:
        """Level at a time after the stage's beginning."""
        return self.start + self.slope * seconds

    @property
    def label(self) -> str:
        """`ramp 0..400`, `hold 400`."""
        levels = f"{self.start:g}" if self.start == self.end else f"{self.start:g}..{self.end:g}"
        return f"{self.kind} {levels}"


def parse_shape(text: str) -> tuple[Stage, ...]:
    """Stages of a shape.

    Raises:
        BadInput: with the part that could not be read, and where in the text it begins.
    """
    stages: list[Stage] = []
    level: float | None = None
    place = 1
    for part in text.lower().split(","):
        words = " ".join(part.split())
        try:
            read = _read(words, level)
        except BadInput as error:
            at = place + len(part) - len(part.lstrip())
            raise BadInput(f"the shape, at character {at} ({words[:60]!r}): {error}") from error
        place += len(part) + 1
        stages += read
        if not words.startswith("spike"):
            level = read[-1].end
    if len(stages) > STAGES_LIMIT:
        raise BadInput(f"the shape has {len(stages)} stages; at most {STAGES_LIMIT} can be run")
    return tuple(stages)


def _read(words: str, before: float | None) -> list[Stage]:
    kind = words.partition(" ")[0]
    if match := HOLD.fullmatch(words):
        level = _level(match["level"], before)
        return [Stage(level, level, _seconds(match), kind)]
    if match := RAMP.fullmatch(words):
        return [Stage(_level(match["start"], before), float(match["end"]), _seconds(match), kind)]
    if match := STEP.fullmatch(words):
        return _steps(float(match["start"]), float(match["end"]), float(match["by"]), _seconds(match))
    if match := SPIKE.fullmatch(words):
        level = float(match["level"])
        return [Stage(level, level, _seconds(match), kind)]
    raise BadInput(_instead(kind))


def _instead(kind: str) -> str:
    """What to write in place of what is no stage."""
    if kind in KINDS:
        return f"a {kind} is written for instance as {KINDS[kind]!r}, with a time in ms, s, m or h"
    near = difflib.get_close_matches(kind, KINDS, n=1)
    hint = f"did you mean {near[0]!r}" if near else "write"
    return f"this is no stage; {hint}: {', '.join(KINDS.values())}"


def _level(text: str | None, before: float | None) -> float:
    if text is not None:
        return float(text)
    if before is None:
        raise BadInput("there is no level before it to start from; name one")
    return before


def _seconds(match: re.Match[str]) -> float:
    seconds = float(match["time"]) * UNITS_S[match["unit"]]
    if seconds <= 0:
        raise BadInput("a stage without length; give it a time above 0")
    return seconds


def _steps(start: float, end: float, by: float, seconds: float) -> list[Stage]:
    if by <= 0:
        raise BadInput("a step by 0 never arrives; give a number above 0")
    count = int(abs(end - start) / by + 1e-9)
    if count > STAGES_LIMIT:
        raise BadInput(f"{count} steps; at most {STAGES_LIMIT} can be run")
    sign = 1 if end >= start else -1
    levels = [start + sign * by * number for number in range(count + 1)]
    if levels[-1] != end:
        levels.append(end)
    return [Stage(level, level, seconds, "step") for level in levels]


def shape_seconds(stages: Sequence[Stage]) -> float:
    """Length of the shape."""
    return sum(stage.seconds for stage in stages)


def stage_at(stages: Sequence[Stage], seconds: float) -> tuple[int, float]:
    """Number of the stage at a time, and the time since its beginning; the last stage lasts for ever."""
    for number, stage in enumerate(stages[:-1]):
        if seconds < stage.seconds:
            return number, seconds
        seconds -= stage.seconds
    return len(stages) - 1, min(seconds, stages[-1].seconds)
