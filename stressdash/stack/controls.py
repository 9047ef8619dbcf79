"""What can be read and turned on a stack, whatever runs it: needs the addresses of its ends only."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from stressdash.errors import DatabaseFull, KnobRejected, StackError
from stressdash.samples import (
    Component,
    ComponentState,
    DatabaseProcess,
    DatabaseStatus,
    Knob,
    ServiceStatus,
)
from stressdash.stack.knobs import KnobSpec, Readings, find
from stressdash.stack.limits import LimitControl, Limits

if TYPE_CHECKING:
    from stressdash.stack.database import Database
    from stressdash.stack.service_client import ServiceClient

__all__ = ["Controls"]

FRESH_S: Final = 0.4
"""How long an answer serves those who did not ask for a new one."""

RARE_S: Final = 5.0
"""The same, of what nobody but us changes and what is dear to ask."""

T = TypeVar("T")


class _Question(Generic[T]):
    """Something that is asked again and again, with its last answer and what went wrong."""

    def __init__(
        self, ask: Callable[[], Awaitable[T | None]], clock: Callable[[], float], fresh_s: float = FRESH_S
    ) -> None:
        self._ask = ask
        self._fresh_s = fresh_s
        self._clock = clock
        self._answer: T | None = None
        self._asked_s = -math.inf
        self._asked = self._heard = 0
        """Number of the question that was asked last, and of the one whose answer counts."""
        self.problem: StackError | None = None

    async def now(self) -> T | None:
        """A new answer; None when there is nobody to ask. Until it comes, the last one counts."""
        self._asked += 1
        number = self._asked
        try:
            answer = await self._ask()
        except StackError as error:
            self._hear(number, None, error)
            raise
        self._hear(number, answer, None)
        return answer

    def _hear(self, number: int, answer: T | None, problem: StackError | None) -> None:
        """Take an answer, unless one to a later question is there or it was asked before a `forget`."""
        if number > self._heard:
            self._heard, self._asked_s = number, self._clock()
            self._answer, self.problem = answer, problem

    def forget(self) -> None:
        """The last answer is of no use any more, nor is the last problem."""
        self._asked += 1
        self._hear(self._asked, None, None)
        self._asked_s = -math.inf

    async def recent(self) -> T | None:
        """The last answer while it is fresh, else a new one; None when there is none."""
        if self._clock() - self._asked_s >= self._fresh_s:
            try:
                return await self.now()
            except StackError:
                return None
        return self._answer


class Controls:
    """Status and knobs of one stack.

    Args:
        specs: its knobs.
        clock: seconds, monotonic.
    """

    def __init__(self, specs: Sequence[KnobSpec], clock: Callable[[], float] = time.monotonic) -> None:
        self._specs = tuple(specs)
        self._service: ServiceClient | None = None
        self._database: Database | None = None
        self._limits: LimitControl | None = None
        self._service_question = _Question(self._ask_service, clock)
        self._database_question = _Question(self._ask_database, clock)
        self._variables_question = _Question(self._ask_variables, clock)
        self._limits_question = _Question(self._ask_limits, clock, RARE_S)
        self._desired: dict[str, str] = {}
        self._errors: dict[str, str] = {}

    async def aim(
        self,
        service: ServiceClient | None,
        database: Database | None,
        limits: LimitControl | None = None,
    ) -> None:
        """Ask these ends from now on; the ones before are closed.

        The database's connection is taken at once: later the load may have used up all of them.
        """
        await self.close()
        self._service, self._database, self._limits = service, database, limits
        with suppress(StackError):  # told by the next question
            await self.database_status()

    async def close(self) -> None:
        """Let go of both ends."""
        service, self._service = self._service, None
        database, self._database = self._database, None
        if service is not None:
            await service.close()
        if database is not None:
            await database.close()

    async def service_status(self) -> ServiceStatus | None:
        """What the service tells; None where it has no admin endpoint that we know."""
        return await self._service_question.now()

    async def database_status(self) -> DatabaseStatus | None:
        """What the database tells; None where we may not ask it."""
        return await self._database_question.now()

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        """Who is connected to the database.

        Raises:
            StackError: it cannot be asked.
        """
        if self._database is None:
            raise StackError("there is no database that we may ask: name one with --dsn")
        return tuple(await self._database.processlist())

    async def knobs(self) -> tuple[Knob, ...]:
        """All knobs as wanted and as read back."""
        readings = Readings(
            service=await self._service_question.recent(),
            variables=await self._variables_question.recent(),
            limits=await self._limits_question.recent(),
        )
        return tuple(
            spec.read(
                readings,
                desired=self._desired.get(spec.name),
                error=self._errors.get(spec.name, ""),
            )
            for spec in self._specs
        )

    async def turn(self, name: str, value: str, *, live: bool) -> Knob:
        """Turn a knob on a component that runs (`live`), or note what it is to start with.

        A knob that applies by restart is only noted.

        Raises:
            UsageError: no such knob, or a value outside its range.
            KnobRejected: with the component's words; the value before stays the one to start with.
        """
        spec = find(self._specs, name)
        text = spec.parse(value)
        self._errors.pop(name, None)
        if live and spec.shown.applies == "live":
            try:
                await self._apply(spec, text)
            except KnobRejected as error:
                self._errors[name] = str(error)
                raise
        self._desired[name] = text
        self.forget()
        knobs = {knob.name: knob for knob in await self.knobs()}
        return knobs[name]

    def forget(self) -> None:
        """Something has changed: what was told before is of no use any more."""
        for question in (
            self._service_question,
            self._database_question,
            self._variables_question,
            self._limits_question,
        ):
            question.forget()

    async def reapply(self, component: str) -> None:
        """Turn every knob of a component to what is wanted, after it has started anew with other values.

        Raises:
            StackError: it cannot be asked, or rejects a value.
        """
        for spec in self._specs:
            ours = spec.shown.component == component and spec.shown.applies == "live"
            if ours and (text := self._desired.get(spec.name)) is not None:
                await self._apply(spec, text)
        self.forget()

    def desired(self, name: str) -> str | None:
        """What a knob was turned to; None when nobody has."""
        return self._desired.get(name)

    def component_of(self, name: str) -> str:
        """Which component a knob belongs to."""
        return find(self._specs, name).shown.component

    async def starting_values(self) -> dict[str, str]:
        """Value of each knob that the next start should have: what is wanted, else what is."""
        values = {knob.name: knob.desired or knob.actual for knob in await self.knobs()}
        return {name: value for name, value in values.items() if value is not None}

    def judged(self, component: Component) -> Component:
        """The component with its health: one that runs and does not answer is not well."""
        problem = self._problem(component.name)
        if component.state is not ComponentState.RUNNING or problem is None:
            return component
        if isinstance(problem, DatabaseFull):  # it works: for others
            return replace(component, detail=str(problem))
        return replace(component, state=ComponentState.UNHEALTHY, detail=str(problem))

    def _problem(self, component: str) -> StackError | None:
        if component == "service":
            return self._service_question.problem
        return self._database_question.problem if component == "database" else None

    async def _apply(self, spec: KnobSpec, text: str) -> None:
        if spec.limit is not None:
            if self._limits is None:
                raise KnobRejected(f"{spec.name} needs a container")
            number = float(text)
            named = {"cpus": number} if spec.shown.unit == "cores" else {"memory_mib": int(number)}
            await self._limits.change(spec.shown.component, **named)
        elif spec.global_variable is None:
            if self._service is None:
                raise KnobRejected(f"{spec.name} needs a service whose admin endpoint we may use")
            await self._service.turn(spec.name, text)
        else:
            if self._database is None:
                raise KnobRejected(f"{spec.name} needs a database that we may administrate")
            await self._database.set_variable(spec.global_variable, int(text))

    async def _ask_service(self) -> ServiceStatus | None:
        return None if self._service is None else await self._service.status()

    async def _ask_database(self) -> DatabaseStatus | None:
        return None if self._database is None else await self._database.status()

    async def _ask_limits(self) -> Mapping[str, Limits] | None:
        return None if self._limits is None else await self._limits.read()

    async def _ask_variables(self) -> dict[str, str] | None:
        database = self._database
        if database is None:
            return None
        names = [spec.global_variable for spec in self._specs if spec.global_variable is not None]
        values = {name: await database.variable(name) for name in names}
        return {name: value for name, value in values.items() if value is not None}
