"""A foreign server that outlived its warden: both it and the supervisor must have been killed at once."""

from __future__ import annotations

from pathlib import Path

import psutil

__all__ = ["end_orphan", "orphan_of"]

PATIENCE_S = 5.0
WARDEN = "stressdash.stack.warden"


def orphan_of(pid_file: Path, data: Path) -> psutil.Process | None:
    """The server that a pid file names, if it really is one on this data and nobody watches it any more."""
    try:
        process = psutil.Process(int(pid_file.read_text()))
        ours = any(str(data) in argument for argument in process.cmdline())
        parent = process.parent()
        watched = parent is not None and WARDEN in parent.cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    return process if ours and not watched else None


def end_orphan(pid_file: Path, data: Path) -> bool:
    """End such a server. Blocks for up to `PATIENCE_S`, then kills. Tells whether there was one."""
    process = orphan_of(pid_file, data)
    if process is None:
        return False
    try:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE_S)
    except psutil.Error:
        return False
    return True
