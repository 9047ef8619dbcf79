"""A foreign server that outlived its warden: both it and the supervisor must have been killed at once."""

from __future__ import annotations

from pathlib import Path

import psutil

__all__ = ["end_orphan"]

PATIENCE_S = 5.0
WARDEN = "stressdash.stack.warden"


def end_orphan(pid_file: Path, data: Path) -> bool:
    """End the server that a pid file names, if it really is one on this data and nobody watches it any more.

    Blocks for up to `PATIENCE_S`, then kills. Tells whether there was one.
    """
    try:
        process = psutil.Process(int(pid_file.read_text()))
        ours = any(str(data) in argument for argument in process.cmdline())
        parent = process.parent()
        watched = parent is not None and WARDEN in parent.cmdline()
        if not ours or watched:
            return False
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE_S)
    except (OSError, ValueError, psutil.Error):
        return False
    return True
