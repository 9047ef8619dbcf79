"""What Docker says while it pulls and builds, folded into one short sentence with a bar. Pure.

Pulls come as documents, one for each step of each layer. Builds come as lines, in two tongues: that of the
old builder (`Step 3/14 : RUN ...`) and that of BuildKit (`#9 [stats build 3/6] RUN ...`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from stressdash.text import byte_size, escape

__all__ = ["Pull", "bar", "build_step"]

BAR_CELLS: Final = 20
STEP: Final = re.compile(r"Step (?P<step>\d+)/(?P<steps>\d+) : (?P<what>.*)")
BUILDKIT: Final = re.compile(r"#\d+ \[(?P<stage>[^\]]*?)\s*(?P<step>\d+)/(?P<steps>\d+)\] (?P<what>.*)")
ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
NOISE: Final = (
    "--->",
    "DEPRECATED:",
    "Install the buildx",
    "https://docs.docker.com/go/buildx",
    "Sending build",
)
"""How lines begin that tell nobody anything."""
COMMAND: Final = 80
"""Characters of a build step's command."""


def bar(share: float) -> str:
    """`━━━━━━━━━━──────────  50%`."""
    share = min(1.0, max(0.0, share))
    full = int(share * BAR_CELLS)
    return "━" * full + "─" * (BAR_CELLS - full) + f" {int(100 * share):3d}%"


def build_step(line: str) -> str:
    """A line of compose as a sentence without control characters; a step of a build with its bar.

    Empty for lines that tell nobody anything.
    """
    text = ANSI.sub("", line).strip()
    if text.startswith(NOISE):
        return ""
    found = STEP.match(text) or BUILDKIT.match(text)
    if found is None:
        return escape(text, 300)
    step, steps = int(found["step"]), max(1, int(found["steps"]))
    return f"build {bar((step - 1) / steps)}  {step}/{steps} {escape(found['what'], COMMAND)}"


class Pull:
    """One image on its way.

    Args:
        image: its name.
    """

    def __init__(self, image: str) -> None:
        self._image = escape(image, 100)
        self._layers: dict[str, tuple[int, int]] = {}
        self._last = ""

    def take(self, event: Mapping[str, Any]) -> str:
        """A new sentence when there is news, else nothing.

        Layers are counted while they are downloaded: to extract them takes little, and tells no total.
        """
        layer, status = str(event.get("id", "")), str(event.get("status", ""))
        detail = event.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            self._layers[layer] = int(detail.get("current", 0)), int(detail["total"])
        elif status in ("Download complete", "Pull complete") and layer in self._layers:
            self._layers[layer] = (self._layers[layer][1],) * 2
        total = sum(size for _, size in self._layers.values())
        if not total:
            return self._news(f"pull {self._image}: {escape(status, 60).lower()}" if status else "")
        have = sum(loaded for loaded, _ in self._layers.values())
        return self._news(f"pull {bar(have / total)} of {byte_size(total)}  {self._image}")

    def _news(self, sentence: str) -> str:
        if sentence == self._last:
            return ""
        self._last = sentence
        return sentence
