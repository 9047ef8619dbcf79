"""The documents tell the truth: what they name exists, and what they quote is said."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from stressdash.cli import dashboard_parser
from stressdash.commands import COMMANDS, EXIT_CODES, load_command
from stressdash.flags import Parser, settings_of
from stressdash.metrics.stoprules import parse_stop_rule
from stressdash.metrics.thresholds import parse_threshold, parse_thresholds
from stressdash.metrics.verdict import Status
from stressdash.report.comparison import parse_limit
from stressdash.scenario import find_scenario
from stressdash.scenario.schema import TEMPLATE
from stressdash.settings import ENVIRONMENT
from stressdash.tui.keys import KEYS

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

OTHERS_FLAGS = {"--profile", "--snapshot-update"}  # of docker compose and of pytest
READ = {
    "load.toml": TEMPLATE.read_text(),
    "item.json": '{"id": 1}',
    "users.csv": "name\nada\n",
    "key.txt": "secret",
    "script.lua": "wrk.method = 'POST'\n",
}
"""Files that commands of the documents read, as their readers would have them."""


def blocks(text: str, language: str) -> Iterator[str]:
    return (block for found, block in FENCE.findall(text) if found == language)


def prose(text: str) -> str:
    """A document without its blocks."""
    return FENCE.sub("", text)


def understand(words: list[str], parsers: dict[str, Parser]) -> None:
    """Read a command line as the program does, up to where it would begin its work."""
    name, rest = (words[0], words[1:]) if words and words[0] in COMMANDS else ("", words)
    options = parsers[name].parse_all(rest)
    if "stop_when" in options:
        said = vars(options)
        options.target = said.get("target") or said.get("scenario") or "act1"
        settings_of(options)
    for text in vars(options).get("threshold", ()):
        parse_threshold(text)
    for text in vars(options).get("fail_on_regression", ()):
        parse_limit(text)
    if objective := vars(options).get("objective"):
        parse_thresholds(objective)


@pytest.fixture(scope="module")
def lines(documents: dict[str, str]) -> list[list[str]]:
    """Words of each command in a shell block of a document, comments dropped."""
    return [
        words
        for text in documents.values()
        for block in blocks(text, "sh")
        for line in block.splitlines()
        if (words := shlex.split(line, comments=True))
    ]


@pytest.fixture(scope="module")
def parsers() -> dict[str, Parser]:
    return {"": dashboard_parser(), **{name: load_command(name).parser() for name in COMMANDS}}


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's folder, with the files and variables that the documents take for granted."""
    for name, text in READ.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "secret")
    return tmp_path


class TestCommands:
    def test_each_make_target_that_a_document_names_exists(
        self, root: Path, documents: dict[str, str], lines: list[list[str]]
    ) -> None:
        targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
        named = {words[1] for words in lines if words[0] == "make"}
        named |= {name for text in documents.values() for name in re.findall(r"`make ([a-z]+)`", text)}
        assert {"run", "test", "check", "bench"} <= named <= targets

    @pytest.mark.usefixtures("reader")
    def test_each_stressdash_command_of_a_document_is_understood(
        self, lines: list[list[str]], parsers: dict[str, Parser]
    ) -> None:
        commands = [words[1:] for words in lines if words[0] == "stressdash"]
        assert len(commands) >= 20
        for words in commands:
            understand(words, parsers)

    @pytest.mark.usefixtures("reader")
    def test_so_is_each_one_that_stands_in_a_sentence(
        self, documents: dict[str, str], parsers: dict[str, Parser]
    ) -> None:
        """Where a word in capitals stands for something, only the command's name can be."""
        commands = [
            shlex.split(code.replace("\\|", "|"))[1:]
            for text in documents.values()
            for code in CODE.findall(prose(text))
            if code.startswith("stressdash ")
        ]
        assert not [words for words in commands if words[0][0] != "-" and words[0] not in COMMANDS]
        whole = [words for words in commands if not any(re.search("[A-Z]{3}", word) for word in words)]
        flagged = [words for words in whole if len(words) > 1]
        assert len(flagged) >= 8
        for words in flagged:
            understand(words, parsers)

    def test_no_other_program_is_needed_for_what_a_block_shows(self, lines: list[list[str]]) -> None:
        assert {words[0] for words in lines} == {"make", "stressdash", "export", "grep"}


