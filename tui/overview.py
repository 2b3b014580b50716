"""The first screen: every tenant, how it stands and why."""

import msgspec

from sql import jobs, tenants
from sql.database import Connection
from sql.jobs import Queue
from sql.tenants import Health
from tui import job_deeds, tenant_deeds, tenant_rows, times
from tui.deeds import Deed
from tui.listing import Listing
from tui.rows import Column, Line, Row
from tui.words import say, word


class Standing(msgspec.Struct, frozen=True):
    """What the screen shows."""

    tenants: list[Health]
    queue: Queue


class Overview(Listing):
    """Tenants, a sentence on the one at the cursor, and the queue."""

    tab_name = "overview"
    status_height = 4
    hint = word("Enter open  a actions  / filter  s sort  T tenant  : command  ? help  q quit")

    data: Standing | None

    async def fetch(self, conn: Connection) -> Standing:
        chosen = self.app.tenant
        found = [one for one in await tenants.health(conn) if chosen in (None, one.code)]
        found.sort(key=lambda one: (tenant_rows.URGENT.index(tenant_rows.standing(one, self.at.now)), one.code))
        return Standing(found, await jobs.queue(conn, times.midnight(self.at.now, self.at.zone)))

    def columns(self) -> tuple[Column, ...]:
        return tenant_rows.COLUMNS

    def rows(self) -> list[Row]:
        return [] if self.data is None else [tenant_rows.row(one, self.at) for one in self.data.tenants]

    def status(self, shown: int, total: int) -> list[Line]:
        if self.data is None:
            return []
        one = self.chosen
        if one is not None:
            said, style = tenant_rows.why(one, self.at)
        else:
            said = say("No tenant fits the filter." if total else "No tenants yet: rosterhub tenant add")
            style = ""
        return [
            *self.sentences(said, style, 2),
            self.sentence(tenant_rows.queue_line(self.data.queue)),
            self.found(shown, total, word("tenants")),
        ]

    @property
    def chosen(self) -> Health | None:
        """The tenant at the cursor."""
        row = self.table.row
        return next((one for one in self.data.tenants if row and one.code == row.key), None) if self.data else None

    def deeds(self) -> list[Deed]:
        one = self.chosen
        if one is None:
            return []
        found = tenant_deeds.deeds(self.app, one.code, one.state)
        if one.job_id is not None and one.job_state is not None:
            found = [*job_deeds.deeds(self.app, one.job_id, one.job_state, approved=one.approved), *found]
        return found

    def open(self, row: Row) -> None:
        one = self.chosen
        self.app.open_tenant(row.key, one.job_id if one else None)
