"""Runs a foreign program that must not outlive its owner: `python -m stressdash.stack.warden PROGRAM ...`.

First prints `warden: pid N`. The program gets SIGTERM, and a second later SIGKILL, when the warden's standard
input ends; SIGTERM and SIGINT are passed on. Ends as the program ended: with its exit code, or by its signal.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import Final

__all__ = ["main"]

GRACE_S = 1.0
CANNOT_RUN = 127
PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT)
STDIN: Final = 0
READ_BYTES: Final = 4096


def main(command: list[str]) -> int:
    """Run the command to its end and return its exit code."""
    signals = _signals()
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        return CANNOT_RUN
    sys.stdout.write(f"warden: pid {process.pid}\n")
    sys.stdout.flush()
    while process.poll() is None:
        ready, _, _ = select.select((signals, STDIN), (), ())
        if signals in ready:
            for number in os.read(signals, READ_BYTES):
                if number in PASSED_ON:
                    process.send_signal(number)
        if STDIN in ready and not os.read(STDIN, READ_BYTES):
            _end(process)
    code: int = process.returncode
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    return code


def _signals() -> int:
    """Where every signal from now on can be read as a byte.

    A handler would be lost on a `wait` that has just begun: Python runs handlers between its own steps only.
    """
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    for number in (*PASSED_ON, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return told


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
