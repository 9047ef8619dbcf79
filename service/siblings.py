"""The processes of one service among themselves: whoever is asked for the status adds up all of them.

Each listens on a Unix socket in a folder that only their account can enter. What they say there is what the
admin endpoint says, of one process.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.web import BaseRequest, Response, Server, ServerRunner, UnixSite

from service.errors import SiblingSilent
from service.pool import Limits

__all__ = ["Place", "Siblings", "share", "total"]

ANSWER_S = 2.0
ADDED = ("agent_dropped", "requests", "in_flight", "cpu_seconds")

Status = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """One process among its siblings."""

    folder: Path
    number: int
    count: int

    @property
    def sockets(self) -> tuple[Path, ...]:
        """Of all, in the order of their numbers."""
        return tuple(self.folder / f"{number}" for number in range(self.count))


def share(limits: Limits, place: Place) -> Limits:
    """One process's part of the pool's limits: together they hold what was asked for, one each at least."""
    part, rest = divmod(limits.max_open, place.count)
    idle, idle_rest = divmod(limits.max_idle, place.count)
    return Limits(
        max_open=max(1, part + (place.number < rest)) if limits.max_open else 0,
        max_idle=idle + (place.number < idle_rest),
        conn_max_lifetime_s=limits.conn_max_lifetime_s,
    )


def total(statuses: Sequence[Status]) -> dict[str, Any]:
    """The status of the service: counts and pools added up, knobs as the first has them."""
    first = statuses[0]
    added = {name: sum(status[name] for status in statuses) for name in ADDED}
    pool = {name: sum(status["pool"][name] for status in statuses) for name in first["pool"]}
    return {**first, **added, "pool": pool, "workers": len(statuses)}


class Siblings:
    """The others, and what they may ask of this one.

    Args:
        place: of this process.
        status: its own status.
        turn: turns its own knobs; they were checked by who asks.
    """

    def __init__(
        self, place: Place, status: Callable[[], Status], turn: Callable[[Mapping[str, str]], None]
    ) -> None:
        self._status = status
        self._turn = turn
        self._own = place.sockets[place.number]
        self._others = [path for path in place.sockets if path != self._own]

    async def start(self) -> None:
        """Listen to the others."""
        self._runner = ServerRunner(Server(self._answer))
        await self._runner.setup()
        await UnixSite(self._runner, self._own).start()

    async def close(self) -> None:
        """Hang up."""
        await self._runner.cleanup()

    async def status(self) -> dict[str, Any]:
        """Of all together.

        Raises:
            SiblingSilent: one does not answer.
        """
        others = await asyncio.gather(*(self._ask(path, "GET") for path in self._others))
        return total([self._status(), *others])

    async def turn(self, values: Mapping[str, str]) -> None:
        """Turn knobs of all; this one first, which refuses what cannot be.

        Raises:
            BadConfiguration: nobody has turned anything.
            SiblingSilent: one does not answer.
        """
        self._turn(values)
        await asyncio.gather(*(self._ask(path, "PATCH", values) for path in self._others))

    async def _answer(self, request: BaseRequest) -> Response:
        if request.method == "PATCH":
            self._turn(json.loads(await request.read()))
        return Response(body=json.dumps(self._status()).encode())

    async def _ask(self, path: Path, method: str, values: Mapping[str, str] | None = None) -> dict[str, Any]:
        connector = aiohttp.UnixConnector(str(path))
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.request(method, "http://sibling/", json=values) as answer,
            ):
                found: dict[str, Any] = json.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise SiblingSilent("a process of the service does not answer") from error
        return found