class TestHelp:
    def test_fits_a_terminal_of_eighty_columns(
        self, parsers: dict[str, Parser], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        helps = {name: parser.format_help().splitlines() for name, parser in parsers.items()}
        wide = [f"{name}: {line}" for name, lines in helps.items() for line in lines if len(line) > 80]
        assert not wide


class TestFlags:
    def test_each_flag_that_a_document_names_exists(
        self, documents: dict[str, str], parsers: dict[str, Parser]
    ) -> None:
        actions = (action for parser in parsers.values() for action in parser._actions)
        known = {option for action in actions for option in action.option_strings} | OTHERS_FLAGS
        unknown = [
            f"{name}: {flag}"
            for name, text in documents.items()
            if "adr/" not in name  # pip's and npm's flags have their reasons there
            for code in CODE.findall(prose(text))
            for flag in FLAG.findall(code)
            if flag not in known
        ]
        assert not unknown

    def test_each_variable_that_a_document_names_is_read(self, root: Path, documents: dict[str, str]) -> None:
        sources = "".join(path.read_text() for path in (root / "stressdash").rglob("*.py"))
        read = {*re.findall(r"\bSTRESSDASH_[A-Z_]*[A-Z]\b", sources), *ENVIRONMENT}
        named = {
            name for text in documents.values() for name in re.findall(r"\bSTRESSDASH_[A-Z_]*[A-Z]\b", text)
        }
        assert len(named) > 10
        assert named <= read


class TestKeys:
    NO_KEYS = frozenset({"_", "-"})
    """An underscore, and the dash that stands for stdout."""

    def test_each_key_that_a_document_names_does_something(self, documents: dict[str, str]) -> None:
        known = {name for key in KEYS for name in (*key.shown.split(), key.shown)} | {"enter"}
        named = {
            code
            for name, text in documents.items()
            if "adr/" not in name
            for code in CODE.findall(prose(text))
            if len(code) == 1 or code in {"enter", "space", "esc", "tab"}
        }
        assert {"s", "+", "?", "q", "enter"} <= named
        assert named - self.NO_KEYS <= known


class TestExitCodes:
    CODES = re.compile(r"^  (\d+) ", re.MULTILINE)
    ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)

    def test_those_of_the_readme_are_those_of_the_command_line(self, documents: dict[str, str]) -> None:
        assert self.ROW.findall(documents["README.md"]) == self.CODES.findall(EXIT_CODES)

    @pytest.mark.parametrize("page", ["docs/ci.md", "docs/troubleshooting.md"])
    def test_pages_that_say_what_to_do_know_all_of_them(self, page: str, documents: dict[str, str]) -> None:
        assert {*self.CODES.findall(EXIT_CODES)} - {"0"} <= {*self.ROW.findall(documents[page])}

    def test_verdicts_are_told_with_theirs(self, documents: dict[str, str]) -> None:
        told = dict(re.findall(r"^\| (\w+) \| (\d+) \|", documents["docs/results.md"], re.MULTILINE))
        assert told == {str(status): str(status.exit_code) for status in Status}


