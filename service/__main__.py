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

from service.app import App
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
    try:
        settings = Settings.from_environment(os.environ)
        return asyncio.run(_serve(settings, watch_stdin=arguments.until_stdin_closes))
    except BadConfiguration as error:
        sys.stderr.write(f"service: {error}\n")
        return 2


async def _serve(settings: Settings, *, watch_stdin: bool) -> int:
    app = App(settings)
    try:
        address = await app.start()
    except OSError as error:
        sys.stderr.write(
            f"service: cannot listen on {settings.host} port {settings.port}: {error.strerror}\n"
        )
        return 3
    _watch(app, watch_stdin=watch_stdin)
    sys.stdout.write(f"listening on {address}\n")
    sys.stdout.flush()
    gc.freeze()
    await app.serve()
    return 0


def _watch(app: App, *, watch_stdin: bool) -> None:
    """Ask the service to stop when a signal comes or standard input ends."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.ask_to_stop, DRAIN_S)

    def read_until_end() -> None:
        while os.read(STDIN, 4096):
            pass
        loop.call_soon_threadsafe(app.ask_to_stop, ORPHAN_DRAIN_S)

    if watch_stdin:
        # A thread, because the event loop cannot watch every kind of file that standard input may be.
        threading.Thread(target=read_until_end, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
