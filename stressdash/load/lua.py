"""A Lua state with a wrk script in it: the only importer of lupa, and only where a script is given.

LuaJIT is what wrk scripts are written for; where a build of lupa lacks it, Lua 5.1 runs them. The prelude
(`prelude.lua`) makes the `wrk` table and the threads out of the functions of a `Host`. The state knows no
sockets and no plan. A script that fails is a `BadInput` with its file and line; one that does not come to an
end is stopped by a hook that asks the clock every 100,000 instructions.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Final, Protocol

from stressdash.errors import BadInput
from stressdash.load.script import Plain, Script

__all__ = ["Host", "LuaState"]

IMPLEMENTATIONS: Final = ("luajit21", "luajit20", "lua51")
MEMORY_LIMIT: Final = 512 << 20
DEPTH_LIMIT: Final = 16
PRINTED_LIMIT: Final = 1 << 20


class Host(Protocol):
    """What the prelude asks of whoever runs the script. Threads and addresses are numbers."""

    def lookup(self, name: str, service: str) -> list[int]:
        """Addresses of a host and service. Raises `BadInput`."""

    def connects(self, address: int) -> bool:
        """Whether it accepts connections."""

    def shown(self, address: int) -> str:
        """The address as text."""

    def stop(self) -> None:
        """End this thread's load."""

    def get(self, thread: int, name: bytes) -> Plain:
        """A global of a thread."""

    def set(self, thread: int, name: bytes, value: Plain) -> None:
        """Give a thread a global."""

    def address(self, thread: int) -> int | None:
        """Where a thread sends to."""

    def move(self, thread: int, address: int) -> None:
        """Let a thread send elsewhere. Raises `BadInput`."""


