"""Where things lie: state, configuration, and the data that ships with the product.

XDG folders, overridable by `STRESSDASH_STATE` and `STRESSDASH_CONFIG`. `bundled` is the one place that knows
that `service/`, `themes/` and `docker-compose.yml` lie at the top of a checkout, and under
`stressdash/bundled/` in a wheel.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["bundled", "config_dir", "scenarios_dir", "state_dir"]

PACKAGE = Path(__file__).resolve().parent


def state_dir() -> Path:
    """Folder for runs, logs, databases and sockets; created by who writes to it."""
    return _folder("STRESSDASH_STATE", "XDG_STATE_HOME", ".local/state")


def config_dir() -> Path:
    """Folder for the user's settings and themes; need not exist."""
    return _folder("STRESSDASH_CONFIG", "XDG_CONFIG_HOME", ".config")


def _folder(own: str, xdg: str, fallback: str) -> Path:
    if value := os.environ.get(own):
        return Path(value).expanduser().absolute()
    base = os.environ.get(xdg)
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / fallback
    return root / "stressdash"


def bundled(name: str) -> Path:
    """Path of `service`, `themes` or `docker-compose.yml`, in a checkout, an editable install or a wheel.

    Raises:
        FileNotFoundError: the installation lacks it.
    """
    for candidate in (PACKAGE / "bundled" / name, PACKAGE.parent / name):
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"this installation lacks {name!r}; install stressdash again")


def scenarios_dir() -> Path:
    """Folder with the scenario files that ship with the product."""
    return PACKAGE / "scenarios"
