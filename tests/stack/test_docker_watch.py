"""Following Docker's events: what is news, and streams that break."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from stressdash.errors import StackError
from stressdash.stack import docker_watch
from stressdash.stack.docker_watch import DockerWatch


class Daemon:
    """Gives events that a test puts in; None ends the stream."""

    def __init__(self) -> None:
        self.events: queue.Queue[Mapping[str, Any] | None] = queue.Queue()
        self.opened: queue.Queue[bool] = queue.Queue()
        self.stopped = False

    def listen(self) -> tuple[Iterator[Mapping[str, Any]], Callable[[], None]]:
        self.opened.put(not self.stopped)
        if self.stopped:
            raise StackError("the Docker daemon does not run")
        events = self.events = queue.Queue()
        return iter(events.get, None), lambda: events.put(None)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    monkeypatch.setattr(docker_watch, "FIRST_PAUSE_S", 0.01)
    return Daemon()


@pytest.fixture
def watch(daemon: Daemon) -> Iterator[DockerWatch]:
    made = DockerWatch(daemon.listen)
    yield made
    made.close()


class TestTake:
    def test_is_true_while_nobody_listens(self, watch: DockerWatch) -> None:
        assert watch.take()
        assert watch.take()

    def test_is_true_once_for_whatever_was_before_the_stream(
        self, watch: DockerWatch, daemon: Daemon
    ) -> None:
        watch.start()
        _until_listening(watch, daemon)
        assert watch.take()
        assert not watch.take()

    @pytest.mark.parametrize("action", ["die", "start", "health_status: unhealthy", "destroy", "oom"])
    def test_is_true_after_an_event(self, watch: DockerWatch, daemon: Daemon, action: str) -> None:
        watch.start()
        _until_listening(watch, daemon)
        watch.take()
        daemon.events.put({"Action": action})
        _until(watch.take)

    @pytest.mark.parametrize("action", ["exec_create: sh -c x", "exec_start: sh", "exec_die", "top"])
    def test_is_not_for_what_health_checks_are_made_of(
        self, watch: DockerWatch, daemon: Daemon, action: str
    ) -> None:
        watch.start()
        _until_listening(watch, daemon)
        watch.take()
        for _ in range(2):  # the first was looked at once the second is taken
            daemon.events.put({"Action": action})
        _until(daemon.events.empty)
        assert not watch.take()


class TestLoss:
    def test_of_the_daemon_is_survived(self, watch: DockerWatch, daemon: Daemon) -> None:
        watch.start()
        _until_listening(watch, daemon)
        daemon.stopped = True
        daemon.events.put(None)
        assert daemon.opened.get(timeout=30) is False
        assert watch.take(), "every look is worth while without a stream"
        daemon.stopped = False
        _until_listening(watch, daemon)


def _until_listening(watch: DockerWatch, daemon: Daemon) -> None:
    while not daemon.opened.get(timeout=30):
        pass
    _until(lambda: watch.listening)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
