"""Writes a run's JSON: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from stressdash.errors import BadInput
from stressdash.report.run_json import RunReport, to_json

__all__ = ["append_file", "check_writable", "write_file", "write_report"]


def write_report(report: RunReport, folder: Path) -> Path:
    """Write the report into a folder of exports and return its path.

    Raises:
        BadInput: the folder cannot be written to.
    """
    name = f"{report.started[:19].replace(':', '')}-{report.scenario or 'run'}-{report.run_id[:8]}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot write to {str(folder)!r}: {error.strerror}") from error
    path = folder / name
    write_file(path, to_json(report))
    return path


def write_file(path: Path, data: bytes) -> None:
    """Put data under a name in one step, so that a full disk leaves what was there before.

    Raises:
        BadInput: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadInput(f"cannot write {str(path)!r}: {error.strerror}") from error


def append_file(path: Path, data: bytes) -> None:
    """Add data to the end of a file, which is made if need be.

    Raises:
        BadInput: it cannot be written.
    """
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise BadInput(f"cannot write {str(path)!r}: {error.strerror}") from error


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before the work that fills it.

    Raises:
        BadInput: its folder lacks, or may not be written to.
    """
    if path.is_dir():
        raise BadInput(f"cannot write {str(path)!r}: it is a folder")
    folder = path.parent
    if not folder.is_dir():
        raise BadInput(f"cannot write {str(path)!r}: there is no folder {str(folder)!r}")
    if not os.access(folder, os.W_OK):
        raise BadInput(f"cannot write {str(path)!r}: no permission in {str(folder)!r}")
