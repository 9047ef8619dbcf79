"""Everything that stressdash raises on purpose.

    StressdashError            one clear sentence: what failed, where, what to do; carries an exit code
    ├── UsageError         2   bad flags, files, URLs, values
    │   ├── TargetRefused  2   the target guard said no, before a packet was sent
    │   └── BadInput       2   a file, DSN, template or response that cannot be used
    ├── StackError         3   a component could not be started, reached or steered
    │   ├── ComponentFailed    a component ended or never became ready
    │   ├── DatabaseUnavailable the database does not answer us
    │   │   └── DatabaseFull   it has no connection left, not even for us (error 1040)
    │   ├── KnobRejected       a component would not take the value
    │   └── SourceError        the APM source could not answer
    ├── StoreError         3   runs cannot be kept: a full disk, a read-only folder
    ├── TargetError        3   the target could not be used at all
    └── EngineError        3   a load worker died or could not start

Exit codes: 0 passed, 2 bad usage or input, 3 stack or target could not be used, 4 a threshold failed
or a stop rule ended the run, 5 void, 130 interrupted.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BadInput",
    "ComponentFailed",
    "DatabaseFull",
    "DatabaseUnavailable",
    "EngineError",
    "KnobRejected",
    "SourceError",
    "StackError",
    "StoreError",
    "StressdashError",
    "TargetError",
    "TargetRefused",
    "UsageError",
]


class StressdashError(Exception):
    """The root: its text is shown to the user as it is."""

    exit_code: ClassVar[int] = 3


class UsageError(StressdashError):
    """The user asked for something that cannot be done."""

    exit_code = 2


class TargetRefused(UsageError):
    """Load to this host needs `--allow-target`."""


class BadInput(UsageError):
    """A file, URL, DSN, template or response does not have the form it must have."""


class StackError(StressdashError):
    """A component could not be started, reached or steered."""


class ComponentFailed(StackError):
    """A component ended or never became ready."""


class DatabaseUnavailable(StackError):
    """The database cannot be reached, does not let us in, or does not answer in time."""


class DatabaseFull(DatabaseUnavailable):
    """The database has no connection left, not even for us: its error 1040."""


class KnobRejected(StackError):
    """A component would not take a knob's value."""


class SourceError(StackError):
    """The APM source could not answer."""


class StoreError(StressdashError):
    """Runs cannot be written to the state folder, or read from it."""


class TargetError(StressdashError):
    """The target could not be used at all."""


class EngineError(StressdashError):
    """A load worker died or could not start."""
