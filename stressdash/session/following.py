"""What a session that watches shows of the load: the owner's run, played from its file while it is recorded.

Its windows stand on this machine's monotonic clock, as everything here does, and go onto the session's axis
as they are. The file is opened for each look and let go: a reader that held it would keep the owner from
leaving it as one plain file in the end.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stressdash.errors import StressdashError
from stressdash.report.stored import stored_report
from stressdash.session.errorlist import ErrorList
from stressdash.session.ownership import LoadPicture
from stressdash.session.run import LiveRun
from stressdash.session.tape import Tape
from stressdash.snapshot import RunState
from stressdash.store.claim import path_of
from stressdash.store.gridbook import GRID_NS
from stressdash.store.runfile import Condition, StoredRun
from stressdash.store.runs import RunFolder

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["Following"]

UNRECORDED_S: Final = 1.0
"""From here on a run that has no file will have none."""


class Following:
    """Plays the owner's runs into a session, one after another; one that owns the load leaves it alone."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._folder = RunFolder(session.settings.state).path
        self._tape = Tape()
        self._run: LiveRun | None = None
        self._run_id = ""
        self._marks = 0
        """Marks of the run that were taken over."""
        self.problem = ""
        """Why the charts of the load stay empty; empty while they do not."""

    def look_back(self) -> None:
        """Let the axis begin with the run that goes on already; before anything stands on it."""
        session = self._session
        session.ownership.look()
        path = self._path(session.ownership.picture)
        if path is None:
            return
        with suppress(StressdashError), StoredRun(path) as stored:
            session.clock.begin_at(min(session.clock.origin_ns, stored.head.origin_ns))
            session.errors = ErrorList(session.clock)

    async def tick(self) -> None:
        """Be in the owner's state, and show what its run has gained."""
        picture = self._session.ownership.picture
        if picture is None:
            return
        self._session.state = picture.state
        path, self.problem = self._path(picture), ""
        if path is None:
            if picture.recorded is None and picture.elapsed_s > UNRECORDED_S:
                self.problem = "whose load this is does not record it: here its charts stay empty"
            return
        if picture.run_id == self._run_id and self._run is not None and self._run.ended_s is not None:
            return
        try:
            with StoredRun(path) as stored:
                if stored.head.run_id == picture.run_id:
                    await self._play(stored)
        except StressdashError as error:  # it may just be made
            self.problem = f"the charts of the load cannot be drawn: {error}"

    def let_go(self) -> None:
        """The load is ours from now on."""
        session, self.problem = self._session, ""
        is_whole = session.state is RunState.FINISHED and session.report is not None
        session.state = RunState.FINISHED if is_whole else RunState.READY
        if self._run is not None and self._run.ended_s is None:
            self._run.ended_s = session.clock.now_s()

    def _path(self, picture: LoadPicture | None) -> Path | None:
        """File of the run that the owner shows."""
        if picture is None or picture.recorded is None:
            return None
        return path_of(self._folder, picture.recorded)

    async def _play(self, stored: StoredRun) -> None:
        session, head, length_s = self._session, stored.head, stored.steps * GRID_NS / 1e9
        started_s = session.clock.axis_s(head.origin_ns)
        if started_s < 0:
            self.problem = "this dashboard was opened after the run had begun: its charts stay empty"
            return
        run = self._run
        if run is None or head.run_id != self._run_id:
            run = self._begin(stored, started_s)
            await self._tape.leap(stored, length_s)
        await self._tape.advance(stored, length_s)
        self._take_marks(stored, started_s)
        if stored.condition is not Condition.RECORDING:
            run.ended_s = started_s + length_s
            if stored.report_json is not None:
                session.report = stored_report(stored)

    def _begin(self, stored: StoredRun, started_s: float) -> LiveRun:
        session, self._run_id, self._marks = self._session, stored.head.run_id, 0
        self._run = session.run = run = self._tape.begin(stored, session.clock, session.timeline)
        run.started_s, session.report = started_s, None
        session.errors.begin_run(run)
        if session.apm is not None:
            session.apm.begin_run(stored.head.started_ms)
        return run

    def _take_marks(self, stored: StoredRun, started_s: float) -> None:
        """The owner's marks; what becomes of components is seen from here as well."""
        marks = stored.marks()
        for mark in marks[self._marks :]:
            if mark.kind != "component":
                self._session.take_mark(replace(mark, at_s=started_s + mark.at_s))
        self._marks = len(marks)
