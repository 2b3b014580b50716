"""The third screen: the log, newest first, a page at a time however long it is, and whether it is what was sealed."""

import datetime
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from oneroster.refused import Refused
from sql import chain, clients, database, search
from sql.audit import Entry
from sql.database import Connection
from sql.search import Asked, Found, Place
from sql.verification import Fault, Verified
from tui import audit_rows, conditions, exporting, keys, rows, times, window
from tui.detail import Detail
from tui.dialog import Dialog
from tui.listing import Listing
from tui.picker import Choice, Picker
from tui.rows import Column, Line, Row
from tui.table import Table
from tui.window import Window
from tui.words import say, word

WIDE = 100
"""From so many cells on, times are shown whole."""

AGAIN = datetime.timedelta(minutes=1)
"""How far back it is looked for what has come since, where a whole search takes too long."""

RANGES: dict[str, tuple[str, datetime.timedelta | None]] = {
    "all": (word("all"), None),
    "1h": (word("last hour"), datetime.timedelta(hours=1)),
    "24h": (word("last 24 h"), datetime.timedelta(hours=24)),
    "7d": (word("last 7 days"), datetime.timedelta(days=7)),
    "30d": (word("last 30 days"), datetime.timedelta(days=30)),
    "365d": (word("last 365 days"), datetime.timedelta(days=365)),
}

Verify = Callable[[Callable[[int], None]], Awaitable[Verified]]
"""Verifies the whole log, and tells how many entries it has looked at. The key is whose who gave it."""


