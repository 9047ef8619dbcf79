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

__all__ = ["KNOBS", "REAL_DATABASE_KNOBS", "KnobSpec", "canonical", "find"]

DATABASE = "database"
SERVICE = "service"


@dataclass(frozen=True, slots=True)
class KnobSpec:
    """One knob, before anybody has touched it."""

    shown: Knob
    from_service: Callable[[ServiceStatus], object] | None = None
    global_variable: str | None = None
    """Of the database."""

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

    def read(
        self,
        service: ServiceStatus | None,
        variables: Mapping[str, str] | None,
        *,
        desired: str | None,
        error: str,
    ) -> Knob:
        """The knob with what the components say it is."""
        value: object = None
        if self.from_service is not None and service is not None:
            value = self.from_service(service)
        elif self.global_variable is not None and variables is not None:
            value = variables.get(self.global_variable)
        actual = None if value is None else canonical(value)
        return replace(self.shown, desired=desired, actual=actual, error=error)


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


def _knob(name: str, label: str, component: str, kind: str, default: str, help_: str, **more: object) -> Knob:
    empty = Knob(name, label, component, kind, "live", None, None, default, help=help_)
    return replace(empty, **more)  # type: ignore[arg-type]  # the fields of Knob, by name


def _pool(read: Callable[[PoolStatus], object]) -> Callable[[ServiceStatus], object]:
    return lambda status: None if status.pool is None else read(status.pool)


MAX_OPEN = KnobSpec(
    _knob(
        "max_open",
        "pool: connections at most",
        SERVICE,
        "int",
        "0",
        "Most connections that the service opens to the database; more requests wait. 0: no limit.",
        minimum=0,
        maximum=100_000,
    ),
    from_service=_pool(lambda pool: pool.max_open),
)
MAX_IDLE = KnobSpec(
    _knob(
        "max_idle",
        "pool: idle connections kept",
        SERVICE,
        "int",
        "2",
        "Connections that stay open while nobody uses them. Fewer than are needed means to connect anew.",
        minimum=0,
        maximum=100_000,
    ),
    from_service=_pool(lambda pool: pool.max_idle),
)
CONN_MAX_LIFETIME = KnobSpec(
    _knob(
        "conn_max_lifetime",
        "pool: connection lifetime",
        SERVICE,
        "seconds",
        "0",
        "Age at which a connection is replaced. 0: never.",
        unit="s",
        minimum=0,
        maximum=86_400,
    ),
    from_service=lambda status: status.conn_max_lifetime_s,
)
CANCELLATION = KnobSpec(
    _knob(
        "cancellation",
        "client hangs up",
        SERVICE,
        "choice",
        "inherit",
        "inherit: the insert of a client that hangs up is cancelled. shield: it finishes.",
        choices=("inherit", "shield"),
    ),
    from_service=lambda status: status.cancellation,
)
PUSH_TIMEOUT = KnobSpec(
    _knob(
        "push_timeout",
        "push timeout",
        SERVICE,
        "seconds",
        "0",
        "Longest time for one Push inside the service. 0: none.",
        unit="s",
        minimum=0,
        maximum=3_600,
    ),
    from_service=lambda status: status.push_timeout_s,
)
SAMPLING = KnobSpec(
    _knob(
        "sampling",
        "APM sampling",
        SERVICE,
        "float",
        "0.1",
        "Share of requests recorded with their spans. Errors are always kept. Full sampling is dear.",
        minimum=0,
        maximum=1,
    ),
    from_service=lambda status: status.sampling,
)
APM = KnobSpec(
    _knob(
        "apm",
        "APM agent",
        SERVICE,
        "choice",
        "on",
        "Whether the service reports to APM at all.",
        choices=("on", "off"),
    ),
    from_service=lambda status: status.apm_enabled,
)
MAX_CONNECTIONS = KnobSpec(
    _knob(
        "max_connections",
        "database: connections at most",
        DATABASE,
        "int",
        "151",
        "Connections that the database allows; one more gets Error 1040.",
        minimum=1,
        maximum=100_000,
    ),
    global_variable="max_connections",
)
FLUSH_LOG = KnobSpec(
    _knob(
        "innodb_flush_log_at_trx_commit",
        "database: flush log at commit",
        DATABASE,
        "choice",
        "1",
        "1: each commit is durable. 2: a power cut loses up to a second. 0: so does a crash of the database.",
        choices=("0", "1", "2"),
    ),
    global_variable="innodb_flush_log_at_trx_commit",
)

KNOBS = (MAX_OPEN, MAX_IDLE, CONN_MAX_LIFETIME, CANCELLATION, PUSH_TIMEOUT, SAMPLING, APM, MAX_CONNECTIONS)
"""In the order of the Stack screen; every backend has them."""
REAL_DATABASE_KNOBS = (*KNOBS, FLUSH_LOG)
"""The embedded database always flushes."""
