"""Writes docs/reference.md and the schema of scenarios from the program; `--check` fails when they differ."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from stressdash.cli import dashboard_parser
from stressdash.commands import COMMANDS, EXIT_CODES, load_command
from stressdash.flags import Parser, add_load_flags
from stressdash.scenario.schema import SHIPPED, schema_text
from stressdash.settings import ENVIRONMENT
from stressdash.stack.knobs import EVERY_KNOB
from stressdash.tui.keys import key_markdown

FILE = Path(__file__).with_name("reference.md")

LIMITS = {
    "runs_size_mib": (
        "MiB that recorded runs may take together (default: 4096); the oldest without a tag go first"
    ),
    "runs_age_days": "days that recorded runs without a tag are kept (default: 180)",
}
"""What variables set that have no flag."""

CREDENTIALS = (
    ("STRESSDASH_STATE", "folder for databases, logs and sockets"),
    (
        "STRESSDASH_CONFIG",
        "folder for `elasticsearch.toml`, `docker-compose.override.yml` and themes of your own",
    ),
    ("STRESSDASH_ES_API_KEY", "API key for `--elasticsearch`, and for `--forward`"),
    ("STRESSDASH_ES_USER, STRESSDASH_ES_PASSWORD", "or a user (default `elastic`) and a password"),
    ("STRESSDASH_ES_BEARER", "or a bearer token"),
    ("STRESSDASH_ES_CA, STRESSDASH_ES_FINGERPRINT", "CA file or certificate fingerprint to trust"),
    (
        "STRESSDASH_ES_FILE",
        "file with these for each address (`elasticsearch.toml` in the configuration folder)",
    ),
    ("STRESSDASH_SERVICE_TOKEN", "token of the admin endpoint of a service at `--target`, if it is ours"),
    ("NO_COLOR", "the dashboard uses the terminal's own colours, and letters beside them"),
)


def main() -> int:
    made = {FILE: reference(), SHIPPED: schema_text()}
    if sys.argv[1:] != ["--check"]:
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path.name for path, text in made.items() if path.read_text(encoding="utf-8") != text]
    if not stale:
        return 0
    sys.stderr.write(f"{' and '.join(stale)} out of date; run python docs/reference.py\n")
    return 1


def reference() -> str:
    """The whole page."""
    parsers = [dashboard_parser(), *(load_command(name).parser() for name in COMMANDS)]
    shared = Parser(add_help=False)
    add_load_flags(shared)
    of_runs = {option for action in shared._actions for option in action.option_strings}  # noqa: SLF001
    parts = ["# Reference\n\nMade from the program by `python docs/reference.py`; a test keeps it true.\n"]
    parts += [_command(parser, of_runs) for parser in parsers]
    parts.append("## Flags of a run\n\nThose of `stressdash`, `run`, `tour`, `experiment` and `knee`.\n")
    parts += _groups(shared)
    parts.append(f"## Exit codes\n\n{_verbatim(EXIT_CODES)}")
    parts.append("Where a command has others, they stand with it.\n")
    parts.append("## Environment\n\n" + _environment())
    parts.append("## Knobs\n\n" + _knobs())
    parts.append("## Keys\n\n" + key_markdown().strip() + "\n")
    return "\n".join(parts)


def _command(parser: Parser, of_runs: set[str]) -> str:
    """A command with its own flags; those of a run have a chapter of their own."""
    actions = [action for action in parser._actions if action.dest != "help"]  # noqa: SLF001 there is no other way
    loads = of_runs <= {option for action in actions for option in action.option_strings}
    own = [action for action in actions if not (loads and of_runs.intersection(action.option_strings))]
    about = (parser.description or "").partition("\n")[0]
    told = f"## `{parser.prog}`\n\n{about}\n"
    if own:
        told += f"\n{_table(own)}"
    if loads:
        told += "\nAnd the [flags of a run](#flags-of-a-run).\n"
    if parser.epilog not in (None, EXIT_CODES):
        told += f"\n{_verbatim(parser.epilog)}"
    return told


def _groups(parser: Parser) -> Iterator[str]:
    for group in parser._action_groups:  # noqa: SLF001 as above
        if group._group_actions and group.title:  # noqa: SLF001
            yield f"### {group.title[0].upper()}{group.title[1:]}\n\n{_table(group._group_actions)}"  # noqa: SLF001


def _table(actions: Sequence[argparse.Action]) -> str:
    rows = ["| flag | what it does |", "|---|---|"]
    for action in actions:
        if action.help == argparse.SUPPRESS:
            continue
        name = ", ".join(action.option_strings) or str(action.metavar)
        value = f" {action.metavar}" if action.option_strings and action.metavar else ""
        told = (action.help or "").replace("%%", "%").replace("|", "\\|")
        flag = f"{name}{value}".replace("|", "\\|")
        rows.append(f"| `{flag}` | {told} |")
    return "\n".join(rows) + "\n"


def _verbatim(text: str) -> str:
    return f"```text\n{text.strip()}\n```\n"


def _environment() -> str:
    rows = ["| variable | what it sets |", "|---|---|"]
    rows += [
        f"| `{name}` | {LIMITS.get(setting) or f'the flag `--{_flag(setting)}`'} |"
        for name, setting in ENVIRONMENT.items()
    ]
    rows += [f"| `{name}` | {what} |" for name, what in CREDENTIALS]
    return "\n".join(rows) + "\n"


def _flag(setting: str) -> str:
    return setting.removesuffix("_s").replace("_", "-")


def _knobs() -> str:
    rows = ["| knob | applies | what it does |", "|---|---|---|"]
    rows += [
        f"| `{knob.name}` | {knob.applies} | {knob.help} |" for knob in (spec.shown for spec in EVERY_KNOB)
    ]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main())
