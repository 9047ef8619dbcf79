"""Writing results to stdout, of which the reader may have had enough."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stressdash.errors import BadInput

__all__ = ["write_stdout"]


def write_stdout(data: bytes) -> bool:
    """Write and flush; False when nobody reads any more, which is no error.

    Raises:
        BadInput: stdout takes nothing more, for instance on a full disk.
    """
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        with Path(os.devnull).open("wb") as nowhere:  # or the interpreter tries again when it ends
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise BadInput(f"cannot write to stdout: {error.strerror}") from error
        return False
    return True
