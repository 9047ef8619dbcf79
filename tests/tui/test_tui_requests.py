"""Live with a plan of several requests: each name has a row, as many as there is room for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tui_fakes import FakeSession
from tui_pictures import CLIENT, make_snapshot
from tui_screens import screen_text, shown

from stressdash.snapshot import RequestFigures
from stressdash.tui.app import StressdashApp


def named(*names: str) -> tuple[RequestFigures, ...]:
    return tuple(
        RequestFigures(name, 700.0 - 100 * place, 690.0, 1_234, 87_000, place == 1, 0.25 * place)
        for place, name in enumerate(names)
    )


async def rows(size: tuple[int, int], figures: tuple[RequestFigures, ...]) -> list[str]:
    app = StressdashApp(FakeSession(make_snapshot(client=replace(CLIENT, by_request=figures))))
    async with app.run_test(size=size) as pilot:
        await shown(pilot)
        found = screen_text(app).splitlines()
    begin = next(at for at, line in enumerate(found) if line.lstrip().startswith("client"))
    end = next(at for at, line in enumerate(found) if line.startswith("apm"))
    return found[begin + 1 : end]


class TestRows:
    async def test_each_name_has_its_figures(self) -> None:
        read, write = await rows((120, 40), named("read", "write it all"))
        assert read.split() == ["read", "700", "690", "1.23ms", "87.0ms", "0%"]
        figures = ["600", "690", "1.23ms", "≥87.0ms", "25%"]
        assert write.split()[-8:] == [*figures, "write", "it", "all"]

    async def test_one_name_has_none(self) -> None:
        assert await rows((120, 40), ()) == []

    @pytest.mark.parametrize(("size", "shown"), [((80, 24), 2), ((120, 40), 5)])
    async def test_more_than_there_is_room_for_are_counted(self, size: tuple[int, int], shown: int) -> None:
        found = await rows(size, named(*(f"name{place}" for place in range(7))))
        assert len(found) == shown
        assert found[-1].rstrip().endswith(f"and {7 - shown} more")

    async def test_names_cannot_colour_the_screen(self) -> None:
        (row,) = await rows((120, 40), named("\x1b[31m[red]a"))
        assert "\x1b" not in row
        assert "[red]a" in row
