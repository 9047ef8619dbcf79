"""`stressdash init`: a scenario file to start from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stressdash.commands import command_parser
from stressdash.errors import UsageError
from stressdash.flags import Parser
from stressdash.stdout import write_text

__all__ = ["parser", "run"]


def parser() -> Parser:
    """Flags of `stressdash init`."""
    made = command_parser("init")
    add = made.add_argument
    add("file", metavar="FILE", nargs="?", default="scenario.toml", help="scenario.toml, or - for stdout")
    add("--force", action="store_true", help="write over a file that is there")
    add("--schema", action="store_true", help="print the JSON schema of scenario files instead")
    return made


def run(words: Sequence[str]) -> int:
    """Write the file and say what to do with it."""
    options = parser().parse_all(words)

    from stressdash.scenario.schema import SHIPPED, TEMPLATE
    from stressdash.session.export import check_writable, write_file

    if options.schema:
        write_text(SHIPPED.read_text("utf-8"))
        return 0
    text = TEMPLATE.read_text("utf-8")
    if options.file == "-":
        write_text(text)
        return 0
    path = Path(options.file)
    if path.exists() and not options.force:
        raise UsageError(f"{options.file} is there already; give another name, or --force to write over it")
    check_writable(path)
    write_file(path, text.encode())
    write_text(f"wrote {options.file}; edit it, then: stressdash run {options.file}\n")
    return 0
