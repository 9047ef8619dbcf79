"""The link between parent and worker: framed, never blocking, its end is the end."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from stressdash.load import control
from stressdash.load.control import Command, Link, ParentGone, Report, frame
from stressdash.wire import from_packed


@pytest.fixture
def ends() -> Iterator[tuple[Link, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Link(ours), theirs


class TestLink:
    def test_commands_arrive_whole_however_they_were_cut(self, ends: tuple[Link, socket.socket]) -> None:
        link, parent = ends
        data = frame(Command("pause")) + frame(Command("stop", mode="abort"))
        parent.send(data[:7])
        parent.send(data[7:-1])
        link._sock.setblocking(False)
        assert [command.verb for command in link.commands()] == ["pause"]
        parent.send(data[-1:])
        assert [command.mode for command in link.commands()] == ["abort"]
        assert list(link.commands()) == []

    def test_waiting_leaves_what_came_with_the_message_for_later(
        self, ends: tuple[Link, socket.socket]
    ) -> None:
        link, parent = ends
        parent.send(frame(Command("start")) + frame(Command("pause")))
        assert link.wait(Command).verb == "start"
        assert [command.verb for command in link.commands()] == ["pause"]

    def test_a_closed_link_is_the_end(self, ends: tuple[Link, socket.socket]) -> None:
        link, parent = ends
        parent.close()
        with pytest.raises(ParentGone):
            list(link.commands())
        with pytest.raises(ParentGone):
            link.report(Report("ready"))

    def test_reports_wait_for_a_slow_parent_up_to_a_bound(
        self, ends: tuple[Link, socket.socket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link, _ = ends
        link._sock.setblocking(False)
        monkeypatch.setattr(control, "BACKLOG_LIMIT", 1 << 20)
        for _ in range(1000):
            link.report(Report("window", reason="x" * 1000))
        with pytest.raises(ParentGone):
            link.report(Report("window", reason="x" * (1 << 20)))

    def test_reports_come_in_order(self, ends: tuple[Link, socket.socket]) -> None:
        link, parent = ends
        for number in range(3):
            link.report(Report("window", reason=str(number)))
        link.flush()
        data = parent.recv(1000)
        reasons = []
        while data:
            size = control.LENGTH.unpack_from(data)[0] + 4
            reasons.append(from_packed(data[4:size], Report).reason)
            data = data[size:]
        assert reasons == ["0", "1", "2"]
