"""The command line as a user meets it: one sentence, the right exit code, never a traceback."""

from __future__ import annotations

import select
import sys
from pathlib import Path

import pytest

from stressdash.cli import main


def fails(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return code, captured.err


class TestStreams:
    @pytest.mark.parametrize("words", [["init", "-"], ["runs"], ["doctor"]])
    def test_a_full_stdout_is_one_sentence(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        words: list[str],
    ) -> None:
        monkeypatch.setenv("STRESSDASH_STATE", str(tmp_path))
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            monkeypatch.setattr(sys, "stdout", full)
            code, text = fails(capsys, *words)
            assert code == 2
            assert "cannot write to stdout: No space left on device" in text

    def test_a_closed_stdout_gets_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(sys, "stdout", None)
        assert main(["runs", "--state", str(tmp_path)]) == 0
        sys.stdout.close()

    def test_a_closed_stdin_is_no_terminal(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        code, text = fails(capsys)
        sys.stdin.close()
        assert code == 2
        assert "the dashboard needs a terminal" in text


class TestSystem:
    def test_without_epoll_gets_help_and_a_sentence(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delattr(select, "epoll")
        code, text = fails(capsys, "run", "act1")
        assert code == 3
        assert "the load engine needs Linux" in text
        with pytest.raises(SystemExit) as ended:
            main(["--help"])
        assert ended.value.code == 0


class TestTerminal:
    @pytest.mark.parametrize("kind", ["", "dumb"])
    def test_one_of_which_nothing_is_known_is_told_from_none(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        for stream in (sys.stdin, sys.stdout):
            monkeypatch.setattr(stream, "isatty", lambda: True)
        monkeypatch.setenv("TERM", kind)
        code, text = fails(capsys)
        assert code == 2
        assert f"(TERM={kind}); set TERM" in text


class TestBadUsage:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["rnu"], "unknown command 'rnu'; did you mean run?"),
            (["run"], "SCENARIO|URL is missing; see 'stressdash run --help'"),
            (["run", "act1", "--connections"], "-c/--connections needs a value; see"),
            (["run", "act1", "--keep=yes"], "--keep takes no value; see"),
            (["run", "act1", "--connections", "-5"], "--connections: '-5' is not a whole number from 0 up"),
            (["run", "act1", "-d", "-5s"], "--duration: '-5s' is not a duration"),
            (["knee", "act1", "--levels", "-5,10"], "--levels: '-5' is not a whole number from 0 up"),
            (["runs", "shwo"], "unknown verb 'shwo'; did you mean show?"),
            (["runs", "zzz"], "unknown verb 'zzz'; give one of list, show"),
            (
                ["run", "http://127.0.0.1/", "--cacert", "/none"],
                "--cacert: this target is loaded without TLS",
            ),
            (["run", "act1", "--cert", "/none"], "--cert: this target is loaded without TLS"),
            (["run", "act1", "--conections", "3"], "unknown flag --conections; did you mean --connections?"),
            (["run", "act1", "--connections=3", "--zzz"], "unknown flag --zzz; see 'stressdash run --help'"),
            (["run", "act9"], "there is no scenario 'act9'; did you mean"),
            (["run", "act1", "--duration", "soon"], "--duration: 'soon' is not a duration"),
            (["run", "act1", "--connections", "0"], "--connections: '0' is not above 0"),
            (["run", "act1", "--stop", "now"], "--stop: 'now' is not one of drain, abort"),
            (["run", "act1", "--knob", "max_open"], "--knob 'max_open' is not of the form NAME=VALUE"),
            (["run", "act1", "--header", "nocolon"], "is not of the form 'Name: value'"),
            (["run", "act1", "--body", "@/does/not/exist"], "--body: cannot read '/does/not/exist'"),
            (["run", "act1", "--json", "/does/not/exist.json"], "cannot write '/does/not/exist.json'"),
            (["run", "http://127.0.0.1:99999/"], "the URL cannot be read; write it like http://"),
            (["run", "http://[::1/"], "the URL cannot be read; write it like http://"),
            (["--target", "http://127.0.0.1:x/"], "the URL cannot be read; write it like http://"),
            (["doctor", "--target", "http://127.0.0.1:99999/"], "the URL cannot be read; write it like"),
            (["doctor", "--target", "foo"], "the URL must start with http:// or https://"),
            (["run", "act1", "--abort-delay", "x"], "--abort-delay: 'x' is not a duration"),
            (["logs", "--since", "x"], "--since: 'x' is not a duration"),
            (["replay", "--at", "x"], "--at: 'x' is not a duration"),
            (["knee", "act1", "--levels", "1,x"], "--levels: 'x' is not a whole number"),
            (["run", "act1", "--forward", "http://127.0.0.1:x"], "--forward: this is no URL of an Elastic"),
            (["run", "act1", "--kibana", "x"], "--kibana: this is no URL that a link could begin with"),
            (["run", "act1", "--kibana", "http://u:p@x"], "--kibana: credentials do not belong into a link"),
            (["doctor", "--es-api-key", "x"], "--es-api-key names where the secret is, never the secret"),
            (["up", "--es-password", "env:NOT_SET"], "needs the environment variable NOT_SET"),
            (["run", "act1", "--es-bearer", "x", "--elasticsearch", "http://x"], "--es-bearer names where"),
            (["--scenario", "nope"], "there is no scenario 'nope'"),
            ([], "the dashboard needs a terminal"),
        ],
    )
    def test_ends_with_one_sentence_and_exit_code_2(
        self, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
    ) -> None:
        code, text = fails(capsys, *words)
        assert code == 2
        assert sentence in text

    def test_escape_sequences_in_a_flag_do_not_reach_the_terminal(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        _, text = fails(capsys, "run", "\x1b[31mact1")
        assert "\x1b" not in text
        assert "\\x1b" in text

    def test_an_environment_variable_is_named_when_its_value_is_bad(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("STRESSDASH_CONNECTIONS", "many")
        code, text = fails(capsys, "run", "act1")
        assert code == 2
        assert "STRESSDASH_CONNECTIONS: 'many' is not a whole number" in text


class TestTargetGuard:
    @pytest.mark.parametrize("url", ["http://no-such-host.invalid/", "http://8.8.8.8/"])
    def test_a_public_or_unknown_target_is_refused(
        self, capsys: pytest.CaptureFixture[str], url: str
    ) -> None:
        code, text = fails(capsys, "run", url)
        assert code == 2
        assert "--allow-target" in text

    def test_credentials_in_a_url_are_refused_and_not_repeated(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, text = fails(capsys, "run", "http://user:secret@127.0.0.1/")
        assert code == 2
        assert "credentials" in text
        assert "secret" not in text
