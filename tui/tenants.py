"""The fifth screen: tenants and their doors, when deliveries are due, what the guard lets through."""

import asyncio

import msgspec

from sql import amounts, inboxes, settings, tenants
from sql.database import Connection
from sql.inboxes import Standing
from sql.settings import Settings
from sql.tenants import Health
from tui import format, tenant_deeds, tenant_rows, times, words
from tui.deeds import Deed
from tui.format import Moment, rank
from tui.listing import Listing
from tui.rows import Column, Line, Row
from tui.words import say, word

COLUMNS = (
    Column(word("TENANT"), 19, grow=2),
    Column(word("INBOX"), 24, grow=2),
    Column(word("DUE"), 10),
    Column(word("GUARD"), 12),
    Column(word("STATE"), 9),
)


class Door(msgspec.Struct, frozen=True):
    """A tenant with one of its doors, or with none."""

    tenant: Health
    inbox: Standing | None

    @property
    def key(self) -> str:
        return f"{self.tenant.code} {self.inbox.id if self.inbox else '-'}"

    @property
    def settings(self) -> Settings:
        return settings.read(self.tenant.settings)


class Shown(msgspec.Struct, frozen=True):
    """What the screen shows."""

    doors: list[Door]
    used: int | None
    """Bytes that the tenant at the cursor takes on the disk."""


class Tenants(Listing):
    """A row a door."""

    tab_name = "tenants"
    status_height = 4
    hint = word("Enter settings  a pause, window, inbox  / filter  s sort  y copy  q back")

    data: Shown | None

    async def fetch(self, conn: Connection) -> Shown:
        chosen = self.app.tenant
        found = [one for one in await tenants.health(conn) if chosen in (None, one.code)]
        doors = await inboxes.standing(conn, chosen)
        listed = []
        for one in found:
            own = [each for each in doors if each.tenant == one.code]
            listed += [Door(one, each) for each in own] or [Door(one, None)]
        return Shown(listed, await self._used(self.chosen, listed))

    async def _used(self, door: Door | None, listed: list[Door]) -> int | None:
        hands = self.app.hands
        if door is None or hands is None:
            return None
        own = [one.inbox.id for one in listed if one.tenant.id == door.tenant.id and one.inbox is not None]
        return await asyncio.to_thread(hands.used, door.tenant.id, own)

    def columns(self) -> tuple[Column, ...]:
        return COLUMNS

    def rows(self) -> list[Row]:
        return [] if self.data is None else [row(one, self.at) for one in self.data.doors]

    @property
    def chosen(self) -> Door | None:
        """The door at the cursor."""
        row = self.table.row
        return next((one for one in self.data.doors if row and one.key == row.key), None) if self.data else None

    def deeds(self) -> list[Deed]:
        one = self.chosen
        if one is None:
            return []
        found = tenant_deeds.deeds(self.app, one.tenant.code, one.tenant.state)
        return found if one.inbox is None else [*found, *tenant_deeds.inbox_deeds(self.app, one.inbox)]

    def moved(self) -> None:
        super().moved()
        self.app.look()

    def status(self, shown: int, total: int) -> list[Line]:
        if self.data is None:
            return []
        one = self.chosen
        if one is None:
            said = say("No tenant fits the filter." if total else "No tenants yet: rosterhub tenant add")
            return [*self.sentences(said, "", 3), self.found(shown, total, word("inboxes"))]
        listed = {each.key for each in self.table.rows}
        doors = [each for each in self.data.doors if each.inbox is not None]
        shown, total = sum(each.key in listed for each in doors), len(doors)
        return [
            self.sentence(delivered(one, self.at), "bad" if one.inbox and one.inbox.trouble else ""),
            self.sentence(limits(one, self.data.used)),
            self.sentence(f"{say('tenant {code}', code=one.tenant.code)}  {window(one.settings)}"),
            self.found(shown, total, word("inboxes")),
        ]

    def open(self, row: Row) -> None:
        self.action_deed("settings")


def delivered(one: Door, at: Moment) -> str:
    """When the door was last looked at and used, or what is wrong with it."""
    inbox = one.inbox
    if inbox is None:
        return say("No inbox: bundles come by hand or by HTTP alone. Add one: rosterhub inbox add")
    if inbox.trouble:
        return say("Trouble: {trouble}", trouble=inbox.trouble)
    said = [say("Last delivery {time}.", time=times.day(inbox.delivered_at, at.zone))]
    if inbox.looked_at is not None:
        said.append(say("Last look {time}.", time=times.day(inbox.looked_at, at.zone)))
    return " ".join(said)


def limits(one: Door, used: int | None) -> str:
    """The room a tenant takes and may take, and how its files are read."""
    quota = one.settings.quota
    room = "-" if used is None else amounts.said_size(used)
    if quota is None:
        said = say("On disk {used}, no quota.", used=room)
    else:
        said = say("On disk {used} of {quota}.", used=room, quota=amounts.said_size(quota))
    return f"{said} {say('Encoding {encoding}.', encoding=one.settings.encoding)}"


def window(one: Settings) -> str:
    """The change of school years."""
    if one.window is None:
        return say("No school-year window.")
    begin, end = one.window.begin.isoformat(), one.window.end.isoformat()
    return say("School-year window {begin} to {end}.", begin=begin, end=end)


def due(one: Settings) -> str:
    """`02:00 +2h`."""
    return say("none") if one.due is None else f"{one.due} +{amounts.said_span(one.grace)}"


def row(one: Door, at: Moment) -> Row:
    """A door on the list."""
    state = tenant_rows.standing(one.tenant, at.now)
    inbox = "-" if one.inbox is None else f"{say(words.VIAS[one.inbox.kind])} {one.inbox.place}"
    guard = f"{one.settings.guard.deleted * 100:.4g}% / {one.settings.guard.updated * 100:.4g}%"
    troubled = one.inbox is not None and one.inbox.trouble
    return Row(
        key=one.key,
        cells=(
            (one.tenant.name, ""),
            (f"! {inbox}" if troubled else inbox, "bad" if troubled else ""),
            (due(one.settings), ""),
            (guard, ""),
            (say(state), format.STYLES.get(state, "dim")),
        ),
        ranks=(one.tenant.name, inbox, rank(one.settings.due), guard, state),
        facts={
            "tenant": f"{one.tenant.code} {one.tenant.name}".casefold(),
            "inbox": inbox.casefold(),
            "state": words.both(state),
            "due": due(one.settings),
        },
        copied=one.tenant.code,
        record={
            "tenant": one.tenant.code,
            "name": one.tenant.name,
            "state": one.tenant.state,
            "inbox": one.inbox.id if one.inbox else None,
            "kind": one.inbox.kind if one.inbox else None,
            "place": one.inbox.place if one.inbox else None,
            "looked_at": one.inbox.looked_at if one.inbox else None,
            "delivered_at": one.inbox.delivered_at if one.inbox else None,
            "trouble": one.inbox.trouble if one.inbox else None,
            "settings": one.tenant.settings,
        },
        when=one.inbox.delivered_at if one.inbox else None,
    )
