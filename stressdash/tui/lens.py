"""How the user looks at the session: which stretch of time, frozen or not, what is muted.

Asks the session for pictures that fill the charts, and makes views of them; knows neither screens nor what is
done to the load.
"""

from __future__ import annotations

from dataclasses import replace

from stressdash.sessionapi import SessionApi
from stressdash.snapshot import Snapshot
from stressdash.tui.view import WINDOWS_S, View, reach_s

__all__ = ["Lens"]

SPARE_S = 1.0
"""Fetched beyond what is shown: time goes on between two pictures."""
FIRST_WINDOW_S = 60.0


class Lens:
    """The user's own settings over one session.

    Args:
        muted: ids of errors that are muted from the start.
    """

    def __init__(self, session: SessionApi, muted: frozenset[str] = frozenset()) -> None:
        self.muted = muted
        self._session = session
        self._window_s = first_window_s(session)
        self._pinned: tuple[float, float] | None = None
        self._frozen: Snapshot | None = None
        self._newest_s = 0.0

    @property
    def is_frozen(self) -> bool:
        """Whether newer pictures are not to be seen."""
        return self._frozen is not None

    def newest(self) -> Snapshot:
        """The session's newest picture, with series that fill the charts."""
        snapshot = self._session.snapshot(reach_s(self._window_s, self._pinned, self._newest_s + SPARE_S))
        self._newest_s = snapshot.now_s
        return snapshot

    def view(self, snapshot: Snapshot) -> View:
        """A picture as the user looks at it; the frozen one in its place, where there is one."""
        return View(
            snapshot=self._frozen or snapshot,
            window_s=self._window_s,
            pinned=self._pinned,
            frozen=self.is_frozen,
            muted=self.muted,
        )

    # --- what the user changes

    def freeze(self, snapshot: Snapshot | None) -> None:
        """Hold a picture; None lets it go on."""
        self._frozen = snapshot

    def zoom(self, step: int) -> None:
        """A shorter or longer time window; from a pinned one, back to the present first."""
        if self._pinned is None:
            at = WINDOWS_S.index(self._window_s) + step
            self._window_s = WINDOWS_S[max(0, min(len(WINDOWS_S) - 1, at))]
        self._turned(None)

    def pin(self, start_s: float, end_s: float) -> None:
        """Look at one stretch of time, session time."""
        self._turned((start_s, end_s))

    def unpin(self) -> bool:
        """Look at the present again; false when that was so already."""
        was_pinned = self._pinned is not None
        if was_pinned:
            self._turned(None)
        return was_pinned

    def toggle_mute(self, row_id: str) -> None:
        """Mute an error, or hear it again."""
        self.muted = self.muted ^ {row_id}

    def _turned(self, pinned: tuple[float, float] | None) -> None:
        """After the charts' range has changed, a frozen picture gets series of that range too."""
        self._pinned = pinned
        if self._frozen is not None:
            ahead_s = self.newest().now_s - self._frozen.now_s
            span_s = reach_s(self._window_s, self._pinned, self._frozen.now_s)
            picture = self._session.snapshot(None if span_s is None else span_s + ahead_s)
            self._frozen = replace(self._frozen, series=picture.series)


def first_window_s(session: SessionApi) -> float | None:
    """A minute; of a replay that is shorter, as much as shows all of it."""
    playback = session.snapshot(0.0).playback
    if playback is None:
        return FIRST_WINDOW_S
    return next(s for s in WINDOWS_S if s is not None and (s >= playback.length_s or s >= FIRST_WINDOW_S))
