"""Records runs in children that are killed at random moments; prints what each had acknowledged by then.

Called with a folder, the number of rounds and a seed. Each child records as fast as it can, from two workers,
and tells after each commit how many grid steps it has written.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import time
from pathlib import Path
from random import Random

from store_factory import busy_windows, recorder

ACKNOWLEDGED = struct.Struct("=I")
AHEAD = 20
"""Steps that may wait to be written."""


def record_for_ever(state: Path, to: int) -> None:
    """Record windows of both workers, and tell the number of steps written whenever it has grown."""
    made = recorder(state)
    told = 0
    for number, window in enumerate(busy_windows(1_000_000, requests=10, workers=2)):
        made.add_window(window)
        while made.steps > told or number // 2 > told + AHEAD:
            if made.steps > told:
                told = made.steps
                os.write(to, ACKNOWLEDGED.pack(told))
            else:
                time.sleep(0.0005)


def main() -> None:
    """One child after the other."""
    folder, rounds, random = Path(sys.argv[1]), int(sys.argv[2]), Random(sys.argv[3])
    for number in range(rounds):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            record_for_ever(folder / str(number), writing)
        os.close(writing)
        acknowledged = b""
        for _ in range(random.randint(1, 60)):
            acknowledged = os.read(reading, ACKNOWLEDGED.size)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(reading, ACKNOWLEDGED.size):
            acknowledged = more
        os.close(reading)
        sys.stdout.write(f"{ACKNOWLEDGED.unpack(acknowledged)[0]}\n")


main()
