"""A load worker: the child process `python -m stressdash.load.worker LINK [LEDGER]`.

Its arguments are numbers of inherited descriptors: the link to its parent, and the file for its part of the
ledger. Everything else comes over the link, so nothing of a plan shows in a process list. It ends with the
run, and at once when its parent is gone.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import sys

from stressdash.errors import UsageError
from stressdash.load.control import Assignment, Command, Link, ParentGone, Report
from stressdash.load.ledger import map_page_file
from stressdash.load.scripted import make_conductor

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Run one worker; the exit code is 0 when it ended, also by a broken script, 1 without a parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    link = Link(socket.socket(fileno=int(arguments[0])))
    codes = map_page_file(int(arguments[1])) if len(arguments) > 1 else None
    raise_descriptor_limit()
    try:
        conductor = make_conductor(link.wait(Assignment), link, codes)
        link.report(Report("ready"))
        start: Command = link.wait(Command)
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        if start.verb == "start":
            conductor.run(start.at_ns, start.end_ns)
            link.flush()
    except ParentGone:
        return 1
    except UsageError as error:
        link.report(Report("failed", reason=str(error)))
        link.flush()
    return 0


def raise_descriptor_limit() -> None:
    """Let the process open as many descriptors as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # nothing is left to tidy, and thousands of sockets close faster this way
