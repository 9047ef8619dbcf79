"""A script's threads as its states see them: all of them before and after the run, or just one's own.

A thread is a worker. `setup` and `done` run in the parent with a `Stage`, which keeps what is set for each
thread; `init`, `request`, `response` and `delay` run in the workers, each with a `Thread` of its own. Every
address that a script chooses passes the target guard, also before it is only tried.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from stressdash.errors import BadInput
from stressdash.load.lua import LuaState
from stressdash.load.plan import Request
from stressdash.load.script import Plain
from stressdash.load.target import Address, Target, guard

__all__ = ["Stage", "Thread", "furnish"]

TRY_S: Final = 2.0


def furnish(state: LuaState, request: Request, target: Target, secrets: Mapping[str, str]) -> None:
    """Fill in the `wrk` table as wrk does from its command line."""
    wrk = state.wrk
    wrk[b"scheme"], wrk[b"host"] = target.scheme.encode(), target.host.encode()
    wrk[b"port"] = str(target.port).encode() if target.authority.endswith(f":{target.port}") else None
    wrk[b"path"] = (request.path or target.path).encode()
    wrk[b"method"], wrk[b"body"] = request.method.encode(), request.body or None
    for name, value in request.headers:
        wrk[b"headers"][name.encode()] = value.encode()
    for header in request.secrets:
        if header.source in secrets:
            wrk[b"headers"][header.name.encode()] = header.value(secrets).encode()


class Places:
    """Addresses that a script has seen, by number."""

    def __init__(self, target: Target, allowed: Sequence[str]) -> None:
        self._target = target
        self._allowed = tuple(allowed)
        self._found: list[Address] = []

    def number(self, address: Address) -> int:
        """Number of an address."""
        if address not in self._found:
            self._found.append(address)
        return self._found.index(address)

    def __getitem__(self, number: int) -> Address:
        return self._found[number]

    def lookup(self, name: str, service: str) -> list[int]:
        """Addresses of a host and service; `BadInput` when there are none."""
        try:
            found = socket.getaddrinfo(name, service, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise BadInput(f"wrk.lookup cannot find {name}:{service}: {error}") from error
        return [
            self.number(Address(family, str(place[0]), int(place[1])))
            for family, _, _, _, place in found
            if family in {socket.AF_INET, socket.AF_INET6}
        ]

    def connects(self, number: int) -> bool:
        """Whether an address accepts connections. Raises `TargetRefused` for one that may not be loaded."""
        address = self.admitted(number)
        with socket.socket(address.family, socket.SOCK_STREAM) as sock:
            sock.settimeout(TRY_S)
            return sock.connect_ex((address.host, address.port)) == 0

    def admitted(self, number: int) -> Address:
        """An address that may be loaded. Raises `TargetRefused`."""
        guard(self._target, [self._found[number]], self._allowed)
        return self._found[number]

    def shown(self, number: int) -> str:
        """An address as text."""
        address = self._found[number]
        return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"


class Stage(Places):
    """The parent's state: what `setup` says of each thread, and what `done` asks of them."""

    def __init__(self, target: Target, allowed: Sequence[str], addresses: Sequence[Address]) -> None:
        super().__init__(target, allowed)
        self._first = self.number(addresses[0])
        self.values: dict[int, dict[bytes, Plain]] = {}
        """What was set, and after the run each thread's globals."""
        self.chosen: dict[int, Address] = {}

    def stop(self) -> None:
        """Nothing runs here. Raises `BadInput`."""
        raise BadInput("thread:stop() ends a thread that runs; setup and done have none")

    def get(self, thread: int, name: bytes) -> Plain:
        """What was set for a thread, or its global after the run."""
        return self.values.get(thread, {}).get(name)

    def set(self, thread: int, name: bytes, value: Plain) -> None:
        """Set a global that the thread will begin with."""
        self.values.setdefault(thread, {})[name] = value

    def address(self, thread: int) -> int | None:
        """Where a thread is to send to."""
        chosen = self.chosen.get(thread)
        return self._first if chosen is None else self.number(chosen)

    def move(self, thread: int, address: int) -> None:
        """Let a thread send to another address. Raises `TargetRefused`."""
        self.chosen[thread] = self.admitted(address)


class Thread(Places):
    """A worker's own thread."""

    def __init__(self, target: Target, allowed: Sequence[str], addresses: Sequence[Address]) -> None:
        super().__init__(target, allowed)
        self._first = self.number(addresses[0])
        self.state: LuaState | None = None
        """Its own; set once it is made."""
        self.on_stop: Callable[[], None] = lambda: None

    def stop(self) -> None:
        """End the load of this worker."""
        self.on_stop()

    def get(self, thread: int, name: bytes) -> Plain:  # noqa: ARG002 - there is only one
        """A global of its own."""
        return self.state.give(name) if self.state is not None else None

    def set(self, thread: int, name: bytes, value: Plain) -> None:  # noqa: ARG002 - there is only one
        """Set a global of its own."""
        if self.state is not None:
            self.state.take(name, value)

    def address(self, thread: int) -> int | None:  # noqa: ARG002 - there is only one
        """Where it sends to."""
        return self._first

    def move(self, thread: int, address: int) -> None:  # noqa: ARG002 - it cannot be done
        """Too late. Raises `BadInput`."""
        raise BadInput("thread.addr is set in setup, before connections are made")
