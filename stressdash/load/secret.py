"""Headers whose values are secret: named by where they come from, read when load starts, shown nowhere.

    Authorization=Bearer env:TOKEN     X-Api-Key=file:/run/secrets/key

A plan holds only the names. The values go from the fleet to its workers over their private links, and what a
server sends back of them is blotted out before an answer is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from stressdash.errors import BadInput

__all__ = ["Redaction", "SecretHeader", "parse_secret_header", "read_secrets", "read_source"]

BLOT: Final = b"***"
LONGEST: Final = 8192
TELLING: Final = 4
"""Bytes of a secret, cut off at the end of what was kept, that are blotted out, too."""
FORM: Final = re.compile(
    r"\s*(?P<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*"
    r"(?P<words>[ -~]*?)\s*(?P<source>(?:env|file):\S(?:.*\S)?)\s*"
)


@dataclass(frozen=True, slots=True)
class SecretHeader:
    """A header of a request; its value is `words`, a space, and what the source holds."""

    name: str
    words: str
    """For instance `Bearer`; may be empty."""
    source: str
    """`env:VARIABLE` or `file:PATH`."""

    def value(self, secrets: Mapping[str, str]) -> str:
        """What is sent."""
        return f"{self.words} {secrets[self.source]}".strip()

    def line(self, secrets: Mapping[str, str]) -> bytes:
        """The header as it is sent."""
        return f"{self.name}: {self.value(secrets)}\r\n".encode()


def parse_secret_header(text: str) -> SecretHeader:
    """A secret header from `NAME=[WORDS ]env:VARIABLE` or `NAME=[WORDS ]file:PATH`.

    Raises:
        BadInput: it is neither. The sentence does not repeat the text, which may hold a secret.
    """
    match = FORM.fullmatch(text)
    if match is None:
        raise BadInput(
            "a secret header names where its value is, never the value; "
            "write 'Authorization=Bearer env:TOKEN' or 'X-Api-Key=file:/path/of/key'"
        )
    return SecretHeader(match["name"], match["words"], match["source"])


def read_secrets(headers: Iterable[SecretHeader], environ: Mapping[str, str]) -> dict[str, str]:
    """Values by source.

    Raises:
        BadInput: a variable or file that is missing, empty, or no value of a header.
    """
    return {
        header.source: read_source(header.source, f"the header {header.name}", environ) for header in headers
    }


def read_source(source: str, owner: str, environ: Mapping[str, str]) -> str:
    """The value behind `env:VARIABLE` or `file:PATH`; `owner` is who needs it, for the sentence.

    Raises:
        BadInput: as `read_secrets`.
    """
    kind, _, place = source.partition(":")
    if kind == "env":
        where = f"the environment variable {place}"
        value = environ.get(place, "")
        if not value:
            raise BadInput(f"{owner} needs {where}, which is not set; set and export it")
    else:
        where = f"the file {place!r}"
        try:
            value = Path(place).expanduser().read_text("utf-8").strip()
        except OSError as error:
            raise BadInput(f"{owner} needs {where}, which cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise BadInput(f"{owner} needs {where}, which is no UTF-8 text") from error
        if not value:
            raise BadInput(f"{owner} needs {where}, which is empty")
    if len(value) > LONGEST or not value.isprintable():
        raise BadInput(
            f"{where} is no value of a header; it must be one line of at most {LONGEST} characters"
        )
    return value


class Redaction:
    """Blots secrets out of bytes, also as JSON or a URL writes them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form.encode()
            for secret in secrets
            for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret))
        }
        self._forms = sorted(forms, key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def __call__(self, data: bytes) -> bytes:
        """The bytes without any secret, and without the beginning of one that was cut off at their end."""
        for form in self._forms:
            data = data.replace(form, BLOT)
        for form in self._forms:
            for length in range(len(form) - 1, TELLING - 1, -1):
                if data.endswith(form[:length]):
                    return data[:-length] + BLOT
        return data
