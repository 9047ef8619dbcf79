"""Several processes of the service on one port: this one starts them, passes signals on, and outlives them.

Each binds the port for itself, and the kernel deals the connections out. When one ends by itself the others
are asked to stop, and the service ends as that one did: half a service would measure something else. When
this process is killed, the others see their pipe close and drain as orphans do.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from service.settings import Settings
from service.siblings import Place

__all__ = ["Member", "run_crew"]

PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT)
SIGNALLED = 128
"""A process that a signal ended has this code and the signal's number, as in a shell."""


@dataclass(frozen=True, slots=True)
class Member:
    """What one process of the crew gets beside its settings."""

    place: Place
    owner: int
    """Descriptor that reaches its end when the crew's owner is gone."""
    ready: int
    """Descriptor to write a byte to when it serves."""


def run_crew(settings: Settings, work: Callable[[Settings, Member], int], stdin: int | None) -> int:
    """Run `settings.workers` processes until they end; the exit code of the first that failed.

    Args:
        settings: of all of them; their port is chosen here.
        work: what each does.
        stdin: descriptor whose end stops them; None: none does.

    Raises:
        OSError: the address cannot be bound.
    """
    reserved, port = _reserve(settings.host, settings.port)
    settings = replace(settings, port=port)
    folder = Path(tempfile.mkdtemp(prefix="stats-"))
    try:
        crew = _Crew()
        for number in range(settings.workers):
            crew.start(settings, Place(folder, number, settings.workers), work, reserved)
        return crew.see_through(settings, stdin)
    finally:
        reserved.close()
        shutil.rmtree(folder, ignore_errors=True)


class _Crew:
    def __init__(self) -> None:
        self._owned_read, self._owned_write = os.pipe()
        self._ready: list[int] = []
        self._pids: set[int] = set()
        self._passed_on: set[int] = set()

    def start(
        self,
        settings: Settings,
        place: Place,
        work: Callable[[Settings, Member], int],
        reserved: socket.socket,
    ) -> None:
        """Fork one; the child never returns."""
        ready_read, ready_write = os.pipe()
        pid = os.fork()
        if pid:
            os.close(ready_write)
            self._ready.append(ready_read)
            self._pids.add(pid)
            return
        code = 1
        try:
            os.close(self._owned_write)
            reserved.close()
            code = work(settings, Member(place, self._owned_read, ready_write))
        except Exception:  # noqa: BLE001  it is told, and the process ends here
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def see_through(self, settings: Settings, stdin: int | None) -> int:
        """Say when all serve, then wait for all of them.

        Signals are taken one by one. A handler would come too late for a wait that has just begun, since
        Python runs handlers between its own steps only; the thread inherits that it takes none.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, (*PASSED_ON, signal.SIGCHLD))
        if stdin is not None:
            threading.Thread(target=self._end_with, args=(stdin,), daemon=True).start()
        if all(os.read(ready, 1) for ready in self._ready):
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            sys.stdout.write(f"listening on http://{host}:{settings.port}\n")
            sys.stdout.flush()
        code = 0
        while self._pids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                self._pids.discard(pid)
                code = code or self._code(os.waitstatus_to_exitcode(status))
                self._pass_on(signal.SIGTERM)
            elif (number := signal.sigwait((*PASSED_ON, signal.SIGCHLD))) in PASSED_ON:
                self._pass_on(number)
        return code

    def _code(self, ended: int) -> int:
        """Of a process by its end.

        One that catches no signals yet has nothing to drain, one that catches none any more has drained: when
        what was passed on ends such a one, it did as asked.
        """
        if ended >= 0:
            return ended
        return 0 if -ended in self._passed_on else SIGNALLED - ended

    def _pass_on(self, number: int) -> None:
        self._passed_on.add(number)
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _end_with(self, stdin: int) -> None:
        while os.read(stdin, 4096):
            pass
        os.close(self._owned_write)


def _reserve(host: str, port: int) -> tuple[socket.socket, int]:
    """A socket that holds the port for all, itself without listening."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    reserved = socket.socket(family, kind, protocol)
    try:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            reserved.setsockopt(socket.SOL_SOCKET, option, 1)
        reserved.bind(address)
    except OSError:
        reserved.close()
        raise
    return reserved, int(reserved.getsockname()[1])
