"""Where an Elasticsearch is and how it is entered: from what was asked for, the environment and a file.

What flags say stands in the environment already (`stressdash.credentials`).

The file is `elasticsearch.toml` in the configuration folder, or the one that STRESSDASH_ES_FILE names. It has
a table for each address, and nobody else may read it:

    ["https://elastic.example:9200"]
    api_key = "..."
    ca_file = "/etc/ssl/elastic.pem"

What the environment says wins over what the file says.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from stressdash.errors import BadInput
from stressdash.paths import config_dir
from stressdash.text import plain_url
from stressdash.urls import http_parts

__all__ = ["Connection", "forwarding"]

REQUEST_TIMEOUT_S: Final = 2.0
VARIABLES: Final = {
    "api_key": "STRESSDASH_ES_API_KEY",
    "username": "STRESSDASH_ES_USER",
    "password": "STRESSDASH_ES_PASSWORD",
    "bearer": "STRESSDASH_ES_BEARER",
    "ca_file": "STRESSDASH_ES_CA",
    "fingerprint": "STRESSDASH_ES_FINGERPRINT",
}
SECRETS: Final = ("api_key", "password", "bearer")
FINGERPRINT: Final = re.compile(r"(?:[0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}")
OTHERS: Final = 0o077
"""Rights of a file's group and of everybody."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One Elasticsearch; secrets stay out of every representation."""

    url: str = ""
    cloud_id: str = ""
    api_key: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    ca_file: str = ""
    fingerprint: str = ""
    """SHA-256 of the server's certificate."""
    timeout_s: float = REQUEST_TIMEOUT_S
    """How long an answer may take."""

    @classmethod
    def of(cls, address: str, environ: Mapping[str, str]) -> Connection:
        """The one at a URL, or with a cloud id, with the credentials that are there for it.

        Raises:
            BadInput: the address or a credential cannot be used, or others can read the file.
        """
        found = in_file(credentials_file(environ), address)
        given = {name: environ[variable] for name, variable in VARIABLES.items() if environ.get(variable)}
        if any(name in given for name in SECRETS):
            found = {name: value for name, value in found.items() if name not in (*SECRETS, "username")}
        known: dict[str, Any] = checked_credentials({**found, **given})
        if "://" in address:
            url = checked_url(address)
            if url.startswith("http:") and ("ca_file" in known or "fingerprint" in known):
                raise BadInput(
                    f"{plain_url(url)} has no certificate that a CA file or a fingerprint could fit: "
                    "write https://, or leave them out"
                )
            return cls(url=url, **known)
        return cls(cloud_id=checked_cloud_id(address), **known)

    def environment(self) -> dict[str, str]:
        """The variables that `of` would make the same of; the secrets are among them."""
        given = {variable: getattr(self, name) for name, variable in VARIABLES.items()}
        if self.ca_file:
            given["STRESSDASH_ES_CA"] = str(Path(self.ca_file).absolute())
        return {variable: value for variable, value in given.items() if value}


def forwarding(url: str | None, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Environment of an intake that hands its events on to the Elasticsearch at a URL; None without one.

    Raises:
        BadInput: as `Connection.of`.
    """
    if url is None:
        return None
    return {"STRESSDASH_FORWARD": url, **Connection.of(url, environ).environment()}


def credentials_file(environ: Mapping[str, str]) -> Path:
    """Where credentials lie: the file that was named, else the one that need not exist."""
    named = environ.get("STRESSDASH_ES_FILE")
    return Path(named).expanduser() if named else default_file()


def default_file() -> Path:
    """In the configuration folder."""
    return config_dir() / "elasticsearch.toml"


def in_file(path: Path, address: str) -> dict[str, str]:
    """What a file says of an address; nothing when there is no file and none was named.

    Raises:
        BadInput: others can read it, it is no such file, or it says something that is not known.
    """
    try:
        with path.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if mode & OTHERS:
                raise BadInput(f"{path} holds secrets and others may read it; chmod 600 {path}")
            tables = tomllib.load(opened)
    except FileNotFoundError:
        if path != default_file():
            raise BadInput(f"there is no credentials file {path}") from None
        return {}
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is no TOML: {error}") from error
    table = {name.rstrip("/"): value for name, value in tables.items()}.get(address.rstrip("/"), {})
    return checked_table(path, table)


def checked_credentials(given: Mapping[str, str]) -> dict[str, str]:
    """One kind of credentials, and what certificates are held against, if all of it can be used.

    Raises:
        BadInput: with what is wrong; no secret is repeated.
    """
    secrets = [name for name in SECRETS if name in given]
    if len(secrets) > 1:
        raise BadInput(f"Elasticsearch has several credentials, {' and '.join(secrets)}; give one of them")
    for name in secrets:
        if not given[name].isprintable() or not (given[name].isascii() or name == "password"):
            raise BadInput(f"the {name} of Elasticsearch must be one line of plain characters")
    if "username" in given and not secrets:
        raise BadInput("Elasticsearch has a user without a password; give --es-password too")
    if ca_file := given.get("ca_file"):
        check_ca_file(ca_file)
    if (fingerprint := given.get("fingerprint")) and not FINGERPRINT.fullmatch(fingerprint):
        raise BadInput("the fingerprint must be the SHA-256 of the certificate: 64 hexadecimal digits")
    used = {name: value for name, value in given.items() if name != "username"}
    return {**used, "username": given.get("username", "elastic")} if "password" in given else used


def check_ca_file(path: str) -> None:
    """Refuse a file that holds no certificates.

    Raises:
        BadInput: with the reason.
    """
    try:
        ssl.create_default_context(cafile=path)
    except FileNotFoundError as error:
        raise BadInput(f"the CA file {path!r} does not exist") from error
    except ssl.SSLError as error:
        raise BadInput(f"the CA file {path!r} holds no certificates in PEM form") from error
    except OSError as error:
        raise BadInput(f"the CA file {path!r} cannot be read: {error.strerror}") from error


def checked_table(path: Path, table: Any) -> dict[str, str]:
    """A table's texts, if all of them are known."""
    known = [each.name for each in fields(Connection) if each.name in VARIABLES]
    if not isinstance(table, dict):
        raise BadInput(f"{path}: below an address there must be a table")
    for name, value in table.items():
        if name not in known or not isinstance(value, str):
            raise BadInput(f"{path}: {name!r} is none of the texts {', '.join(known)}")
    return table


def checked_url(url: str) -> str:
    """A URL of HTTP without credentials: those would be shown.

    Raises:
        BadInput: it is another.
    """
    parts = http_parts(url)
    if parts is None:
        raise BadInput("--elasticsearch wants a URL, for instance https://127.0.0.1:9200, or a cloud id")
    if parts.username or parts.password:
        names = "STRESSDASH_ES_API_KEY, or STRESSDASH_ES_USER and _PASSWORD"
        raise BadInput(f"--elasticsearch: credentials belong into {names}, not into the URL")
    if parts.port is None:
        return parts._replace(netloc=f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}").geturl()
    return url


def checked_cloud_id(text: str) -> str:
    """A cloud id, `name:` and base64 of the host with the cluster's id.

    Raises:
        BadInput: it is another.
    """
    try:
        parts = base64.b64decode(text.rpartition(":")[2], validate=True).decode().split("$")
    except (binascii.Error, UnicodeDecodeError):
        parts = []
    if len(parts) < 2 or not all(parts[:2]):
        raise BadInput("--elasticsearch wants a URL, for instance https://127.0.0.1:9200, or a cloud id")
    checked_url(f"https://{parts[1]}.{parts[0]}")
    return text
