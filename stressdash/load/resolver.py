"""Where a plan's target lives: looked up and guarded before the run and, where it is asked for, all the time.

Workers never look a name up themselves, so that each address passes the guard before a packet is sent to it.
A lookup that fails, or finds what the guard does not admit, leaves no address: each connect is a `dns` fault
until a later lookup succeeds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from stressdash.errors import TargetError, TargetRefused
from stressdash.load.control import Command
from stressdash.load.faults import FaultKind, kind_of_lookup_error
from stressdash.load.plan import Plan
from stressdash.load.target import Address, Target, admitted, guard, parse_url, resolve, unix_address

__all__ = ["LookUp", "Resolver"]

LookUp = Callable[[Target], Awaitable[tuple[Address, ...]]]


class Resolver:
    """Addresses of one plan's target."""

    def __init__(self, plan: Plan, look_up: LookUp = resolve) -> None:
        self._target = parse_url(plan.url)
        self._transport = plan.transport
        self._allowed = plan.allow_targets
        self._look_up = look_up

    async def first(self) -> tuple[Address, ...]:
        """Addresses to begin with.

        Raises:
            TargetError: the host cannot be resolved, or the Unix socket is none.
            TargetRefused: the guard said no.
        """
        if self._transport.unix_socket is not None:
            return (unix_address(self._transport.unix_socket),)
        return await admitted(self._target, self._allowed, self._look_up)

    async def changes(self, known: tuple[Address, ...]) -> AsyncIterator[Command]:
        """A command for the workers each time that a lookup ends differently from the one before."""
        if self._transport.resolve_every_s is None:
            return
        last = Command("addresses", addresses=known)
        while True:
            await asyncio.sleep(self._transport.resolve_every_s)
            found = await self._again()
            if (set(found.addresses), found.trouble) != (set(last.addresses), last.trouble):
                last = found
                yield found

    async def _again(self) -> Command:
        try:
            addresses = await self._look_up(self._target)
            guard(self._target, addresses, self._allowed)
        except TargetRefused as error:
            return Command("addresses", trouble=FaultKind("dns", "REFUSED", str(error)))
        except TargetError as error:
            cause = error.__cause__
            kind = (
                kind_of_lookup_error(cause)
                if isinstance(cause, OSError)
                else FaultKind("dns", "NAME", str(cause))
            )
            return Command("addresses", trouble=kind)
        return Command("addresses", addresses=addresses)
