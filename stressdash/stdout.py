"""The standard streams: results go to stdout, of which the reader may have had enough."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stressdash.errors import BadInput

__all__ = ["replace_closed_streams", "write_stdout", "write_text"]


def replace_closed_streams() -> None:
    """Open what the caller closed, as `>&-` does, on nothing; else the next file would get its descriptor."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 open as long as we run
            setattr(sys, name, nowhere)


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


def write_text(text: str) -> bool:
    """Write text, with escapes for what stdout's encoding lacks; see `write_stdout`."""
    return write_stdout(text.encode(sys.stdout.encoding, "backslashreplace"))
