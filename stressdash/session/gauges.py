"""Puts what stack and machine tell on the time line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stressdash.snapshot import Interference

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["draw_processors", "draw_status"]


def draw_status(session: Session, now_s: float) -> None:
    """Put what components use, and what service and database told last, on the charts."""
    timeline = session.timeline
    if (service := session.watch.service) is not None and service.pool is not None:
        timeline.add_gauge("pool.open", now_s, service.pool.open)
        timeline.add_gauge("pool.in_use", now_s, service.pool.in_use)
        timeline.add_gauge("pool.waiting", now_s, service.pool.waiting)
    session.watch.usage.add(now_s, session.watch.components)
    session.database_meter.add(now_s, session.watch.database)
    if (database := session.watch.database) is not None and database.threads_connected is not None:
        timeline.add_gauge("database.threads", now_s, database.threads_connected)


def draw_processors(session: Session, now_s: float, interference: Interference) -> None:
    """Put the shares of the machine on the charts."""
    for name in ("machine", "generator", "service", "database", "apm", "dashboard"):
        if (share := getattr(interference, name)) is not None:
            session.timeline.add_gauge(f"cpu.{name}", now_s, 100 * share)
