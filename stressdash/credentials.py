"""How an Elasticsearch is entered, said on the command line: flags name where a secret is, never the secret.

What flags say takes the place of the environment's `STRESSDASH_ES_` variables; those who enter read these.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from stressdash.errors import UsageError

__all__ = ["add_credential_flags", "credential_environment", "credentials_given"]


class _Flag(NamedTuple):
    variable: str
    metavar: str
    help: str
    secret: bool = False


FLAGS: Final[Mapping[str, _Flag]] = {
    "--es-api-key": _Flag(
        "STRESSDASH_ES_API_KEY", "SOURCE", "their API key: env:NAME or file:PATH", secret=True
    ),
    "--es-user": _Flag("STRESSDASH_ES_USER", "NAME", "or a user (default: elastic)"),
    "--es-password": _Flag(
        "STRESSDASH_ES_PASSWORD", "SOURCE", "with a password: env:NAME or file:PATH", secret=True
    ),
    "--es-bearer": _Flag(
        "STRESSDASH_ES_BEARER", "SOURCE", "or a bearer token: env:NAME or file:PATH", secret=True
    ),
    "--es-ca": _Flag("STRESSDASH_ES_CA", "FILE", "certificates (PEM) to trust instead of the system's"),
    "--es-fingerprint": _Flag("STRESSDASH_ES_FINGERPRINT", "HEX", "or SHA-256 of its own certificate"),
    "--es-file": _Flag("STRESSDASH_ES_FILE", "FILE", "TOML with these by address, readable by you only"),
}
SECRETS: Final = tuple(flag.variable for flag in FLAGS.values() if flag.secret)


def add_credential_flags(add: Callable[..., argparse.Action]) -> None:
    """Add all of them."""
    for name, flag in FLAGS.items():
        add(name, metavar=flag.metavar, help=flag.help)


def credentials_given(options: argparse.Namespace) -> dict[str, str]:
    """What was said, by flag; secrets by where they are."""
    said = {name: getattr(options, name[2:].replace("-", "_")) for name in FLAGS}
    return {name: text for name, text in said.items() if text is not None}


def credential_environment(given: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, with what flags say in its place; a secret on the command line replaces all others.

    Args:
        given: by flag, as from `credentials_given`.
        environ: the process's.

    Raises:
        UsageError: a secret itself was given, and not where it is.
        BadInput: it is not there.
    """
    from stressdash.load.secret import read_source

    made = dict(environ)
    if any(FLAGS[name].secret for name in given):
        made = {name: value for name, value in made.items() if name not in SECRETS}
    for name, text in given.items():
        flag = FLAGS[name]
        if not flag.secret:
            made[flag.variable] = text
            continue
        if not text.startswith(("env:", "file:")):
            raise UsageError(
                f"{name} names where the secret is, never the secret: write env:NAME or file:PATH"
            )
        made[flag.variable] = read_source(text, name, environ)
    return made
