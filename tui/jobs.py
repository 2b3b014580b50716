"""The second screen: the bundles that came, newest first, and what became of each."""

import uuid

from sql import jobs
from sql.database import Connection
from sql.jobs import Job
from tui import filters, format, job_deeds, job_rows
from tui.deeds import Deed
from tui.job import JobDetail
from tui.listing import Listing
from tui.rows import Column, Line, Row
from tui.words import say, word

MOST = 500
"""Jobs held; older ones are found by tenant and `state:`."""

WIDE = 90
"""From so many cells on, the speed of loads is a column of its own."""


class Jobs(Listing):
    """Jobs, live."""

    tab_name = "jobs"
    status_height = 3
    hint = word("Enter open  a actions  / filter  s sort  f follow  y copy  e export  q back")
    newest_first = True

    data: list[Job] | None

    def begin(self, job: uuid.UUID | None) -> None:
        """Forget what was listed, so that nothing is done to it, and put the cursor on this job once it has come."""
        self.data, self.wanted = None, str(job or "")
        self.filter, self.following = "", False
        if self.there:
            self.app.hold(self)

    async def fetch(self, conn: Connection) -> list[Job]:
        states = filters.states(filters.parse(self.filter), jobs.STATES)
        return await jobs.page(conn, tenant=self.app.tenant, states=states, limit=MOST)

    def columns(self) -> tuple[Column, ...]:
        return job_rows.columns(self.size.width >= WIDE)

    def rows(self) -> list[Row]:
        return [job_rows.row(one, self.at, self.size.width >= WIDE) for one in self.data or ()]

    def on_resize(self) -> None:
        self.refill()

    def status(self, shown: int, total: int) -> list[Line]:
        if self.data is None:
            return []
        one = self.chosen
        if one is not None:
            lines = self.sentences(job_rows.line(one, self.at), format.STYLES.get(one.state.upper(), ""), 2)
        else:
            lines = self.sentences(say("No job fits the filter." if total else "No bundle has come yet."), "", 2)
        return [*lines, self.found(shown, total, word("the newest" if total == MOST else "jobs"))]

    @property
    def chosen(self) -> Job | None:
        """The job at the cursor."""
        row = self.table.row
        return next((one for one in self.data or () if row and str(one.id) == row.key), None)

    def deeds(self) -> list[Deed]:
        one = self.chosen
        return [] if one is None else job_deeds.of(self.app, one)

    def open(self, row: Row) -> None:
        one = self.chosen
        if one is not None:
            self.app.push_screen(JobDetail(one))

    def set_filter(self, wanted: str) -> None:
        super().set_filter(wanted)
        self.app.look()
