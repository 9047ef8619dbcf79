"""Thresholds in k6's spirit: what a run must hold to pass.

    threshold   = [ ( metric [ "{name:" request "}" ] | request ) ":" ] aggregation operator number
    aggregation = "p(" 0..100 ")" | avg | med | min | max | count | rate
    operator    = < | <= | > | >= | == | !=
    number      = 200 | 200ms | 1.5s | 300us | 0.01 | 1%

Durations without a unit are milliseconds, as in k6, whose metric names are understood too. Without a metric,
`rate` means `failed`, `count` means `requests`, and the others mean `latency`; `failed<1%` is short for
`failed:rate<1%`. A word that is no metric, nor looks like one, is the name of a request: `read:p(99)<200`. A
figure that is not known does not hold a threshold: nothing passes for lack of samples. A lower bound holds an
upper limit where the true figure cannot pass it: two requests without an end do not break a p90 of thousands.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from stressdash.errors import BadInput
from stressdash.metrics.measures import Measure, Reading
from stressdash.text import duration_us

__all__ = ["Outcome", "Threshold", "evaluate", "parse_threshold", "parse_thresholds"]

TREND: Final = ("p", "avg", "med", "min", "max", "count")
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "latency": TREND,
    "corrected": TREND,
    "connect": TREND,
    "tls": TREND,
    "first_byte": TREND,
    "failed": ("rate", "count"),
    "requests": ("count", "rate"),
    "goodput": ("count", "rate"),
    "apm.latency": ("p", "avg", "med"),
    "apm.failed": ("rate", "count"),
    "apm.requests": ("count", "rate"),
}
"""Metrics with the aggregations they have."""

ALIASES: Final[Mapping[str, str]] = {
    "http_req_duration": "latency",
    "http_req_connecting": "connect",
    "http_req_tls_handshaking": "tls",
    "http_req_waiting": "first_byte",
    "http_req_failed": "failed",
    "http_reqs": "requests",
}
"""k6's names."""

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

UNITS_US: Final[Mapping[str, float]] = {"us": 1.0, "": 1e3, "ms": 1e3, "s": 1e6, "m": 60e6}

