"""Reports by what people call them: JSON files, or runs on disk by number, id, tag or `last`."""

from __future__ import annotations

from pathlib import Path

from stressdash.errors import BadInput
from stressdash.report.run_json import RunReport, load
from stressdash.report.stored import settled_report
from stressdash.store.runs import RunFolder

__all__ = ["read_reports"]


def read_reports(names: str, state: Path) -> tuple[RunReport, ...]:
    """Reports of one setting, from a comma-separated list of files and runs; a tag may stand for several.

    Raises:
        BadInput: a file cannot be read, or is no report.
        UsageError: there is no such run.
        StoreError: a run cannot be read.
    """
    folder = RunFolder(state)
    return tuple(report for name in names.split(",") for report in _read(name.strip(), folder))


def _read(name: str, folder: RunFolder) -> tuple[RunReport, ...]:
    path = Path(name)
    if path.is_file() or "/" in name or name.endswith(".json"):
        return (_from_file(path),)
    if tagged := [entry for entry in folder.entries() if name in entry.tags]:
        return tuple(map(settled_report, sorted(tagged, key=lambda entry: entry.number)))
    return (settled_report(folder.find(name)),)


def _from_file(path: Path) -> RunReport:
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise BadInput(f"cannot read report {str(path)!r}: {error.strerror}") from error
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
