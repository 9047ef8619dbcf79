"""The intake on a disk with little room: no file may grow beyond half a megabyte, and memory is soon full."""

from __future__ import annotations

import resource
import sys

from stressdash.embedded.apm import spill
from stressdash.embedded.apm.__main__ import main

resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
spill.CACHE_KIB = 64  # type: ignore[misc]
sys.exit(main(["--until-stdin-closes"]))
