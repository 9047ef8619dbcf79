"""Every knob in one table: what may be set, how it is written, where it is read back. Pure.

Values travel as text in one canonical form (`800`, `2.5`, `shield`), so that wanted and actual compare.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from stressdash.errors import UsageError
from stressdash.quantities import parse_count, parse_duration
from stressdash.samples import Knob, PoolStatus, ServiceStatus
from stressdash.stack.limits import Limits

__all__ = [
    "EVERY_KNOB",
    "KNOBS",
    "REAL_DATABASE_KNOBS",
    "KnobSpec",
    "Readings",
    "canonical",
    "find",
]

DATABASE = "database"
SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Readings:
    """What the components say of themselves; None, or no entry, for who does not answer."""

    service: ServiceStatus | None = None
    variables: Mapping[str, str] | None = None
    """Of the database."""
    limits: Mapping[str, Limits] | None = None
    """Of containers, by component."""


@dataclass(frozen=True, slots=True)
class KnobSpec:
    """One knob, before anybody has touched it. It sits in one of three places."""

    shown: Knob
    from_service: Callable[[ServiceStatus], object] | None = None
    global_variable: str | None = None
    """Of the database."""
    limit: Callable[[Limits], float] | None = None
    """Of the component's container."""

    @property
    def name(self) -> str:
        """As in `--knob NAME=VALUE`."""
        return self.shown.name

    @property
    def environment_variable(self) -> str:
        """The service's environment variable for it."""
        return f"STATS_{self.shown.name.upper()}"

    def parse(self, text: str) -> str:
        """The canonical form of what somebody typed.

        Raises:
            UsageError: a sentence that names the allowed range.
        """
        knob = self.shown
        if knob.kind == "choice":
            if (word := text.strip().lower()) in knob.choices:
                return word
            raise UsageError(f"{knob.name} is one of {', '.join(knob.choices)}, not {text!r}")
        try:
            number = float(_PARSERS[knob.kind](text))
        except (UsageError, ValueError, OverflowError):
            number = math.nan
        assert knob.minimum is not None
        assert knob.maximum is not None
        if not knob.minimum <= number <= knob.maximum:
            what = {"int": "a whole number", "seconds": "a duration", "float": "a number"}[knob.kind]
            low, high = canonical(knob.minimum), canonical(knob.maximum)
            unit = " s" if knob.kind == "seconds" else ""
            raise UsageError(f"{knob.name} is {what} from {low} to {high}{unit}, not {text!r}")
        return canonical(number)

    def read(self, readings: Readings, *, desired: str | None, error: str) -> Knob:
        """The knob with what the components say it is."""
        value = self._value(readings)
        actual = None if value is None else canonical(value)
        return replace(self.shown, desired=desired, actual=actual, error=error)

    def _value(self, readings: Readings) -> object:
        if self.from_service is not None:
            return None if readings.service is None else self.from_service(readings.service)
        if self.global_variable is not None:
            return (readings.variables or {}).get(self.global_variable)
        limits = (readings.limits or {}).get(self.shown.component)
        return None if self.limit is None or limits is None else self.limit(limits)


