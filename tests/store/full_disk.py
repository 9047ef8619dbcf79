"""Records into a folder until no file may grow any more; prints the steps written, and the sentence."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from store_factory import busy_windows, recorder

from stressdash.store.recorder import Ending

resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
made = recorder(Path(sys.argv[1]))
for window in busy_windows(3_000):
    made.add_window(window)
    if made.problem:
        break
    time.sleep(0.001)
made.close(Ending(None))
sys.stdout.write(f"{made.steps}\n{made.problem}\n")