class LuaState:
    """One state. `call_s` is how long a call may take."""

    def __init__(self, script: Script, host: Host, *, call_s: float) -> None:
        """Make the state; the script is loaded by `load`."""
        self._script = script
        self._host = host
        self._call_ns = round(call_s * 1e9)
        self._noticed_ns = 0
        """When the hook first saw the present call; 0 before."""
        self._printed = bytearray()
        implementation = _implementation()
        self._error: type[Exception] = implementation.LuaError
        self._lua = implementation.LuaRuntime(
            encoding=None,
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_no_attributes,
            max_memory=MEMORY_LIMIT,
        )
        self._type: Callable[[Any], str | None] = implementation.lua_type
        prelude = files(__package__).joinpath("prelude.lua").read_bytes()
        self._parts = self._lua.execute(prelude, self._lua.table_from(self._functions()))
        self.wrk = self._parts[b"wrk"]

    def load(self) -> None:
        """Run the script's own code.

        Raises:
            BadInput: it is broken or endless.
        """
        self.run(self._parts[b"load"], self._script.text, b"@" + self._script.path.encode())

    @property
    def printed(self) -> bytes:
        """What the script has printed, its beginning if it was much."""
        return bytes(self._printed)

    def has(self, name: str) -> bool:
        """Whether the script has a function of this name."""
        return bool(self._parts[b"has"](name.encode()))

    def function(self, name: str) -> Any:
        """A function of the script, for `run`."""
        return self._parts[b"get"](name.encode())

    def run(self, function: Any, *arguments: Any) -> Any:
        """What a Lua function returns.

        Raises:
            BadInput: it failed, or took too long.
        """
        self._noticed_ns = 0
        try:
            return function(*arguments)
        except MemoryError as error:
            limit = MEMORY_LIMIT >> 20
            raise BadInput(f"the script {self._script.path} takes more than {limit} MiB of memory") from error
        except self._error as error:
            raise BadInput(self._told(str(error))) from error

    def thread(self, number: int) -> Any:
        """The Lua object of a thread."""
        return self._parts[b"thread"](number)

    def table(self, value: Mapping[bytes, Any]) -> Any:
        """A Lua table of Python values."""
        return self._lua.table_from(dict(value))

    def array(self, values: list[Any], first: int = 1) -> Any:
        """A Lua table with numbers as keys."""
        return self._lua.table_from(dict(enumerate(values, first)))

    def stats(self, figures: Mapping[bytes, Any]) -> Any:
        """The object that `done` gets for a distribution."""
        return self._parts[b"stats"](self.table(figures))

    def take(self, name: bytes, value: Plain) -> None:
        """Set a global."""
        self._parts[b"set"](name, self._lua_value(value))

    def give(self, name: bytes) -> Plain:
        """A global as a plain value; None when it is none."""
        value = self._parts[b"get"](name)
        return _plain(value, self._type) if _is_plain(value, self._type) else None

    def globals(self) -> list[list[Plain]]:
        """All globals of the script that are plain values."""
        found = self._parts[b"globals"]()
        return [
            [name, _plain(value, self._type)] for name, value in found.items() if _is_plain(value, self._type)
        ]

    def _functions(self) -> dict[bytes, Any]:
        host = self._host
        return {
            b"stopped": self._stopped,
            b"write": self._write,
            b"lookup": self._lookup,
            b"connects": host.connects,
            b"shown": lambda address: host.shown(address).encode(),
            b"stop": host.stop,
            b"get": lambda thread, name: self._lua_value(host.get(thread, name)),
            b"set": self._set,
            b"address": host.address,
            b"move": self._move,
        }

    def _stopped(self) -> bytes | None:
        now_ns = time.monotonic_ns()
        if not self._noticed_ns:
            self._noticed_ns = now_ns
        if now_ns - self._noticed_ns < self._call_ns:
            return None
        return b"it did not come to an end within %g s" % (self._call_ns / 1e9)

    def _write(self, text: bytes) -> None:
        self._printed += text[: PRINTED_LIMIT - len(self._printed)]

    def _lookup(self, name: Any, service: Any) -> Any:
        try:
            return self.array(self._host.lookup(_text(name), _text(service)))
        except BadInput as error:
            return None, str(error).encode()

    def _set(self, thread: int, name: bytes, value: Any) -> bytes | None:
        if not _is_plain(value, self._type):
            return b"thread:set takes nil, true, false, numbers, strings and tables of them"
        self._host.set(thread, name, _plain(value, self._type))
        return None

    def _move(self, thread: int, address: int) -> None:
        self._host.move(thread, address)

    def _lua_value(self, value: Plain) -> Any:
        if isinstance(value, list):
            return self._lua.table_from({self._lua_value(key): self._lua_value(one) for key, one in value})
        return value

    def _told(self, words: str) -> str:
        """The script's error in one line, which names its file and, where Lua told it, the line."""
        path = self._script.path
        first = words.partition("\nstack traceback:")[0].strip() or "an error without words"
        first = " ".join(first.split())
        if path in first:
            return f"the script failed: {first}"
        at = re.search(rf"{re.escape(path)}:\d+", words)
        return f"the script failed: {at[0] if at else path}: {first}"


def _implementation() -> Any:
    for name in IMPLEMENTATIONS:
        try:
            return importlib.import_module(f"lupa.{name}")
        except ImportError:
            continue
    raise BadInput("scripts need lupa with LuaJIT or Lua 5.1, which is not installed; install lupa")


def _no_attributes(_object: Any, _name: Any, _setting: Any) -> Any:
    raise AttributeError("a script sees no Python")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _is_plain(value: Any, lua_type: Callable[[Any], str | None], depth: int = 0) -> bool:
    if value is None or isinstance(value, (bool, int, float, bytes)):
        return True
    if lua_type(value) != "table" or depth > DEPTH_LIMIT:
        return False
    return all(_is_plain(part, lua_type, depth + 1) for pair in value.items() for part in pair)


def _plain(value: Any, lua_type: Callable[[Any], str | None]) -> Plain:
    if lua_type(value) != "table":
        return value
    return [[_plain(part, lua_type) for part in pair] for pair in value.items()]
