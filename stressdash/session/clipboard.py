"""What `y` copies: command lines of the plan, a row's words, or where to look elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stressdash.session.apmpages import apm_place
from stressdash.session.commandlines import as_curl, as_wrk
from stressdash.session.elsewhere import console_search, kibana_link
from stressdash.session.plan import next_plan

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["copied"]


async def copied(session: Session, what: str, subject: str) -> str:
    """`curl` and `wrk` of the plan; `value`, `query` and `kibana` of a row or a tab of the APM views."""
    if what in ("curl", "wrk"):
        plan = session.run.plan if session.run is not None else next_plan(session)
        return as_curl(plan) if what == "curl" else as_wrk(plan)
    if what == "value":
        return session.errors.row(subject).title
    place = await apm_place(session, subject)
    return console_search(place) if what == "query" else kibana_link(place, session.settings.kibana)
