"""`python -m service [--until-stdin-closes]`.

Exit codes: 0 after a drain, 2 bad configuration, 3 the address cannot be bound.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from service.app import App
from service.crew import Member, run_crew
from service.errors import BadConfiguration
from service.log import configure
from service.settings import Settings

DRAIN_S = 10.0
ORPHAN_DRAIN_S = 1.0
STDIN = 0


def main() -> int:
    """Run the service until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m service", description="The stats service.")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="stop when standard input ends: its owner is gone"
    )
    arguments = parser.parse_args()
    configure(sys.stderr, time.monotonic)
    stdin = STDIN if arguments.until_stdin_closes else None
    try:
        settings = Settings.from_environment(os.environ)
        if settings.workers > 1:
            return _share(settings, stdin)
        return asyncio.run(_serve(App, settings, _announce, stdin))
    except BadConfiguration as error:
        sys.stderr.write(f"service: {error}\n")
        return 2


def _share(settings: Settings, stdin: int | None) -> int:
    """Several processes on one port."""

    def work(own: Settings, member: Member) -> int:
        def ready(_: str) -> None:
            os.write(member.ready, b".")

        return asyncio.run(_serve(partial(App, place=member.place), own, ready, member.owner))

    try:
        return run_crew(settings, work, stdin)
    except OSError as error:
        return _cannot_listen(settings, error)


async def _serve(
    make: Callable[[Settings], App], settings: Settings, ready: Callable[[str], None], owner: int | None
) -> int:
    """Serve until told to stop, or until the descriptor `owner` reaches its end."""
    app = make(settings)
    try:
        address = await app.start()
    except OSError as error:
        return _cannot_listen(settings, error)
    _watch(app, owner)
    ready(address)
    gc.freeze()
    await app.serve()
    return 0


def _announce(address: str) -> None:
    sys.stdout.write(f"listening on {address}\n")
    sys.stdout.flush()


def _cannot_listen(settings: Settings, error: OSError) -> int:
    sys.stderr.write(f"service: cannot listen on {settings.host} port {settings.port}: {error.strerror}\n")
    return 3


def _watch(app: App, owner: int | None) -> None:
    """Ask the service to stop when a signal comes or its owner is gone."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.ask_to_stop, DRAIN_S)
    if owner is None:
        return

    def read_until_end() -> None:
        while os.read(owner, 4096):
            pass
        with suppress(RuntimeError):  # the loop has ended already, for another reason
            loop.call_soon_threadsafe(app.ask_to_stop, ORPHAN_DRAIN_S)

    # A thread, because the event loop cannot watch every kind of file that standard input may be.
    threading.Thread(target=read_until_end, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
