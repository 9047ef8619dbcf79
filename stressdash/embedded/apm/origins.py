"""Whose an event is: service, environment and type of transaction, by number, so that rows stay small."""

from __future__ import annotations

from typing import Final, NamedTuple

from stressdash.samples import FoundService, Scope

__all__ = ["NO_TYPE", "Origins", "Selector"]

NO_TYPE: Final = ""
"""Of what counts whatever its transaction is: errors, metrics of the process, spans."""
Selector = frozenset[int]
"""Numbers of the origins that are asked for."""


class Owner(NamedTuple):
    """One origin."""

    service: str
    environment: str | None
    type: str


class Origins:
    """Numbers of owners; beyond the limit all new ones share one of a service called `(other)`."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._numbers: dict[Owner, int] = {}
        self._owners: list[Owner] = []
        self._selectors: dict[tuple[Scope, bool], Selector] = {}

    def number(self, service: str, environment: str | None, transaction_type: str = NO_TYPE) -> int:
        """Number of an owner."""
        owner = Owner(service, environment, transaction_type)
        found = self._numbers.get(owner)
        if found is not None:
            return found
        if len(self._owners) >= self._limit:
            known_type = transaction_type if len(self._owners) < 2 * self._limit else NO_TYPE
            owner = Owner("(other)", None, known_type)
        if owner not in self._numbers:
            self._numbers[owner] = len(self._owners)
            self._owners.append(owner)
            self._selectors.clear()
        return self._numbers[owner]

    def service(self, number: int) -> str:
        """Name of an owner's service."""
        return self._owners[number].service

    def selector(self, scope: Scope, *, typed: bool) -> Selector:
        """Owners within a scope; when `typed`, those of its type of transactions, else those of none."""
        key = (scope, typed)
        if key not in self._selectors:
            wanted = scope.transaction_type if typed else NO_TYPE
            self._selectors[key] = frozenset(
                number
                for number, owner in enumerate(self._owners)
                if owner.type == wanted
                and scope.service in (None, owner.service)
                and scope.environment in (None, owner.environment)
            )
        return self._selectors[key]

    def found(self) -> tuple[FoundService, ...]:
        """All services with their environments and types, by name."""
        services: dict[str, tuple[set[str], set[str]]] = {}
        for owner in self._owners:
            environments, types = services.setdefault(owner.service, (set(), set()))
            if owner.environment is not None:
                environments.add(owner.environment)
            if owner.type:
                types.add(owner.type)
        return tuple(
            FoundService(name, tuple(sorted(environments)), tuple(sorted(types)))
            for name, (environments, types) in sorted(services.items())
        )
