"""What Docker says of a container, read: states, use, and the documents of different versions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stressdash.samples import ComponentState
from stressdash.stack.container import ContainerUsage, parse_time, seen, usage


def inspected(status: str = "running", **state: Any) -> dict[str, Any]:
    """An inspect document."""
    return {
        "Id": "c1",
        "RestartCount": 0,
        "State": {
            "Status": status,
            "ExitCode": 0,
            "Pid": 7,
            "StartedAt": "2026-11-24T07:58:28.948951123Z",
            "Error": "",
            **state,
        },
        "NetworkSettings": {
            "Ports": {"3000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}], "9/tcp": None}
        },
    }


def judged(document: dict[str, Any], *, asked: bool = False) -> tuple[ComponentState, str]:
    """State and words."""
    container = seen(document)
    state = container.state(asked=asked)
    return state, container.detail(state)


class TestTime:
    @pytest.mark.parametrize(
        ("text", "microsecond"),
        [
            ("2026-11-24T07:58:28.948951123Z", 948951),
            ("2026-11-24T07:58:28.9Z", 900000),
            ("2026-11-24T07:58:28Z", 0),
        ],
    )
    def test_is_read_whatever_its_precision(self, text: str, microsecond: int) -> None:
        assert parse_time(text) == datetime(2026, 11, 24, 7, 58, 28, microsecond, tzinfo=UTC)

    @pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "", "soon"])
    def test_that_never_was_is_none(self, text: str) -> None:
        assert parse_time(text) is None


class TestSeen:
    def test_ports_are_those_that_are_published(self) -> None:
        assert seen(inspected()).ports == {3000: 32768}

    def test_a_container_that_was_only_made_has_neither_process_nor_exit_code(self) -> None:
        container = seen(inspected("created", Pid=0, StartedAt="0001-01-01T00:00:00Z"))
        assert (container.pid, container.exit_code, container.started) == (None, None, None)


class TestState:
    @pytest.mark.parametrize(
        ("document", "asked", "state", "words"),
        [
            (inspected(), False, ComponentState.RUNNING, ""),
            (inspected(Health={"Status": "starting", "Log": None}), False, ComponentState.STARTING, ""),
            (inspected(Health={"Status": "healthy"}), False, ComponentState.RUNNING, ""),
            (
                inspected(
                    Health={"Status": "unhealthy", "Log": [{"Output": "Traceback\n\x1b[2JHTTP 503\n"}]}
                ),
                False,
                ComponentState.UNHEALTHY,
                r"its health check fails: \x1b[2JHTTP 503",
            ),
            (inspected("paused"), False, ComponentState.PAUSED, "paused: it goes on when you start it"),
            (inspected("exited", ExitCode=137), False, ComponentState.FAILED, "exit code 137"),
            (inspected("exited", ExitCode=137), True, ComponentState.STOPPED, ""),
            (inspected("exited"), False, ComponentState.STOPPED, ""),
            (
                inspected("exited", ExitCode=137, OOMKilled=True),
                False,
                ComponentState.FAILED,
                "killed by the system: it used more memory than its limit",
            ),
            (
                inspected("created", Error="driver failed: port is already allocated"),
                False,
                ComponentState.FAILED,
                "it could not be started: driver failed: port is already allocated",
            ),
            (inspected("removing"), False, ComponentState.STOPPING, ""),
        ],
    )
    def test_is_what_docker_says_and_what_was_asked_for(
        self, document: dict[str, Any], asked: bool, state: ComponentState, words: str
    ) -> None:
        assert judged(document, asked=asked) == (state, words)


class TestUsage:
    def test_is_read_from_the_first_version_of_the_kernels_accounts(self) -> None:
        document = {
            "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}},
            "memory_stats": {"usage": 1_000, "stats": {"inactive_file": 400}},
            "networks": {"eth0": {"rx_bytes": 1, "tx_bytes": 2}, "eth1": {"rx_bytes": 10, "tx_bytes": 20}},
            "blkio_stats": {
                "io_service_bytes_recursive": [
                    {"op": "Read", "value": 3},
                    {"op": "Write", "value": 4},
                    {"op": "Write", "value": 5},
                    {"op": "Total", "value": 12},
                ]
            },
        }
        assert usage(document) == ContainerUsage(2.5, 600, 11, 22, 3, 9)

    def test_and_from_the_second(self) -> None:
        blocks = [{"op": "read", "value": 3}, {"op": "write", "value": 4}]
        document = {"blkio_stats": {"io_service_bytes_recursive": blocks}}
        assert usage(document) == ContainerUsage(read_bytes=3, written_bytes=4)

    @pytest.mark.parametrize(
        "document",
        [{}, {"cpu_stats": None, "memory_stats": {}, "networks": None, "blkio_stats": {}}],
    )
    def test_that_is_not_told_is_unknown(self, document: dict[str, Any]) -> None:
        assert usage(document) == ContainerUsage()
