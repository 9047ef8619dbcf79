"""Rules that end a run early, and the fold that watches for them.

    rule   = figure operator number time
    figure = failed | rate | [corrected] p50 | p75 | p90 | p95 | p99 | p99.9
    number = 5% (of failed, or of the rate asked for) | 400 (rate, per second) | 500ms (percentiles)

`failed>5% 10s`: over the last 10 s of load together, more than one request in twenty failed. `rate` is what
was sent, so `rate<95% 10s` says that the rate asked for was lost, to the connection cap or to the generator.
A rule holds its peace until load has run for its time, and while its figure is not known: a p99 takes a
thousand samples. That one lies above a limit is known earlier: ten samples above it, and they too large a
share. Warm-up counts: rules protect the target, not the figures.
"""

from __future__ import annotations

import operator
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stressdash.errors import BadInput, UsageError
from stressdash.metrics.histogram import BEYOND, Histogram
from stressdash.quantities import parse_duration
from stressdash.samples import Phase, Window
from stressdash.text import clock, duration_us, percent

__all__ = ["StopRule", "StopWatch", "parse_stop_rule"]

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {">": operator.gt, "<": operator.lt}
FORM: Final = re.compile(
    r"\s*(?P<figure>failed|rate|(?:(?P<basis>corrected|latency)\s+)?p(?P<percent>\d+(?:\.\d+)?))"
    r"\s*(?P<operator>[<>])\s*(?P<number>\d+(?:\.\d+)?)(?P<unit>%|us|ms|s|m|/s|)"
    r"\s+(?P<time>\S+)\s*"
)
EXAMPLES: Final = "write for instance 'failed>5% 10s', 'p99>500ms 10s' or 'rate<95% 10s'"
LONGEST_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class StopRule:
    """One condition on the last `seconds` of load."""

    text: str
    """As it was written."""
    figure: str
    """`failed`, `rate`, `latency` or `corrected`."""
    q: float
    """Quantile of a latency, 0 to 1."""
    operator: str
    limit: float
    """A share (0 to 1), per second, or microseconds."""
    is_share: bool
    seconds: float


def parse_stop_rule(text: str) -> StopRule:
    """A rule as users write it.

    Raises:
        BadInput: it cannot be read; the sentence says what would be right.
    """
    match = FORM.fullmatch(text.lower())
    if match is None:
        raise BadInput(f"the stop rule {text!r} cannot be read; {EXAMPLES}")
    figure, unit = match["figure"], match["unit"]
    number, is_share = float(match["number"]), unit == "%"
    if match["percent"] is not None:
        figure = "corrected" if match["basis"] == "corrected" else "latency"
        if unit not in {"us", "ms", "s", "m"}:
            raise BadInput(f"the stop rule {text!r} needs a time with its unit, for instance 500ms")
        number = parse_duration(match["number"] + unit) * 1e6
    elif unit not in ({"%"} if figure == "failed" else {"%", "/s", ""}):
        what = "a share such as 5%" if figure == "failed" else "a share such as 95% or a number per second"
        raise BadInput(f"the stop rule {text!r} needs {what}")
    q = round(float(match["percent"] or 0) / 100, 6)
    if not 0 <= q < 1:
        raise BadInput(f"the stop rule {text!r}: a percentile lies between p0 and p100")
    return StopRule(
        text=" ".join(text.split()),
        figure=figure,
        q=q,
        operator=match["operator"],
        limit=number / 100 if is_share else number,
        is_share=is_share,
        seconds=_seconds(text, match["time"]),
    )


def _seconds(text: str, time: str) -> float:
    try:
        seconds = parse_duration(time)
    except UsageError as error:
        raise BadInput(f"the stop rule {text!r}: {error}") from error
    if not 0 < seconds <= LONGEST_S:
        raise BadInput(f"the stop rule {text!r} looks back over 0 to {LONGEST_S:g} s")
    return seconds


class StopWatch:
    """The last windows of load, held against rules."""

    def __init__(self, rules: Sequence[StopRule]) -> None:
        self._rules = tuple(rules)
        self._windows: deque[tuple[int, Window]] = deque()
        """With the measured time at which each ended, which leaves pauses out."""
        self._measured_ns: dict[int, int] = {}
        self._kept_ns = round(max((rule.seconds for rule in rules), default=0.0) * 1e9)

    def add(self, window: Window) -> None:
        """Take in one worker's window."""
        if not self._rules or window.phase is not Phase.RUN:
            return
        end_ns = self._measured_ns.get(window.worker, 0) + window.length_ns
        self._measured_ns[window.worker] = end_ns
        self._windows.append((end_ns, window))
        while self._windows[0][0] <= end_ns - self._kept_ns:
            self._windows.popleft()

    def fired(self) -> str | None:
        """The first rule that is met, as a sentence; None while none is."""
        measured_ns = max(self._measured_ns.values(), default=0)
        for rule in self._rules:
            since_ns = measured_ns - round(rule.seconds * 1e9)
            if since_ns < 0:
                continue
            told = _met(rule, [window for end_ns, window in self._windows if end_ns > since_ns])
            if told is not None:
                return (
                    f"stopped after {clock(round(measured_ns / 1e9, 1))} by the rule '{rule.text}': "
                    f"{told} over the last {rule.seconds:g} s"
                )
        return None


def _met(rule: StopRule, windows: Sequence[Window]) -> str | None:
    """By which figure windows meet the rule; None when they do not, or it is not known."""
    if rule.figure not in {"failed", "rate"}:
        return _latency_met(rule, windows)
    value = _figure(rule, windows)
    return _told(rule, value) if value is not None and OPERATORS[rule.operator](value, rule.limit) else None


def _figure(rule: StopRule, windows: Sequence[Window]) -> float | None:
    """Share or number per second that the rule is about; None when it is not known."""
    if rule.figure == "failed":
        failed = sum(window.failed for window in windows)
        return _ratio(failed, failed + sum(window.completed for window in windows))
    sent = sum(window.sent for window in windows)
    if rule.is_share:
        asked = sum((window.target_rate or 0.0) * window.length_ns / 1e9 for window in windows)
        return _ratio(sent, asked)
    return sent / rule.seconds


def _latency_met(rule: StopRule, windows: Iterable[Window]) -> str | None:
    latency = Histogram()
    for window in windows:
        latency.add(window.latency_intended if rule.figure == "corrected" else window.latency)
    value = latency.percentile_unchecked(rule.q)
    if value is None or not OPERATORS[rule.operator](value, rule.limit):
        return None
    name = f"{'corrected ' if rule.figure == 'corrected' else ''}p{rule.q * 100:g}"
    if latency.knows(rule.q):
        return f"{name} {duration_us(value)}"
    if rule.operator == ">" and latency.above(rule.limit) >= BEYOND:
        return f"{name} above {duration_us(rule.limit)}"
    return None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _told(rule: StopRule, value: float) -> str:
    if rule.figure == "failed":
        return f"{percent(value)} failed"
    return f"{percent(value)} of the rate asked for" if rule.is_share else f"{value:,.1f} requests/s"
