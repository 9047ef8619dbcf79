"""A wrk script as part of a plan: its text, where it came from, and its arguments; it is run elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stressdash.errors import BadInput

__all__ = ["Plain", "Script", "read_script"]

LONGEST: Final = 8 << 20

Plain = Any
"""What crosses from one state to another: None, bool, numbers, bytes, and tables as lists of [key, value]."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that was read once, so that every worker runs the same."""

    path: str
    """As the user gave it; what complaints name."""
    text: bytes
    arguments: tuple[str, ...] = ()


def read_script(path: Path, arguments: tuple[str, ...] = ()) -> Script:
    """The script in a file.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        if path.stat().st_size > LONGEST:
            raise BadInput(
                f"the script {str(path)!r} is longer than {LONGEST >> 20} MiB; read data with io.open"
            )
        return Script(str(path), path.read_bytes(), arguments)
    except OSError as error:
        raise BadInput(f"cannot read the script {str(path)!r}: {error.strerror}") from error
