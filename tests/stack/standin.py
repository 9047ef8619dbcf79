"""A stand-in for a component: listens, says so, and misbehaves as its flags say."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--diary", type=Path, help="gets a line at an orderly end")
    parser.add_argument("--fail", help="say this and end at once")
    parser.add_argument("--mute", action="store_true", help="never say that it is ready")
    parser.add_argument("--stubborn", action="store_true", help="ignore SIGTERM and the end of stdin")
    parser.add_argument("--foreign", action="store_true", help="do not watch standard input")
    parser.add_argument("--lines", type=int, default=0, help="talk a lot before it is ready")
    parser.add_argument("--flood", type=int, default=0, help="so many lines of junk once it is ready")
    options = parser.parse_args()
    if options.fail is not None:
        sys.stderr.write(f"first words\n{options.fail}\n\n")
        return 3
    if options.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: end(options, "signal"))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", options.port))
    except OSError as error:
        sys.stderr.write(f"cannot listen on port {options.port}: {error.strerror}\n")
        return 3
    listener.listen()
    for number in range(options.lines):
        sys.stdout.write(f"line {number}\n")
    sys.stdout.write(f"secret from the environment: {len(os.environ.get('STANDIN_SECRET', ''))} letters\n")
    if not options.mute:
        sys.stdout.write(f"ready on 127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    for _ in range(0, options.flood, 1_000):
        sys.stdout.buffer.write(b"\x1b[31m\x00\xff\x9b2J \xe2\x80\xae junk\r\n" * 1_000)
    sys.stdout.buffer.flush()
    while not options.foreign and os.read(0, 100):
        pass
    while options.stubborn or options.foreign:
        signal.pause()
    end(options, "stdin")
    return 0


def end(options: argparse.Namespace, why: str) -> None:
    if options.diary is not None:
        with options.diary.open("a") as diary:
            diary.write(f"{options.name} {why}\n")
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
