"""What a container may use of the machine, as somebody has limited it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["LimitControl", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one container; 0 stands for no limit."""

    cpus: float = 0.0
    memory_mib: int = 0


class LimitControl(Protocol):
    """Who can read and set the limits of components."""

    async def read(self) -> Mapping[str, Limits]:
        """By component; those that cannot be asked are left out.

        Raises:
            StackError: nobody can be asked.
        """
        ...

    async def change(
        self, component: str, *, cpus: float | None = None, memory_mib: int | None = None
    ) -> None:
        """Set those that are given, on a container that runs.

        Raises:
            KnobRejected: with the words of who refused.
            StackError: it cannot be asked.
        """
        ...
