"""The machine itself: Python, processors, limits of the system, the state folder, the terminal."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from stressdash.doctor.finding import Finding, Level
from stressdash.errors import StackError
from stressdash.load.kernel import backlog_limit, local_ports
from stressdash.stack.folder import StateFolder
from stressdash.text import byte_size

__all__ = ["check_folder", "check_limits", "check_python", "check_terminal"]

OLDEST: Final = (3, 11)
FEW_DESCRIPTORS: Final = 1_024
"""Below it not even the bundled acts fit."""
MANY_DESCRIPTORS: Final = 10_200
"""What ten thousand connections of one worker need."""
FEW_PORTS: Final = 10_000
SMALL_BACKLOG: Final = 1_024
LITTLE_SPACE: Final = 500 * 2**20
SMALLEST: Final = (60, 16)
COMFORTABLE: Final = (80, 24)


def check_python() -> Iterator[Finding]:
    """The interpreter and the processors."""
    version = platform.python_version()
    level = Level.OK if sys.version_info >= OLDEST else Level.BAD
    remedy = "" if level is Level.OK else "install Python 3.11 or newer"
    yield Finding("python", level, f"{platform.python_implementation()} {version} ({sys.executable})", remedy)
    cores = os.cpu_count() or 1
    memory = byte_size(psutil.virtual_memory().total)
    shared = "generator and stack share them; the report tells how much that taints"
    yield Finding("processors", Level.OK, f"{cores} cores, {memory} of memory; {shared}")


def check_limits() -> Iterator[Finding]:
    """What bounds the number of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = "any number of" if hard == resource.RLIM_INFINITY else f"{hard:,}"
    infinite = hard == resource.RLIM_INFINITY
    enough, some = infinite or hard >= MANY_DESCRIPTORS, infinite or hard >= FEW_DESCRIPTORS
    level = Level.OK if enough else Level.NOTE if some else Level.BAD
    remedy = (
        "" if enough else f"raise the hard limit to {MANY_DESCRIPTORS:,} for 10,000 connections (ulimit -Hn)"
    )
    yield Finding("open files", level, f"{most} per process, {soft:,} without asking; workers ask", remedy)
    if (ports := local_ports()) is not None:
        few = ports < FEW_PORTS
        remedy = "sysctl net.ipv4.ip_local_port_range='1024 65535'" if few else ""
        text = f"{ports:,} local ports; the stack's own are chosen free"
        yield Finding("ports", Level.NOTE if few else Level.OK, text, remedy)
    if (backlog := backlog_limit()) is not None:
        small = backlog < SMALL_BACKLOG
        remedy = f"sysctl net.core.somaxconn={4 * SMALL_BACKLOG}" if small else ""
        text = f"{backlog:,} connections may wait to be accepted (net.core.somaxconn)"
        yield Finding("backlog", Level.NOTE if small else Level.OK, text, remedy)


def check_folder(path: Path) -> Iterator[Finding]:
    """The state folder: rights and room. It is made, as every start would."""
    try:
        StateFolder(path).make()
    except StackError as error:
        yield Finding("state folder", Level.BAD, str(error), "name another one by --state")
        return
    mode = path.stat().st_mode & 0o777
    open_to = "its owner only" if mode & 0o077 == 0 else f"others, too (mode {mode:o})"
    remedy = "" if mode & 0o077 == 0 else f"chmod 700 {path}"
    yield Finding("state folder", Level.NOTE if remedy else Level.OK, f"{path}, open to {open_to}", remedy)
    free = shutil.disk_usage(path).free
    level = Level.OK if free >= LITTLE_SPACE else Level.NOTE
    remedy = "" if level is Level.OK else "make room, or name another folder by --state"
    yield Finding("disk", level, f"{byte_size(free)} free there", remedy)


def check_terminal() -> Iterator[Finding]:
    """Whether the dashboard can be shown, and how well. `run` needs none of it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        remedy = "the dashboard needs one; 'stressdash run' does not"
        yield Finding("terminal", Level.NOTE, "standard input or output is none", remedy)
        return
    size = shutil.get_terminal_size()
    small = size.columns < SMALLEST[0] or size.lines < SMALLEST[1]
    tight = size.columns < COMFORTABLE[0] or size.lines < COMFORTABLE[1]
    wish = "enlarge it to {}x{}".format(*(SMALLEST if small else COMFORTABLE))
    level = Level.BAD if small else Level.NOTE if tight else Level.OK
    yield Finding("terminal", level, f"{size.columns}x{size.lines}", wish if tight else "")
    yield _colours()
    encoding = (sys.stdout.encoding or "").lower()
    utf8 = encoding.replace("-", "") == "utf8"
    remedy = "" if utf8 else "set LANG=C.UTF-8; or choose ASCII charts with B"
    yield Finding("characters", Level.OK if utf8 else Level.NOTE, encoding or "unknown", remedy)


def _colours() -> Finding:
    term = os.environ.get("TERM", "")
    if "NO_COLOR" in os.environ:
        return Finding("colours", Level.OK, "the terminal's own, because NO_COLOR is set")
    if os.environ.get("COLORTERM") in ("truecolor", "24bit"):
        return Finding("colours", Level.OK, "16 million")
    if "256" in term:
        return Finding("colours", Level.OK, "256; themes are matched to them")
    remedy = "set COLORTERM=truecolor if it can do more, or NO_COLOR=1"
    return Finding("colours", Level.NOTE, f"few (TERM={term or 'not set'})", remedy)