FORM: Final = re.compile(
    r"""\s*
    (?: (?P<metric>[^{}:<>=!]+?) \s* (?:\{ \s* name \s* : \s* (?P<name>[^{}]*?) \s* \})? \s* : )? \s*
    (?: p\( \s* (?P<percent>\d+(?:\.\d+)?) \s* \) | (?P<word>[A-Za-z]\w*) ) \s*
    (?P<operator><=|>=|==|!=|<|>) \s*
    (?P<number>\d+(?:\.\d*)?|\.\d+) \s* (?P<unit>[A-Za-z]+|%)?
    \s*""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """One condition; `text` is how the user wrote it."""

    text: str
    metric: str
    aggregation: str
    """`p`, `avg`, `med`, `min`, `max`, `count` or `rate`."""
    q: float | None
    """Quantile of `p`, 0 to 1."""
    operator: str
    limit: float
    """Microseconds for durations, else as it is."""
    name: str = ""
    """Name of the request; empty for all."""
    abort_on_fail: bool = False
    delay_s: float = 0.0
    """Measured seconds before which it is not evaluated while the run goes on."""

    @property
    def of_apm(self) -> bool:
        """Whether the service's own view is held to it."""
        return self.metric.startswith("apm.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A threshold and what came of it."""

    threshold: Threshold
    reading: Reading

    @property
    def held(self) -> bool:
        """Whether it can be shown to hold."""
        reading, wanted = self.reading, self.threshold
        value = reading.value
        if reading.at_least and wanted.operator in {"<", "<="}:
            value = reading.at_most
        elif reading.at_least and wanted.operator in {"==", "!="}:
            value = None
        return value is not None and OPERATORS[wanted.operator](value, wanted.limit)

    @property
    def broken(self) -> bool:
        """Whether it is known not to hold, as it must be to end a run that goes on.

        A lower bound breaks an upper limit only by lying beyond it itself.
        """
        value, wanted = self.reading.value, self.threshold
        if value is None or OPERATORS[wanted.operator](value, wanted.limit):
            return False
        return not self.reading.at_least or wanted.operator in {"<", "<="}

    @property
    def sentence(self) -> str:
        """What came of it, for instance `threshold p(99)<200: 231ms`."""
        value = self.reading.value
        if value is None:
            return f"threshold {self.threshold.text}: not known, {self.reading.why}"
        duration = _is_duration(self.threshold.metric, self.threshold.aggregation)
        shown = duration_us(value) if duration else f"{value:,.4g}"
        return f"threshold {self.threshold.text}: {'>=' if self.reading.at_least else ''}{shown}"


def parse_threshold(text: str, *, abort_on_fail: bool = False, delay_s: float = 0.0) -> Threshold:
    """A threshold from its text.

    Raises:
        BadInput: One sentence with what would be right.
    """
    match = FORM.fullmatch(text)
    if match is None:
        raise BadInput(f"threshold {text!r} is not of the form 'p(99)<200' or 'failed:rate<0.01'")
    aggregation, given = ("p" if match["percent"] else match["word"]), match["metric"]
    if given is None and "rate" in KINDS.get(ALIASES.get(aggregation, aggregation), ()):
        aggregation, given = "rate", aggregation  # `failed<1%` is short for `failed:rate<1%`
    metric, name = _metric(text, given, aggregation)
    if match["name"] is not None:
        if name:
            raise BadInput(f"threshold {text!r}: there is no metric {given!r}; there are {', '.join(KINDS)}")
        name = match["name"]
    if aggregation not in KINDS[metric]:
        known = ", ".join("p(N)" if each == "p" else each for each in KINDS[metric])
        raise BadInput(f"threshold {text!r}: {metric} has {known}, not {aggregation}")
    q = float(match["percent"]) / 100 if match["percent"] else None
    if q is not None and q > 1:
        raise BadInput(f"threshold {text!r}: a percentile lies between 0 and 100")
    return Threshold(
        text=text.strip(),
        metric=metric,
        aggregation=aggregation,
        q=q,
        operator=match["operator"],
        limit=_limit(text, float(match["number"]), match["unit"] or "", metric, aggregation),
        name=name,
        abort_on_fail=abort_on_fail,
        delay_s=delay_s,
    )


def parse_thresholds(text: str) -> tuple[Threshold, ...]:
    """Several thresholds, separated by commas: an objective.

    Raises:
        BadInput: as `parse_threshold`.
    """
    return tuple(parse_threshold(part) for part in text.split(","))


def _metric(text: str, given: str | None, aggregation: str) -> tuple[str, str]:
    """The metric, and the name of the request where that is what was given."""
    usual = {"rate": "failed", "count": "requests"}.get(aggregation, "latency")
    if given is None:
        return usual, ""
    metric = ALIASES.get(given, given)
    if metric in KINDS:
        return metric, ""
    if near := difflib.get_close_matches(given, [*KINDS, *ALIASES], n=1, cutoff=0.8):
        raise BadInput(f"threshold {text!r}: there is no metric {given!r}; did you mean {near[0]!r}?")
    return usual, given


def _limit(text: str, number: float, unit: str, metric: str, aggregation: str) -> float:
    if _is_duration(metric, aggregation):
        if unit not in UNITS_US:
            raise BadInput(f"threshold {text!r}: a duration is in us, ms, s or m, not {unit!r}")
        return number * UNITS_US[unit]
    if unit == "%" and (metric.endswith("failed") and aggregation == "rate"):
        return number / 100
    if unit:
        raise BadInput(f"threshold {text!r}: {metric} {aggregation} is a plain number, without {unit!r}")
    return number


def _is_duration(metric: str, aggregation: str) -> bool:
    return "p" in KINDS[metric] and aggregation != "count"


def evaluate(threshold: Threshold, measures: Mapping[tuple[str, str], Measure]) -> Outcome:
    """Hold a threshold against measures by (metric, request name), where '' names all requests together."""
    measure = measures.get((threshold.metric, threshold.name))
    if measure is None:
        return Outcome(threshold, Reading(None, why="nothing was measured under that name"))
    return Outcome(threshold, measure.read(threshold.aggregation, threshold.q))
