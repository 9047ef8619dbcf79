"""What a local stack asks of its database: how to get it ready, run it, and be rid of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from stressdash.stack.folder import Secrets
from stressdash.stack.program import Program

__all__ = ["Engine"]


class Engine(Protocol):
    """The database of a local stack."""

    name: str
    """For progress: what it is."""

    async def find(self) -> None:
        """Know the program that runs it; idempotent, and before `program`.

        Raises:
            StackError: there is none.
        """
        ...

    async def prepare(self, secrets: Secrets, progress: Callable[[str], None]) -> None:
        """Whatever must be done before it can start; idempotent. What it had to clean, it tells.

        Raises:
            StackError: it cannot be done.
        """
        ...

    def program(self, secrets: Secrets, knobs: Mapping[str, str]) -> Program:
        """How to run it, with the knob values to start with."""
        ...

    def erase(self) -> None:
        """Remove its data; only when it does not run."""
        ...
