"""Gives the terminal back, however the dashboard ends.

The dashboard runs in a forked child; the parent does nothing but wait for it. A child that ends by itself has
restored the terminal; one that was killed has not, so the parent does. When the parent is killed, the child
sees its pipe close and leaves in good order.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Final

__all__ = ["guarded"]

RESTORE: Final = (
    "\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?1004l\x1b[<u\x1b[?25h\x1b[?1049l\x1b[0m"
)
"""Mouse, paste and focus reports off, keyboard protocol back, cursor on, main screen, plain colours."""

FORWARDED: Final = (signal.SIGTERM, signal.SIGHUP)
AWAITED: Final = (*FORWARDED, signal.SIGCHLD)


def guarded(dashboard: Callable[[int], int]) -> int:
    """Run the dashboard in a child that this process outlives; returns its exit code.

    Args:
        dashboard: Gets a descriptor that reaches its end when the guard dies, and returns an exit code.
    """
    saved = termios.tcgetattr(sys.stdin)
    alive_read, alive_write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    unheld = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, *AWAITED))
    child = os.fork()
    if child == 0:
        os.close(alive_write)
        code = 1
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, unheld)
            code = dashboard(alive_read)
        except KeyboardInterrupt:  # there was no screen yet to hear the key
            code = 128 + signal.SIGINT
        except BaseException:  # noqa: BLE001 nothing may unwind into the parent's frames
            sys.excepthook(*sys.exc_info())
        finally:
            with suppress(OSError):  # the terminal may be gone
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
    os.close(alive_read)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status = _wait(child)
    if not os.WIFSIGNALED(status):
        return os.waitstatus_to_exitcode(status)
    termios.tcsetattr(sys.stdin, termios.TCSANOW, saved)
    sys.stdout.write(RESTORE)
    sys.stdout.flush()
    killed_by = os.WTERMSIG(status)
    sys.stderr.write(
        f"stressdash: the dashboard was killed by {signal.Signals(killed_by).name}; "
        "its load and its processes have ended with it\n"
    )
    return 128 + killed_by


def _wait(child: int) -> int:
    """Status of the child's end; stops with it when it is suspended, and hands signals on to it.

    They are held and taken one by one: a handler would come too late for a wait that has just begun.
    """
    while True:
        changed, status = os.waitpid(child, os.WUNTRACED | os.WNOHANG)
        if not changed:
            if (number := signal.sigwait(AWAITED)) in FORWARDED:
                os.kill(child, number)
        elif os.WIFSTOPPED(status):
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            return status
