"""Credentials of Elasticsearch from flags: named by where they are, never themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from stressdash.credentials import add_credential_flags, credential_environment, credentials_given
from stressdash.errors import BadInput, StressdashError, UsageError
from stressdash.flags import Parser

SECRET = "c2VjcmV0"


def given(*words: str) -> dict[str, str]:
    parser = Parser()
    add_credential_flags(parser.add_argument)
    return credentials_given(parser.parse_all(words))


class TestFlags:
    def test_a_secret_is_read_from_a_variable_or_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "key"
        path.write_text(f"{SECRET}\n")
        environ = {"MY_KEY": SECRET}
        for source in ("env:MY_KEY", f"file:{path}"):
            made = credential_environment(given("--es-api-key", source), environ)
            assert made == {"MY_KEY": SECRET, "STRESSDASH_ES_API_KEY": SECRET}

    def test_what_is_no_secret_is_taken_as_it_stands(self) -> None:
        words = ("--es-user", "u", "--es-ca", "ca.pem", "--es-fingerprint", "ab", "--es-file", "f.toml")
        assert credential_environment(given(*words), {}) == {
            "STRESSDASH_ES_USER": "u",
            "STRESSDASH_ES_CA": "ca.pem",
            "STRESSDASH_ES_FINGERPRINT": "ab",
            "STRESSDASH_ES_FILE": "f.toml",
        }

    def test_a_secret_takes_the_place_of_all_others(self) -> None:
        environ = {"STRESSDASH_ES_API_KEY": "old", "STRESSDASH_ES_USER": "u", "P": SECRET}
        made = credential_environment(given("--es-password", "env:P"), environ)
        assert made == {"STRESSDASH_ES_PASSWORD": SECRET, "STRESSDASH_ES_USER": "u", "P": SECRET}

    def test_without_flags_the_environment_stays(self) -> None:
        environ = {"STRESSDASH_ES_API_KEY": "key"}
        assert credential_environment(given(), environ) == environ

    @pytest.mark.parametrize("flag", ["--es-api-key", "--es-password", "--es-bearer"])
    def test_a_secret_itself_is_refused_and_not_repeated(self, flag: str) -> None:
        with pytest.raises(UsageError, match="never the secret: write env:NAME or file:PATH") as refused:
            credential_environment(given(flag, SECRET), {})
        assert SECRET not in str(refused.value)
        assert str(refused.value).startswith(flag)

    @pytest.mark.parametrize(
        ("source", "sentence"),
        [
            ("env:NOT_SET", "--es-bearer needs the environment variable NOT_SET, which is not set"),
            ("file:/nowhere/key", "--es-bearer needs the file '/nowhere/key', which cannot be read"),
            ("file:/dev/null", "which is empty"),
        ],
    )
    def test_one_that_is_not_there_is_told(self, source: str, sentence: str) -> None:
        with pytest.raises(BadInput, match=sentence):
            credential_environment(given("--es-bearer", source), {})

    def test_every_refusal_is_a_sentence_of_ours(self) -> None:
        with pytest.raises(StressdashError):
            given("--es-api", "x", "--es-apikey", "y")
