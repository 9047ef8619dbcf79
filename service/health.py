"""Whether the service is alive, and whether it can do its work now.

Ready asks through the pool, as a request does: with every connection taken for two seconds this process is
not ready for more, which a balancer may heed. Who restarts what hangs goes by alive.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from service.database import PROBE, Connection
from service.errors import ServiceError
from service.pool import Pool
from service.trail import Trail

__all__ = ["Health"]

PROBE_TIMEOUT_S = 2.0


@dataclass(slots=True)
class Health:
    """Readiness: the tables were seen and the database answers through the pool."""

    pool: Pool[Connection]
    tables: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the tables exist."""
    last_error: str = ""
    """Why the tables do not exist yet."""

    async def obstacle(self) -> str | None:
        """Why the service is not ready; None when it is."""
        if not self.tables.is_set():
            return self.last_error or "the tables are being created"
        late = "no connection came free, or could be opened,"
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                connection = await self.pool.acquire(Trail())
                late = "the database did not answer"
                try:
                    await connection.execute(PROBE)
                finally:
                    self.pool.release(connection)
        except TimeoutError:
            return f"{late} within {PROBE_TIMEOUT_S:g} s"
        except ServiceError as error:
            return str(error)
        return None
