from __future__ import annotations

from dataclasses import replace

from tui_fakes import FakeSession
from tui_pictures import make_snapshot

from stressdash.tui.lens import Lens
from stressdash.tui.view import WINDOWS_S


class TestWindow:
    def test_begins_with_a_minute(self) -> None:
        lens = Lens(FakeSession())
        assert lens.view(make_snapshot()).window_s == 60.0

    def test_zooms_between_the_shortest_and_the_whole_run(self) -> None:
        lens = Lens(FakeSession())
        lens.zoom(-99)
        assert lens.view(make_snapshot()).window_s == WINDOWS_S[0]
        lens.zoom(99)
        assert lens.view(make_snapshot()).window_s is None

    def test_zooming_out_of_a_pinned_stretch_comes_back_to_the_present_first(self) -> None:
        lens = Lens(FakeSession())
        lens.pin(3.0, 9.0)
        assert lens.view(make_snapshot()).pinned == (3.0, 9.0)
        lens.zoom(1)
        view = lens.view(make_snapshot())
        assert (view.pinned, view.window_s) == (None, 60.0)

    def test_unpinning_says_whether_there_was_anything_to_leave(self) -> None:
        lens = Lens(FakeSession())
        lens.pin(3.0, 9.0)
        assert lens.unpin()
        assert not lens.unpin()

    def test_pictures_reach_back_to_what_is_pinned(self) -> None:
        session = FakeSession(make_snapshot(now_s=100.0))
        lens = Lens(session)
        lens.newest()
        lens.pin(40.0, 50.0)
        lens.newest()
        reach_s = session.spans_s[-1]
        assert reach_s is not None
        assert reach_s >= 60.0


class TestFreezing:
    def test_a_frozen_picture_is_seen_in_the_place_of_newer_ones(self) -> None:
        old, new = make_snapshot(now_s=100.0), make_snapshot(now_s=200.0)
        lens = Lens(FakeSession(new))
        lens.freeze(old)
        assert lens.view(new).snapshot is old
        assert lens.view(new).frozen
        lens.freeze(None)
        assert lens.view(new).snapshot is new

    def test_a_frozen_picture_gets_series_of_another_window(self) -> None:
        old = make_snapshot(now_s=100.0, series={})
        new = make_snapshot(now_s=130.0)
        session = FakeSession(new)
        lens = Lens(session)
        lens.freeze(old)
        lens.zoom(1)
        assert lens.view(new).snapshot == replace(old, series=new.series)
        assert session.spans_s[-1] == 120.0 + 30.0


class TestMuting:
    def test_mutes_and_hears_again(self) -> None:
        lens = Lens(FakeSession(), muted=frozenset({"a"}))
        lens.toggle_mute("b")
        lens.toggle_mute("a")
        assert lens.view(make_snapshot()).muted == {"b"}
