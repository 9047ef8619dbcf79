"""The head line: what runs, in what state, how far, and whether the generator can be believed."""

from __future__ import annotations

from collections.abc import Sequence

from stressdash.charts.units import clock
from stressdash.snapshot import Playback, RunState, Snapshot
from stressdash.tui.lines import Line, clean, ends, join
from stressdash.tui.view import View
from stressdash.tui.widgets.panel import ViewPanel

__all__ = ["HeadLine", "generator_words"]

SATURATED = 0.9
STATE_ROLES = {
    RunState.STARTING: ("◌", "warn", "START"),
    RunState.READY: ("○", "accent", "READY"),
    RunState.RUNNING: ("●", "good", "RUN"),
    RunState.PAUSED: ("‖", "warn", "PAUSED"),
    RunState.DRAINING: ("◍", "warn", "DRAIN"),
    RunState.FINISHED: ("■", "accent", "DONE"),
    RunState.FAILED: ("✗", "bad", "FAILED"),
}


class HeadLine(ViewPanel):
    """One line, the same on every screen."""

    def __init__(self, place: str = "") -> None:
        super().__init__()
        self._place = place

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """The name at the left, the state at the right."""
        snapshot = view.snapshot
        about = [clean(part) for part in (snapshot.scenario, snapshot.backend) if part]
        cores = f"{snapshot.cores} core{'s' if snapshot.cores != 1 else ''}"
        left: Line = [("stressdash", "title"), ("  " + " · ".join([*about, cores]), "text")]
        if self._place:
            left.append((f"  » {self._place}", "strong"))
        badge: Line = [(" FROZEN ", "badge")] if view.frozen else []
        if view.pinned is not None:
            badge = [(" WINDOW ", "badge")]
        return [ends(left, join([badge, state_words(view), generator_words(snapshot)]), width)]


def state_words(view: View) -> Line:
    """`● RUN 00:07/00:15`."""
    snapshot = view.snapshot
    if (playback := snapshot.playback) is not None:
        return playback_words(playback)
    symbol, role, word = STATE_ROLES[snapshot.state]
    line: Line = [(f"{symbol} {word}", role)]
    if snapshot.state not in (RunState.STARTING, RunState.READY, RunState.FAILED):
        line.append((f" {clock(snapshot.elapsed_s)}/{clock(snapshot.duration_s)}", "strong"))
    return line


def playback_words(playback: Playback) -> Line:
    """`REPLAY 12 ▶ 10x 00:07/00:15`."""
    symbol = "▶" if playback.playing else "‖"
    return [
        (f" REPLAY {clean(playback.run)} ", "badge"),
        (f" {symbol} {playback.speed:g}x", "good" if playback.playing else "warn"),
        (f" {clock(playback.position_s)}/{clock(playback.length_s)}", "strong"),
    ]


def generator_words(snapshot: Snapshot) -> Line:
    """`gen OK 31%`: the busiest worker's share of its own core, loud when it is the bottleneck."""
    share = snapshot.interference.generator_core
    if share is None:
        return [("gen –", "dim")]
    saturated = share >= SATURATED
    word, role = ("SATURATED", "bad") if saturated else ("OK", "good")
    return [("gen ", "dim"), (f"{word} {share:.0%}", role)]
