"""Runs a foreign program that must not outlive its owner: `python -m stressdash.stack.warden PROGRAM ...`.

First prints `warden: pid N`. The program gets SIGTERM, and a second later SIGKILL, when the warden's standard
input ends; SIGTERM and SIGINT are passed on. Ends as the program ended: with its exit code, or by its signal.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

__all__ = ["main"]

GRACE_S = 1.0
CANNOT_RUN = 127


def main(command: list[str]) -> int:
    """Run the command to its end and return its exit code."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        return CANNOT_RUN

    def pass_on(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    sys.stdout.write(f"warden: pid {process.pid}\n")
    sys.stdout.flush()
    threading.Thread(target=_end_with_stdin, args=(process,), daemon=True).start()
    code = process.wait()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    return code


def _end_with_stdin(process: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