def canonical(value: object) -> str:
    """One way to write each value."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def find(specs: Iterable[KnobSpec], name: str) -> KnobSpec:
    """The knob of this name.

    Raises:
        UsageError: there is none; with the one that was perhaps meant.
    """
    by_name = {spec.name: spec for spec in specs}
    if name in by_name:
        return by_name[name]
    near = difflib.get_close_matches(name, by_name, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the knobs are {', '.join(by_name) or 'none'}"
    raise UsageError(f"there is no knob {name!r}; {hint}")


_PARSERS: dict[str, Callable[[str], float]] = {"int": parse_count, "seconds": parse_duration, "float": float}


Value = Callable[[ServiceStatus], object]


def _pool(read: Callable[[PoolStatus], object]) -> Value:
    return lambda status: None if status.pool is None else read(status.pool)


def _service(name: str, default: str, read: Value, label: str, help_: str, **more: object) -> KnobSpec:
    return KnobSpec(_knob(name, SERVICE, default, label, help_, **more), from_service=read)


def _variable(name: str, default: str, label: str, help_: str, **more: object) -> KnobSpec:
    return KnobSpec(_knob(name, DATABASE, default, label, help_, **more), global_variable=name)


def _cpus(component: str) -> KnobSpec:
    words = f"Cores that the {component}'s container may use. 0: all."
    bounds: dict[str, object] = {"kind": "float", "unit": "cores", "minimum": 0, "maximum": 256}
    shown = _knob(f"{component}_cpus", component, "0", f"{component}: cores", words, **bounds)
    return KnobSpec(shown, limit=lambda limits: limits.cpus)


def _memory(component: str) -> KnobSpec:
    words = f"Memory that the {component}'s container may use, without swap. 0: all."
    bounds: dict[str, object] = {"kind": "int", "unit": "MiB", "minimum": 0, "maximum": 1_048_576}
    shown = _knob(f"{component}_memory", component, "0", f"{component}: memory", words, **bounds)
    return KnobSpec(shown, limit=lambda limits: limits.memory_mib)


def _knob(name: str, component: str, default: str, label: str, help_: str, **more: object) -> Knob:
    """One that nobody has touched; its kind follows from its choices or its bounds."""
    kind = "choice" if "choices" in more else str(more.pop("kind", "int"))
    empty = Knob(name, label, component, kind, "live", None, None, default, help=help_)
    return replace(empty, **more)  # type: ignore[arg-type]  # the fields of Knob, by name


POOL_SIZE = {"minimum": 0, "maximum": 100_000}

KNOBS = (
    _service(
        "max_open",
        "0",
        _pool(lambda pool: pool.max_open),
        "pool: connections at most",
        "Most connections that the service opens to the database; more requests wait. 0: no limit.",
        **POOL_SIZE,
    ),
    _service(
        "max_idle",
        "2",
        _pool(lambda pool: pool.max_idle),
        "pool: idle connections kept",
        "Connections that stay open while nobody uses them. Fewer than are needed means to connect anew.",
        **POOL_SIZE,
    ),
    _service(
        "conn_max_lifetime",
        "0",
        lambda status: status.conn_max_lifetime_s,
        "pool: connection lifetime",
        "Age at which a connection is replaced. 0: never.",
        kind="seconds",
        unit="s",
        minimum=0,
        maximum=86_400,
    ),
    _service(
        "cancellation",
        "inherit",
        lambda status: status.cancellation,
        "client hangs up",
        "inherit: the insert of a client that hangs up is cancelled. shield: it finishes.",
        choices=("inherit", "shield"),
    ),
    _service(
        "push_timeout",
        "0",
        lambda status: status.push_timeout_s,
        "push timeout",
        "Longest time for one Push inside the service. 0: none.",
        kind="seconds",
        unit="s",
        minimum=0,
        maximum=3_600,
    ),
    _service(
        "sampling",
        "0.1",
        lambda status: status.sampling,
        "APM sampling",
        "Share of requests recorded with their spans. Errors are always kept. Full sampling is dear.",
        kind="float",
        minimum=0,
        maximum=1,
    ),
    _service(
        "apm",
        "on",
        lambda status: status.apm_enabled,
        "APM agent",
        "Whether the service reports to APM at all.",
        choices=("on", "off"),
    ),
    _service(
        "workers",
        "1",
        lambda status: status.workers,
        "service processes",
        "Processes that share the service's port; its pool's limits are divided among them.",
        applies="restart",
        minimum=1,
        maximum=64,
    ),
    _variable(
        "max_connections",
        "151",
        "database: connections at most",
        "Connections that the database allows; one more gets Error 1040.",
        minimum=1,
        maximum=100_000,
    ),
)
"""In the order of the Stack screen; every backend has them."""

REAL_DATABASE_KNOBS = (
    *KNOBS,
    _variable(
        "innodb_flush_log_at_trx_commit",
        "1",
        "database: flush log at commit",
        "1: each commit is durable. 2: a power cut loses up to a second. 0: so does a crash of the database.",
        choices=("0", "1", "2"),
    ),
)
"""The embedded database always flushes."""

LIMIT_KNOBS = tuple(make(component) for component in (SERVICE, DATABASE) for make in (_cpus, _memory))

EVERY_KNOB = (*REAL_DATABASE_KNOBS, *LIMIT_KNOBS)
"""Of whatever backend; containers have them all."""
