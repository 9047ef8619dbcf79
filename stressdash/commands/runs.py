"""`stressdash runs`: the runs on disk."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stressdash.commands import command_parser
from stressdash.errors import UsageError
from stressdash.flags import Parser, hint_for
from stressdash.stdout import write_text

if TYPE_CHECKING:
    from stressdash.store.runs import RunEntry, RunFolder

__all__ = ["parser", "run"]

USAGE: Final = """\
what can be done:
  list                   all runs, the newest first
  show RUN               what a run has shown
  tag RUN TAG...         add tags, or --remove some; a tagged run is kept
  note RUN TEXT          put words beside a run
  delete RUN...          remove runs for good
  export RUN FILE        write a run as one file
  import FILE...         take in such files

RUN is a number, the start of an id, a tag that only one run has, or 'last'.
"""


def parser() -> Parser:
    """Flags of `stressdash runs`."""
    made = command_parser("runs", USAGE)
    add = made.add_argument
    add("verb", metavar="VERB", nargs="?", default="list", help=f"{', '.join(VERBS)}")
    add("words", metavar="WORD", nargs="*", help="what the verb is about")
    add("--remove", metavar="TAG", action="append", default=[], help="tag: take this tag away")
    add("--yes", action="store_true", help="delete: do not ask")
    add("--json", action="store_true", help="list, show: print it for programs")
    add("--html", metavar="FILE", help="show: write a page that opens in a browser")
    add("--state", metavar="DIR", type=Path, help="folder in which the runs lie")
    return made


def run(words: Sequence[str]) -> int:
    """Do what the verb says."""
    options = parser().parse_all(words)
    if options.verb not in VERBS:
        hint = hint_for(options.verb, VERBS, f"give one of {', '.join(VERBS)}")
        raise UsageError(f"unknown verb {options.verb!r}; {hint}")

    from stressdash.settings import state_to_read
    from stressdash.store.runs import RunFolder

    VERBS[options.verb](RunFolder(state_to_read(options.state)), options)
    return 0


def _list(folder: RunFolder, options: argparse.Namespace) -> None:
    from stressdash.report.runlist import entry_facts, list_text
    from stressdash.wire import to_json

    _words(options, 0, 0, "list")
    entries = folder.entries()
    if options.json:
        write_text(to_json([entry_facts(entry) for entry in entries]).decode() + "\n")
    else:
        write_text(list_text(entries))


def _show(folder: RunFolder, options: argparse.Namespace) -> None:
    from stressdash.report.run_json import to_json
    from stressdash.report.runlist import title_lines
    from stressdash.report.stored import settled_report, stored_page
    from stressdash.report.summary import summary
    from stressdash.session.export import write_file

    entry = folder.find(_words(options, 1, 1, "show RUN")[0])
    if options.html is not None:
        write_file(Path(options.html), stored_page(entry).encode())
        _tell(f"written to {options.html}")
        return
    report = settled_report(entry)
    write_text(to_json(report).decode() if options.json else title_lines(entry) + summary(report))


def _tag(folder: RunFolder, options: argparse.Namespace) -> None:
    from stressdash.store.upkeep import change_tags

    most = None if not options.remove else 1
    name, *tags = _words(options, 1, most, "tag RUN TAG..., or tag RUN --remove TAG")
    if not tags and not options.remove:
        raise UsageError("no tag was given: runs tag RUN TAG...")
    entry = change_tags(folder.find(name), tags, options.remove)
    _tell(f"run {entry.name} has the tags {', '.join(entry.tags) or '(none)'}")


def _note(folder: RunFolder, options: argparse.Namespace) -> None:
    from stressdash.store.upkeep import write_note

    name, *text = _words(options, 1, None, "note RUN TEXT")
    entry = write_note(folder.find(name), " ".join(text))
    _tell(f"run {entry.name} has a note" if entry.note else f"run {entry.name} has no note any more")


def _delete(folder: RunFolder, options: argparse.Namespace) -> None:
    from stressdash.store.upkeep import delete_run

    entries = [folder.find(name) for name in _words(options, 1, None, "delete RUN...")]
    if not options.yes and not _agrees(entries):
        raise UsageError("nothing was deleted; --yes deletes without asking")
    for entry in entries:
        delete_run(entry)
        _tell(f"deleted run {entry.name}")


def _export(folder: RunFolder, options: argparse.Namespace) -> None:
    from stressdash.store.upkeep import export_run

    name, file = _words(options, 2, 2, "export RUN FILE")
    entry = folder.find(name)
    export_run(entry, Path(file))
    _tell(f"run {entry.name} is in {file}")


def _import(folder: RunFolder, options: argparse.Namespace) -> None:
    from stressdash.store.upkeep import import_run

    for file in _words(options, 1, None, "import FILE..."):
        _tell(f"{file} is run {import_run(folder, Path(file)).name}")


def _words(options: argparse.Namespace, least: int, most: int | None, usage: str) -> list[str]:
    words: list[str] = options.words
    if len(words) < least or (most is not None and len(words) > most):
        raise UsageError(f"this verb is used as: stressdash runs {usage}")
    return words


def _agrees(entries: Sequence[RunEntry]) -> bool:
    """Ask on a terminal; elsewhere nobody can agree."""
    if not sys.stdin.isatty():
        return False
    names = ", ".join(entry.name for entry in entries)
    sys.stderr.write(f"Delete run{'s' if len(entries) > 1 else ''} {names} for good? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _tell(text: str) -> None:
    from stressdash.text import escape

    sys.stderr.write(f"{escape(text, 400)}\n")


VERBS: Final[dict[str, Callable[[RunFolder, argparse.Namespace], None]]] = {
    "list": _list,
    "show": _show,
    "tag": _tag,
    "note": _note,
    "delete": _delete,
    "export": _export,
    "import": _import,
}
