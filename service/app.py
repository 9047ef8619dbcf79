"""The composition root: builds the service from its settings, runs it, and drains it."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from aiohttp.web import BaseRequest, Response, Server, ServerRunner, TCPSite

from service.admin import Admin, answer_json
from service.agent import Agent
from service.books import Books
from service.database import Connector
from service.errors import DatabaseError
from service.health import Health
from service.ids import IdSource
from service.pool import Limits, Pool
from service.reporter import Reporter
from service.request import whole_request
from service.rpc import RpcServer
from service.settings import INHERIT, Settings
from service.siblings import Place, Siblings, share
from service.stats import StatsService
from service.twirp import Router

__all__ = ["App"]

_LOG = logging.getLogger(__name__)

Page = Callable[[BaseRequest], Awaitable[Response]]

RETRY_S = 0.5
"""Between attempts to create the tables."""
REAP_S = 1.0
HANG_UP_S = 0.2
"""What handlers that outlive the drain get to notice their cancellation."""


class App:
    """The running service. Make it inside an event loop; then `start`, and `serve` until `ask_to_stop`."""

    def __init__(self, settings: Settings, place: Place | None = None) -> None:
        """`place` is that among its siblings, where several processes share the port."""
        self._settings = settings
        self._place = place
        self._siblings = Siblings(place, self.status, self.turn) if place is not None else None
        self._knobs = settings.knobs
        self._connector = Connector(settings.dsn)
        self._pool = Pool(self._connector.connect, time.monotonic, self._limits)
        self._books = Books()
        self._health = Health(self._pool)
        ids = IdSource(time.time, machine=random.getrandbits(16))
        stats = StatsService(self._pool, ids, time.time, lambda: self._knobs)
        server_url = settings.apm_server_url
        start_agent = partial(Agent, server_url, settings.apm_secret_token) if server_url else None
        self._reporter = Reporter(start_agent, settings.dsn, random.Random())
        self._rpc = RpcServer(Router(*stats.methods), self._books, self._reporter)
        self._pages: dict[tuple[str, str], Page] = {
            ("GET", "/healthz"): self._healthz,
            ("GET", "/readyz"): self._readyz,
        }
        if settings.admin_token:
            admin = Admin(
                settings.admin_token, self.whole_status, self.turn_all, private=settings.admin_private
            )
            self._pages |= {("GET", "/admin/status"): admin.status, ("PATCH", "/admin/knobs"): admin.knobs}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._deadline = math.inf
        """Of the drain, in seconds of the event loop."""
        self._drain: asyncio.Timeout | None = None

    async def start(self) -> str:
        """Bind and serve; returns the address as a URL.

        Raises:
            OSError: the address cannot be bound.
        """
        # Twirp has no compressed requests: whoever sends one is told at once that it is no message.
        self._server = Server(
            self._dispatch, request_factory=whole_request, access_log=None, auto_decompress=False
        )
        self._server.handler_cancellation = self._knobs.cancellation == INHERIT
        self._runner = ServerRunner(self._server, shutdown_timeout=HANG_UP_S)
        await self._runner.setup()
        shared = self._siblings is not None
        self._site = TCPSite(
            self._runner, self._settings.host, self._settings.port, backlog=4096, reuse_port=shared or None
        )
        await self._site.start()
        if self._siblings is not None:
            await self._siblings.start()
        self._reporter.turn(on=self._knobs.apm, sampling=self._knobs.sampling)
        self._tasks = [asyncio.create_task(self._create_tables()), asyncio.create_task(self._reap())]
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def ask_to_stop(self, patience_s: float) -> None:
        """Begin the drain; calls in flight get so long, or shorter if somebody is less patient."""
        deadline = asyncio.get_running_loop().time() + patience_s
        self._deadline = min(self._deadline, deadline)
        if self._drain:
            self._drain.reschedule(self._deadline)
        self._stopping.set()

    async def serve(self) -> None:
        """Serve until asked to stop, then drain: nothing new, time for what is in flight, all closed."""
        await self._stopping.wait()
        await self._site.stop()
        self._server.pre_shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._deadline) as self._drain:
                await self._books.empty()
        self._drain = None
        await self._runner.cleanup()
        if self._siblings is not None:
            await self._siblings.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pool.close()
        await self._connector.settle()
        self._reporter.close()

    def status(self) -> dict[str, Any]:
        """Figures and knobs of this process."""
        pool = asdict(self._pool.stats())
        return {
            "pool": pool,
            "conn_max_lifetime_s": self._knobs.limits.conn_max_lifetime_s,
            "cancellation": self._knobs.cancellation,
            "push_timeout_s": self._knobs.push_timeout_s,
            "sampling": self._knobs.sampling,
            "apm_enabled": self._knobs.apm,
            "agent_dropped": self._reporter.dropped,
            "requests": self._books.requests,
            "in_flight": self._books.in_flight,
            "cpu_seconds": time.process_time(),
            "workers": 1,
        }

    async def whole_status(self) -> dict[str, Any]:
        """Of all processes of the service, as the admin endpoint tells it.

        Raises:
            SiblingSilent: one does not answer.
        """
        return self.status() if self._siblings is None else await self._siblings.status()

    async def turn_all(self, values: Mapping[str, str]) -> None:
        """Turn knobs of all processes, all or none of the knobs.

        Raises:
            BadConfiguration: one of them cannot be turned so.
            SiblingSilent: a process does not answer.
        """
        if self._siblings is None:
            self.turn(values)
        else:
            await self._siblings.turn(values)

    def turn(self, values: Mapping[str, str]) -> None:
        """Turn knobs of this process, all or none.

        Raises:
            BadConfiguration: one of them cannot be turned so.
        """
        knobs = self._knobs.changed(values)
        self._reporter.turn(on=knobs.apm, sampling=knobs.sampling)
        self._knobs = knobs
        self._server.handler_cancellation = knobs.cancellation == INHERIT
        self._pool.resize(self._limits)

    @property
    def _limits(self) -> Limits:
        """Of this process's pool."""
        limits = self._knobs.limits
        return limits if self._place is None else share(limits, self._place)

    async def _dispatch(self, request: BaseRequest) -> Response:
        page = self._pages.get((request.method, request.path))
        return await (page(request) if page else self._rpc.serve(request))

    async def _healthz(self, _request: BaseRequest) -> Response:
        return answer_json({"status": "alive"})

    async def _readyz(self, _request: BaseRequest) -> Response:
        reason = await self._health.obstacle()
        if reason is None:
            return answer_json({"status": "ready"})
        return answer_json({"status": "not ready", "reason": reason}, 503)

    async def _create_tables(self) -> None:
        # The driver may take a cancellation for a failed connect, so the loop asks for itself.
        while not (self._health.tables.is_set() or self._stopping.is_set()):
            try:
                await self._connector.create_tables()
            except DatabaseError as error:
                if str(error) != self._health.last_error:
                    _LOG.warning("the tables could not be created yet: %s", error)
                self._health.last_error = str(error)
                await asyncio.sleep(RETRY_S)
            else:
                self._health.tables.set()

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(REAP_S)
            self._pool.reap()
