"""What the kernel's tables tell, from the real ones and from made-up ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stressdash.load import kernel

FILES = {
    "sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
    "sys/net/ipv4/tcp_tw_reuse": "2\n",
    "net/sockstat": "sockets: used 142\nTCP: inuse 41 orphan 0 tw 251 alloc 47 mem 0\n",
    "sys/net/core/somaxconn": "4096\n",
    "net/netstat": "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 17 18\nIpExt: A\n",
}


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(kernel, "PROC", tmp_path)
    return tmp_path


class TestTables:
    def test_are_read(self, proc: Path) -> None:
        assert kernel.local_ports() == 28_232
        assert kernel.resting_ports() == 251
        assert kernel.backlog_limit() == 4096
        assert kernel.listen_overflows() == 17

    @pytest.mark.parametrize(
        ("setting", "loopback", "rest_s"),
        [("0", True, 60), ("1", False, 1), ("2", True, 1), ("2", False, 60)],
    )
    def test_ports_rest_as_long_as_the_setting_says(
        self, proc: Path, setting: str, loopback: bool, rest_s: int
    ) -> None:
        (proc / "sys/net/ipv4/tcp_tw_reuse").write_text(f"{setting}\n")
        assert kernel.port_rest_s(loopback=loopback) == rest_s

    def test_what_lacks_is_unknown(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kernel, "PROC", tmp_path)
        told = (
            kernel.local_ports(),
            kernel.port_rest_s(loopback=True),
            kernel.resting_ports(),
            kernel.backlog_limit(),
            kernel.listen_overflows(),
        )
        assert told == (None,) * 5

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no such tables")
    def test_this_machine_tells_all_of_them(self) -> None:
        assert (kernel.local_ports() or 0) > 0
        assert kernel.port_rest_s(loopback=True) in {1, 60}
        assert kernel.resting_ports() is not None
        assert (kernel.backlog_limit() or 0) > 0
        assert kernel.listen_overflows() is not None
