"""`python -m stressdash.embedded.apm`: runs the intake until it is told to end.

Prints `listening on http://127.0.0.1:PORT` once bound. Ends with 0 on SIGTERM, SIGINT and, with
`--until-stdin-closes`, when its standard input closes; with 2 on bad flags; with 3 when the port is taken.
The secret token comes from the environment, STRESSDASH_APM_TOKEN, never from the command line; so do the
Elasticsearch that gets every event as well (STRESSDASH_FORWARD) and its credentials (STRESSDASH_ES_API_KEY,
_USER and _PASSWORD, _BEARER, _CA, _FINGERPRINT).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from contextlib import suppress

from aiohttp import web

from stressdash.embedded.apm.server import application, runner
from stressdash.embedded.apm.upstream import Upstream
from stressdash.errors import BadInput

__all__ = ["main"]

TOKEN_VARIABLE = "STRESSDASH_APM_TOKEN"  # noqa: S105  the variable's name, not a secret


def main(argv: list[str] | None = None) -> int:
    """Run the intake and return its exit code."""
    options = parser().parse_args(argv)
    try:
        upstream = Upstream.of(os.environ)
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return asyncio.run(serve(options, upstream))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m stressdash.embedded.apm", description=__doc__.split("\n")[0]
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    made.add_argument("--port", type=port_number, default=0, help="port; 0 takes a free one (default)")
    made.add_argument(
        "--max-events", type=positive, default=5_000_000, help="events kept (default: %(default)s)"
    )
    made.add_argument("--until-stdin-closes", action="store_true", help="end when standard input closes")
    return made


def port_number(text: str) -> int:
    """A TCP port or 0."""
    number = int(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"a port lies between 0 and 65535, not {number}")
    return number


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


async def serve(options: argparse.Namespace, upstream: Upstream | None = None) -> int:
    """Listen, announce it, and wait for the end."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    app = application(os.environ.get(TOKEN_VARIABLE, ""), options.max_events, upstream=upstream)
    served = runner(app)
    await served.setup()
    try:
        site = web.TCPSite(served, options.host, options.port)
        try:
            await site.start()
        except OSError as error:
            where = f"{options.host}:{options.port}"
            sys.stderr.write(
                f"cannot listen on {where}: {os.strerror(error.errno or 0)}; take another --port\n"
            )
            return 3
        host, port = served.addresses[0][:2]
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"listening on http://{shown}:{port}\n")
        sys.stdout.flush()
        if options.until_stdin_closes:
            watch_stdin(loop, ended)
        await ended.wait()
    finally:
        await served.cleanup()
    return 0


def watch_stdin(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Set `ended` at the end of standard input, whatever kind of file it is."""

    def read_to_end() -> None:
        with suppress(OSError):  # a closed one has ended
            while os.read(0, 4096):
                pass
        with suppress(RuntimeError):  # the loop may be closed already
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read_to_end, daemon=True, name="stdin").start()


if __name__ == "__main__":
    sys.exit(main())
