"""What all screens have in common: they show views, and keys that mean nothing on them do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from stressdash.tui.view import View
from stressdash.tui.widgets.strips import KeyStrip
from stressdash.tui.widgets.tour_strip import TourStrip

if TYPE_CHECKING:
    from stressdash.tui.app import StressdashApp

__all__ = ["ViewScreen"]

BREAKPOINTS_WIDE: list[tuple[int, str]] | None = [(0, "-narrow"), (160, "-wide")]
BREAKPOINTS_TALL: list[tuple[int, str]] | None = [(0, "-tiny"), (22, "-short"), (32, "-tall")]


class ViewScreen(Screen[None]):
    """A screen that draws views of the session; subclasses fill in `show`."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS_WIDE
    VERTICAL_BREAKPOINTS = BREAKPOINTS_TALL

    def __init__(self) -> None:
        super().__init__()
        self._is_laid_out = False

    def on_mount(self) -> None:
        """On a tour, its words stand above the keys."""
        if self.dashboard.tour is not None:
            self.add_class("-tour")
            strips = list(self.query(KeyStrip))
            self.mount(TourStrip(self.dashboard.tour), before=strips[0] if strips else None)

    def show(self, view: View) -> None:
        """Draw a view; all parts exist by then."""
        raise NotImplementedError

    def draw(self, view: View) -> None:
        """Draw a view, once the screen is laid out; called four times a second while it can be seen."""
        if self._is_laid_out:
            self.show(view)
            for strip in self.query(TourStrip):
                strip.recompose_lines()

    @property
    def dashboard(self) -> StressdashApp:
        """The app, by its own type."""
        return cast("StressdashApp", self.app)

    def on_screen_resume(self) -> None:
        """What happened while the screen was away is drawn at once."""
        self.call_after_refresh(self._catch_up)

    def _catch_up(self) -> None:
        self._is_laid_out = True
        if self.dashboard.view is not None:
            self.show(self.dashboard.view)
