"""Watches the stack: its components, its knobs, and what service and database tell of themselves.

The newest answers stand in public fields. A component's state that changes is news, told once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from stressdash.errors import StressdashError
from stressdash.metrics.usage import UsageMeter
from stressdash.samples import Component, ComponentState, DatabaseStatus, Knob, ServiceStatus
from stressdash.stack.backend import Stack

__all__ = ["StackWatch"]

T = TypeVar("T")

DOWN: Final = (ComponentState.FAILED, ComponentState.UNHEALTHY, ComponentState.PAUSED)
PASSING: Final = frozenset({ComponentState.STARTING, ComponentState.STOPPING})
RECOVERED_POLLS: Final = 10
"""Looks in a row (5 s) that find a component well again before that is news: under load its health comes and
goes, and each mark covers a part of the charts."""


class StackWatch:
    """Components, knobs and what service and database say of themselves."""

    def __init__(self, stack: Stack, on_change: Callable[[str], None]) -> None:
        """`on_change` gets a label for every change of a component's state."""
        self._stack = stack
        self._on_change = on_change
        self.components: tuple[Component, ...] = ()
        self._told: dict[str, ComponentState] = {}
        self._well: Counter[str] = Counter()
        """Looks in a row that found a component running which was last told to be unhealthy."""
        self.usage = UsageMeter()
        """Fed by who knows the time."""
        self.knobs: tuple[Knob, ...] = ()
        self.service: ServiceStatus | None = None
        self.database: DatabaseStatus | None = None

    async def poll_components(self, *, expected: str = "") -> None:
        """State, CPU and memory of each component; called twice a second.

        What becomes of the `expected` component, and states on the way to another, are no news.
        """
        self.components = await self._stack.components()
        for component in self.components:
            if self._is_news(component) and component.state not in PASSING and component.name != expected:
                self._on_change(f"{component.name} {component.state}")

    def _is_news(self, component: Component) -> bool:
        """Whether its state is another than was told; by this it is told."""
        name, state = component.name, component.state
        told = self._told.setdefault(name, state)
        recovers = told is ComponentState.UNHEALTHY and state is ComponentState.RUNNING
        self._well[name] = self._well[name] + 1 if recovers else 0
        if state is told or (recovers and self._well[name] < RECOVERED_POLLS):
            return False
        self._told[name] = state
        return True

    async def poll_status(self) -> None:
        """Pool, database and knobs as read back from the components."""
        self.service = await self._ask(self._stack.service_status())
        self.database = await self._ask(self._stack.database_status())
        self.knobs = await self._stack.knobs()

    async def _ask(self, question: Awaitable[T | None]) -> T | None:
        try:
            return await question
        except StressdashError:
            return None

    def down(self) -> tuple[Component, ...]:
        """Components that should run and do not."""
        return tuple(component for component in self.components if component.state in DOWN)