class Audit(Listing):
    """Entries of the log around the cursor; the next ones are fetched when the cursor comes near the end."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.AUDIT)
    own_keys = keys.AUDIT
    tab_name = "audit"
    head_height = 1
    status_height = 3
    hint = word("t range  / search  Enter detail  v verify chain  e export  ? help  q back")
    question = word("word who: action: target: result:no since:24h until: !not   Enter, Esc drop")
    newest_first = True

    data: Window | None

    def __init__(self) -> None:
        super().__init__()
        self._wanted = 0
        self._range = "all"
        self._since: datetime.datetime | None = None
        self._typed: tuple[object, ...] = ()
        self._asked = Asked()
        self._looked: datetime.datetime | None = None
        self._names: dict[str, str] = {}
        """Of clients, by their ids."""
        self._checked: int | None = None
        """Entries that a verification under way has looked at."""
        self._verified: Verified | None = None

    @property
    def asked(self) -> Asked:
        typed = (self.filter, self.app.tenant, self._since)
        if typed != self._typed:  # only then: a span goes back from the moment it was typed
            self._typed = typed
            self._asked = conditions.asked(*typed, self.at.now, self.at.zone)
        return self._asked

    async def fetch(self, conn: Connection) -> Window:
        held = self.data if self.data is not None and self.data.asked == self.asked else Window(self.asked)
        if (held.asked.who or held.asked.without) and not held.pages:
            await self._look_up(conn)
        found = await self._entries(conn, held)
        if any(one.who_kind == "client" and one.who not in self._names for one in found.entries):
            await self._look_up(conn)
            self._names = {one.who: one.who for one in found.entries} | self._names
        new = [one.id for one in found.entries if one.id not in held.links]
        kept = {one.id for one in found.entries}
        links = {number: link for number, link in held.links.items() if number in kept}
        links |= await chain.places(conn, new)
        last = await chain.last(conn)
        return window.chained(found, links, last.seq if last else 0)

    async def _entries(self, conn: Connection, held: Window) -> Window:
        wanted, self._wanted = self._wanted, 0
        if wanted > 0 and held.pages and not held.ended:
            return window.with_older(held, await self._page(conn, held.asked, window.end(held)))
        if wanted < 0 and held.above:
            return window.with_newer(held, await self._page(conn, held.asked, held.above[-1]))
        if held.above:
            return held
        now = await search.now(conn)
        since, self._looked = self._looked, now
        if held.pages and since is not None and (held.asked.words or held.asked.without):
            return await self._go_on(conn, held, since - AGAIN)
        return window.with_newest(held, await self._page(conn, held.asked, window.START))

    async def _go_on(self, conn: Connection, held: Window, since: datetime.datetime) -> Window:
        """A search that was made, and perhaps broken off: what is new above it, and a step further back."""
        recent = await self._page(conn, search.later(held.asked, since), window.START)
        held = window.with_recent(held, recent.entries)
        if held.searched is not None and len(held.entries) < window.PAGE:
            return window.with_older(held, await self._page(conn, held.asked, held.searched))
        return held

    async def _page(self, conn: Connection, asked: Asked, before: Place) -> Found:
        named = conditions.named(asked, self._names)
        return await search.page(conn, named, before=before, limit=window.PAGE)

    async def _look_up(self, conn: Connection) -> None:
        """What clients are called; one that the log alone knows is called by its id."""
        self._names = {one.client_id: one.name for one in await clients.every(conn)}

    def take(self, data: Window) -> bool:
        # An answer to what is no longer asked is dropped; the next look is on its way.
        return data.asked == self.asked and super().take(data)

    def columns(self) -> tuple[Column, ...]:
        return audit_rows.columns(times.zone_name(self.at.now, self.at.zone), self.size.width >= WIDE)

    def rows(self) -> list[Row]:
        if self.data is None:
            return []
        wide = self.size.width >= WIDE
        wrong = {one.audit_id for one in self._faults}
        return [audit_rows.row(one, self.at, wide, self._names, wrong=one.id in wrong) for one in self.data.entries]

    @property
    def _faults(self) -> Sequence[Fault]:
        """What the last verification has found."""
        return self._verified.faults if self._verified else ()

    def _fault(self, entry: Entry) -> str:
        """What is wrong with an entry, or nothing."""
        return next((audit_rows.fault(one, self.at) for one in self._faults if one.audit_id == entry.id), "")

    def on_resize(self) -> None:
        self.refill()

    def head(self) -> list[Line]:
        asked = self.asked
        span = say(RANGES[self._range][0])
        if asked.until is not None or asked.since != self._since:
            span = f"{times.day(asked.since, self.at.zone)} .. {times.day(asked.until, self.at.zone)}"
        left = audit_rows.range_line(asked, span)
        sealed = self.data.sealed if self.data else 0
        said, style = audit_rows.chain_state(sealed, self._checked, self._verified)
        return [rows.edges([(f" {left}", "")], [(f"  {said} ", style)], self.size.width)]

    def status(self, shown: int, total: int) -> list[Line]:
        if self.data is None:
            return []
        one = self._entry(self.table.row)
        if one is None:
            lines = [self.sentence(say("The log is empty." if self._is_all else "Nothing found.")), ()]
            if self.asked.words:
                lines[1] = self.sentence(say("A client is found by its name with who:NAME."), "dim")
        else:
            said = audit_rows.lines(one, self.at, self.data.links.get(one.id))
            lines = [self.sentence(line) for line in said]
            fault = self._fault(one)
            if fault:
                lines[0] = self.sentence(fault, "bad")
        more = ""
        if self.data.above:
            more += say(", newer above")
        if self.data.searched is not None:
            more += say(", searched back to {time}", time=times.day(self.data.searched[0], self.at.zone))
        elif not self.data.ended:
            more += say(", older below")
        return [*lines, self.found(shown, total, word("entries"), more)]

    @property
    def _is_all(self) -> bool:
        return not self.asked.more and self.asked.since is None and self.asked.until is None

    def _entry(self, row: Row | None) -> Entry | None:
        held = self.data.entries if self.data else []
        return next((one for one in held if row and str(one.id) == row.key), None)

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
            self._begin_anew()
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
            self._begin_anew()

    def _begin_anew(self) -> None:
        self.data = Window(self.asked)
        self._looked = None
        self.table.cursor = self.table.top = 0
        self.app.look()

    # The range

    def action_range(self) -> None:
        choices = [Choice(name, name, say(title)) for name, (title, _) in RANGES.items()]
        self.app.push_screen(Picker(say("Range"), (word("RANGE"), word("SINCE")), choices, self.set_range, width=12))

    def set_range(self, name: str) -> None:
        """Show entries of that time only."""
        self._range = name
        back = RANGES[name][1]
        self._since = None if back is None else self.at.now - back
        self._begin_anew()

    @property
    def misread(self) -> Sequence[str]:
        return conditions.misread(self.filter, self.at.now, self.at.zone)

    def action_export(self) -> None:
        hands = self.app.hands
        if hands is None or self.misread:
            super().action_export()
        else:
            asked = conditions.named(self.asked, self._names)
            self.app.push_screen(Dialog(exporting.ask_log(self.app, hands, asked, self.at)))

    # The chain

    def action_verify(self) -> None:
        if self.app.verify is None:
            self.say(say("The chain is verified where the key is: rosterhub audit verify"))
        elif self._checked is None:
            self._checked = 0
            self.paint()
            self.run_worker(self._verify(self.app.verify), group="verify")

    async def _verify(self, verify: Verify) -> None:
        told = 0.0

        def progress(count: int) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= 1.0:
                told, self._checked = now, count
                self.paint()

        try:
            self._verified = await verify(progress)
        except database.OUTAGE:
            self.say(say("The chain was not verified: the database does not answer."))
        except Refused as refusal:
            self.say(f"{refusal} {refusal.hint}")
        else:
            self._tell(self._verified)
        finally:
            self._checked = None
            self.refill()

    def _tell(self, found: Verified) -> None:
        if not found.count:
            said = say(
                "1 entry is as it was sealed." if found.links == 1 else "{count:,} entries are as they were sealed.",
                count=found.links,
            )
            again = {"anchor": str(found.anchor), "later": f"rosterhub audit verify --anchor {found.anchor}"}
            self.app.push_screen(Detail({"message": said, **(again if found.links else {})}))
        else:
            entries = self.data.entries if self.data else []
            held = {one.id: f"  {one.who}  {one.action}  {audit_rows.brief(one, one.target)}" for one in entries}
            faults = {
                f"#{one.seq or one.audit_id}": f"{audit_rows.fault(one, self.at)}{held.get(one.audit_id or 0, '')}"
                for one in found.faults
            }
            self.app.push_screen(Detail(faults))

    def open(self, row: Row) -> None:
        one, held = self._entry(row), self.data
        if one is None or held is None:
            return
        fault = self._fault(one)
        record = {"message": fault} if fault else {}
        record |= {**row.record, "at": times.whole(row.when, self.at.zone)}
        if self._names.get(one.who, one.who) != one.who:
            record["who"] = f"{one.who}  {self._names[one.who]}"
        link, entries = held.links.get(one.id), held.entries
        if link is not None:
            record |= {"seq": f"#{link.seq:,}", "hmac": link.hmac.hex(), "prev": link.before.hex()}
        place = entries.index(one)
        for name, other in (("newer", place - 1), ("older", place + 1)):
            if 0 <= other < len(entries):
                record[name] = audit_rows.short(entries[other], self.at)
        self.app.push_screen(Detail(record))
