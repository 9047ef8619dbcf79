"""One tab of the APM views as a list: fetched once a second while it is seen, narrowed down by opening."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from textual import events

from stressdash.errors import StressdashError
from stressdash.samples.apm_page import APM_TABS, ApmPage
from stressdash.tui.apm_document import BAND, NAME, page_items
from stressdash.tui.background import in_background
from stressdash.tui.filtering import matches
from stressdash.tui.lines import clean, wrap
from stressdash.tui.view import View
from stressdash.tui.widgets.listing import Item, Listing

__all__ = ["ApmList"]

EVERY_S = 1.0
WHOLE: tuple[int, int | None] = (0, None)


class Asks(Protocol):
    """What is asked for a page: `SessionApi.apm_page`."""

    async def __call__(self, tab: str, name: str | None, band: tuple[int, int | None]) -> ApmPage: ...


class ApmList(Listing):
    """What one tab shows.

    Args:
        ask: fetches a page.
    """

    def __init__(self, ask: Asks) -> None:
        super().__init__("apm-page")
        self.tab = APM_TABS[0]
        self.filter = ""
        self._ask = ask
        self._name: str | None = None
        self._band = WHOLE
        self._page: ApmPage | None = None
        self._failure = ""
        self._asked_s = -EVERY_S

    @property
    def subject(self) -> str:
        """What is looked at, as `SessionApi.copy_text` takes it."""
        return f"apm/{self.tab}/{self._name or ''}"

    @property
    def narrowed(self) -> str:
        """What the tab is narrowed down to, in words; empty when it is not."""
        return self._name or ("one band" if self._band != WHOLE else "")

    def look_at(self, tab: str, name: str | None = None) -> None:
        """Another tab, of transactions of one name or of all."""
        self.tab, self._name, self._band = tab, name, WHOLE
        self._page, self._failure = None, ""
        self.selected = ""
        self.show_items([Item((("  asking APM …", "dim"),))])
        self._fetch()

    def show(self, view: View) -> None:
        """Fetch again when the page has become old."""
        now_s = view.snapshot.now_s
        if self.display and not view.frozen and not 0 <= now_s - self._asked_s < EVERY_S:
            self._asked_s = now_s
            self._fetch()

    def narrow(self, item_id: str) -> bool:
        """Take up what an item stands for; false when it is nothing to narrow down to."""
        if item_id.startswith(NAME):
            self.look_at("latency", item_id.removeprefix(NAME))
        elif item_id.startswith(BAND):
            self._band = self._band_of(int(item_id.removeprefix(BAND)))
            self._fetch()
        else:
            return False
        return True

    def widen(self) -> bool:
        """Undo the last narrowing; false when there is none."""
        if self._band != WHOLE:
            self._band = WHOLE
            self._fetch()
        elif self._name is not None:
            self.look_at("transactions")
        else:
            return False
        return True

    def redraw(self) -> None:
        """Draw the page for the present width and filter."""
        width = self.size.width - 1
        if width < 1:
            return
        if self._failure:
            self.show_items(
                [Item(((f"  {piece}", "warn"),)) for piece in wrap(clean(self._failure), width - 2)]
            )
        elif self._page is not None:
            items = page_items(self._page, width)
            self.show_items([item for item in items if not item.id or self._is_wanted(item)])

    def on_resize(self, _event: events.Resize) -> None:
        """Lines are made for a width."""
        self.redraw()

    def _is_wanted(self, item: Item) -> bool:
        return matches("".join(text for text, _ in item.line), self.filter)

    def _band_of(self, low_us: int) -> tuple[int, int | None]:
        bands = self._page.distribution.bands if self._page is not None else ()
        chosen = next((band for band in bands if band.low_us == low_us), None)
        return WHOLE if chosen is None or self._band[0] == low_us else (chosen.low_us, chosen.high_us)

    def _fetch(self) -> None:
        load = partial(self._load, self.tab, self._name, self._band)
        in_background(self, load, group="apm", exclusive=True)

    async def _load(self, tab: str, name: str | None, band: tuple[int, int | None]) -> None:
        try:
            self._page = await self._ask(tab, name, band)
        except StressdashError as error:
            self._failure = f"{error}"
        else:
            self._failure = ""
        self.redraw()
