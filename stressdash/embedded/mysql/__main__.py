"""The program: `python -m stressdash.embedded.mysql --data DIR`.

Says `ready for connections on HOST:PORT` once it listens. Passwords come from the environment only. Ends with
0 after SIGTERM, SIGINT or the end of its standard input; 2 for bad usage; 3 when port or data cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

from stressdash.embedded.mysql.connection import Passwords
from stressdash.embedded.mysql.server import Server
from stressdash.embedded.mysql.session import ADMIN, USER
from stressdash.embedded.mysql.status import LIMITS
from stressdash.embedded.mysql.store import Store
from stressdash.errors import StackError, StressdashError, UsageError

PROGRAM = "stressdash.embedded.mysql"
PASSWORDS = {USER: "STRESSDASH_DB_PASSWORD", ADMIN: "STRESSDASH_DB_ADMIN_PASSWORD"}
GRACE_S = 0.7
"""How long running statements may take when the server stops; the whole end takes less than a second."""


def main(arguments: list[str] | None = None) -> int:
    """Run the server and return the exit code."""
    options = _options(arguments)
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # its warnings repeat what clients sent
    try:
        passwords = {user: _password(variable) for user, variable in PASSWORDS.items()}
        _raise_file_limit()
        asyncio.run(_serve(options, Passwords(passwords)))
    except StressdashError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.exit_code
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(PROGRAM, description="A MySQL server on one SQLite file.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_whole(0, 65535), default=0, help="0 chooses a free one")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the database file")
    parser.add_argument("--max-connections", type=_whole(*LIMITS), default=151, metavar="N")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    return parser.parse_args(arguments)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def _password(variable: str) -> str:
    if password := os.environ.pop(variable, ""):
        return password
    raise UsageError(f"the environment variable {variable} must hold a password")


def _raise_file_limit() -> None:
    """Allow as many sockets as the system lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(options: argparse.Namespace, passwords: Passwords) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    store = Store(options.data)
    try:
        server = Server(store, passwords, options.max_connections)
        try:
            host, port = await server.start(options.host, options.port)
        except OSError as error:
            code = error.errno or 0
            reason = os.strerror(code) if code > 0 else error.strerror
            raise StackError(f"cannot listen on {options.host}:{options.port} ({reason})") from error
        if options.until_stdin_closes:
            Thread(target=_await_end_of_stdin, args=(loop, ended), daemon=True).start()
        sys.stdout.write(f"ready for connections on {host}:{port}\n")
        sys.stdout.flush()
        await ended.wait()
        await server.stop(GRACE_S)
    finally:
        await store.close()


def _await_end_of_stdin(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Block until standard input, of whatever kind, ends; a closed one has ended."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    with suppress(RuntimeError):  # the loop may be closed already
        loop.call_soon_threadsafe(ended.set)


if __name__ == "__main__":
    sys.exit(main())
