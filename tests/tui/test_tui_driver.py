"""What is written for a terminal that is gone."""

from __future__ import annotations

import os
import pty
from contextlib import suppress

from textual.drivers._writer_thread import WriterThread

from stressdash.tui.driver import Lasting


class TestLasting:
    def test_writes_as_long_as_there_is_a_terminal(self) -> None:
        ours, theirs = pty.openpty()
        with os.fdopen(theirs, "w") as stream:
            lasting = Lasting(stream)
            lasting.write("hello")
            lasting.flush()
            assert os.read(ours, 100) == b"hello"
            assert os.isatty(lasting.fileno())
        os.close(ours)

    def test_keeps_nobody_waiting_once_it_is_gone(self) -> None:
        ours, theirs = pty.openpty()
        os.close(ours)
        stream = os.fdopen(theirs, "w", closefd=False)
        writer = WriterThread(Lasting(stream))  # type: ignore[arg-type]
        writer.start()
        for number in range(1_000):
            writer.write(f"line {number} of more than its queue and all buffers hold\n" * 10)
        writer.stop()
        assert not writer.is_alive()
        with suppress(OSError):  # what it still holds
            stream.close()
        os.close(theirs)
