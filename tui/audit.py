"""The third screen: the log, newest first, a page at a time however long it is."""

from textual import on

from sql import search as finding
from sql.audit import Entry
from sql.database import Connection
from sql.search import Asked
from tui import format, times, window
from tui.detail import Detail
from tui.listing import Listing
from tui.rows import Column, Line, Row
from tui.table import Table
from tui.window import Place, Window
from tui.words import say, word

WIDE = 100
"""From so many cells on, times are shown whole."""


class Audit(Listing):
    """Entries of the log around the cursor; the next ones are fetched when the cursor comes near the end."""

    tab_name = "audit"
    status_height = 3
    hint = word("/ search  f follow  T tenant  Enter detail  y copy target  ? help  q back")
    question = word("a part of who, from, action or target   Enter keep, Esc drop")
    newest_first = True

    data: Window | None

    def __init__(self) -> None:
        super().__init__()
        self._wanted = 0

    @property
    def asked(self) -> tuple[str | None, str]:
        return self.app.tenant, self.filter

    async def fetch(self, conn: Connection) -> Window:
        held = self.data if self.data is not None and self.data.asked == self.asked else Window(self.asked)
        wanted, self._wanted = self._wanted, 0
        if wanted > 0 and held.pages and not held.ended:
            return window.with_older(held, await self._page(conn, held, window.end(held)))
        if wanted < 0 and held.above:
            return window.with_newer(held, await self._page(conn, held, held.above[-1]))
        if held.above:
            return held
        return window.with_newest(held, await self._page(conn, held, window.START))

    async def _page(self, conn: Connection, held: Window, before: Place) -> list[Entry]:
        tenant, search = held.asked
        asked = Asked(tenant=tenant, words=tuple(search.split()))
        return (await finding.page(conn, asked, before=before, limit=window.PAGE)).entries

    def take(self, data: Window) -> bool:
        # An answer to what is no longer asked is dropped; the next look is on its way.
        return data.asked == self.asked and super().take(data)

    def columns(self) -> tuple[Column, ...]:
        return format.audit_columns(times.zone_name(self.at.now, self.at.zone), self.size.width >= WIDE)

    def rows(self) -> list[Row]:
        if self.data is None:
            return []
        wide = self.size.width >= WIDE
        return [format.audit_row(one, self.at, wide) for one in self.data.entries]

    def on_resize(self) -> None:
        self.refill()

    def status(self, shown: int, total: int) -> list[Line]:
        if self.data is None:
            return []
        row = self.table.row
        one = next((one for one in self.data.entries if row and str(one.id) == row.key), None)
        if one is None:
            lines = [self.sentence(say("Nothing found." if self.filter else "The log is empty.")), ()]
        else:
            lines = [self.sentence(line) for line in format.audit_lines(one, self.at)]
        what = say("entries")
        if self.data.above:
            what += say(", newer above")
        if not self.data.ended:
            what += say(", older below")
        return [*lines, self.found(shown, total, what)]

    def filtered(self, every: list[Row]) -> list[Row]:
        return every  # the database has searched already

    @on(Table.Moved)
    def turn_page(self) -> None:
        """Ask for more where the cursor comes within a screenful of an end."""
        table = self.table
        if self.data is None or not table.rows:
            return
        if table.cursor + table.page >= len(table.rows) and not self.data.ended:
            self._wanted = 1
            self.app.look()
        elif table.cursor < table.page and self.data.above:
            self._wanted = -1
            self.app.look()

    def action_first(self) -> None:
        if self.data is not None and self.data.above:
            self.data = Window(self.asked)
            self.app.look()
        super().action_first()

    def action_follow(self) -> None:
        self.action_first()
        super().action_follow()

    def action_sort(self) -> None:
        self.say(say("The log is always newest first."))

    def action_reverse(self) -> None:
        self.action_sort()

    def set_filter(self, wanted: str) -> None:
        if wanted != self.filter:
            self.filter = wanted
            self.table.cursor = self.table.top = 0
            self.app.look()

    def open(self, row: Row) -> None:
        self.app.push_screen(Detail({**row.record, "at": times.whole(row.when, self.at.zone)}))