class TestExamples:
    def test_each_threshold_on_the_page_on_ci_can_be_read(self, documents: dict[str, str]) -> None:
        thresholds = re.findall(r"^\| `([^`]+)` \| ", documents["docs/ci.md"], re.MULTILINE)
        assert len(thresholds) >= 6
        for text in thresholds:
            parse_threshold(text)

    def test_each_stop_rule_in_a_document_can_be_read(self, documents: dict[str, str]) -> None:
        rules = [rule for text in documents.values() for rule in re.findall(r"--stop-when '([^']+)'", text)]
        assert rules
        for rule in rules:
            parse_stop_rule(rule)

    def test_each_piece_of_a_scenario_in_a_document_is_one(
        self, documents: dict[str, str], reader: Path
    ) -> None:
        """With a request, which pieces leave out."""
        pieces = [piece for text in documents.values() for piece in blocks(text, "toml")]
        scenarios = [piece for piece in pieces if tomllib.loads(piece).keys() <= {"target", "load"}]
        assert scenarios
        for piece in scenarios:
            (reader / "piece.toml").write_text(f'title = "a piece"\n{piece}\n[[request]]\npath = "/"\n')
            find_scenario(str(reader / "piece.toml"))


class TestMessages:
    FAULT = re.compile(r"(?:connect|timeout|read|protocol|tls|http) ")

    def test_each_message_on_the_page_on_trouble_is_one_of_the_program(
        self, root: Path, documents: dict[str, str]
    ) -> None:
        """The first column quotes, so each stands in a string of the sources, perhaps over two lines."""
        paths = [*(root / "stressdash").rglob("*.py"), root / "Makefile"]
        sources = "".join(re.sub(r'"\s*\n\s*f?"', "", path.read_text()) for path in paths)
        quoted = re.findall(r"^\| `([^`]{10,})` \| ", documents["docs/troubleshooting.md"], re.MULTILINE)
        messages = [text for text in quoted if not self.FAULT.match(text)]
        assert len(messages) >= 12
        assert not [text for text in messages if text not in sources]

    def test_each_reason_to_be_void_is_told_as_the_program_tells_it(
        self, root: Path, documents: dict[str, str]
    ) -> None:
        """The last row stands for what components and workers said when they ended."""
        sources = (root / "stressdash" / "metrics" / "verdict.py").read_text()
        chapter = documents["docs/results.md"].partition("\n## Void\n")[2].partition("\n## ")[0]
        *told, _ = re.findall(r"^\| ([a-z][^|]+) \|", chapter, re.MULTILINE)[1:]
        assert len(told) == 4
        assert not [part for words in told for part in words.split(" … ") if part not in sources]


class TestDocker:
    def test_each_variable_of_the_page_is_one_of_the_compose_file(
        self, root: Path, documents: dict[str, str]
    ) -> None:
        named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", documents["docs/docker.md"]))
        compose = set(re.findall(r"\$\{([A-Z_]+)", (root / "docker-compose.yml").read_text()))
        assert named <= compose
        assert {name for name in compose if name.endswith(("_IMAGE", "_PORT"))} <= named


class TestLinks:
    def test_each_relative_link_leads_somewhere(self, root: Path, documents: dict[str, str]) -> None:
        dead = [
            f"{name}: {target}"
            for name, text in documents.items()
            for target in LINK.findall(text)
            if "://" not in target and not leads(root / name, target)
        ]
        assert not dead

    def test_each_picture_is_shown_and_drawn_by_the_script(
        self, root: Path, documents: dict[str, str]
    ) -> None:
        pictures = {path.stem for path in (root / "docs" / "images").iterdir()}
        shown = {name for text in documents.values() for name in re.findall(r"images/(\w+)\.svg", text)}
        drawn = set(re.findall(r'draw\(app, "(\w+)"\)', (root / "docs" / "screenshots.py").read_text()))
        assert pictures == shown == drawn

    def test_each_page_is_reached_from_the_readme(self, documents: dict[str, str]) -> None:
        linked = {target.partition("#")[0] for target in LINK.findall(documents["README.md"])}
        assert {name for name in documents if re.fullmatch(r"docs/\w+\.md", name)} <= linked


def leads(document: Path, target: str) -> bool:
    """Whether there is such a file, with such a heading."""
    name, _, anchor = target.partition("#")
    file = document.parent / name if name else document
    if not anchor or not file.is_file():
        return file.exists()
    return anchor in map(slug, HEADING.findall(prose(file.read_text())))


def slug(heading: str) -> str:
    """Anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
