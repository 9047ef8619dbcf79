"""The terminal as Textual drives it, left clean."""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Any, Final, cast

from textual.drivers.linux_driver import LinuxDriver

__all__ = ["CleanDriver", "Lasting"]

CLEAR: Final = "\x1b[2J"


class Lasting:
    """A stream that outlasts its terminal: once that is gone, what is written is lost, and no error.

    The thread that writes for Textual ends with the first error, and who then fills its queue waits for ever.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it, if that can be done."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Let the terminal have it, if there is one."""
        with suppress(OSError):
            self._stream.flush()

    def fileno(self) -> int:
        """Of the stream."""
        return self._stream.fileno()


class CleanDriver(LinuxDriver):
    """Clears the alternate screen before it is left, and can be left when there is no terminal any more.

    tmux puts lines of the alternate screen on the main screen where the terminal has grown in the meantime.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        terminal: Any = self._file
        self._file = cast("Any", Lasting(terminal))

    def stop_application_mode(self) -> None:
        """Leave nothing behind."""
        self.write(CLEAR)
        super().stop_application_mode()
