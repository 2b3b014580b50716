"""The fourth screen: who calls the API, when last, with how many secrets."""

import datetime

import msgspec

from oneroster import scopes
from sql import clients
from sql.clients import Standing
from sql.database import Connection
from tui import client_deeds, times
from tui.deeds import Deed
from tui.detail import Detail
from tui.format import Moment, rank
from tui.listing import Listing
from tui.rows import Column, Line, Row
from tui.words import say, word

COLUMNS = (
    Column(word("CLIENT"), 14, grow=1),
    Column(word("TENANT"), 17, grow=1),
    Column(word("SCOPES"), 22, grow=2),
    Column(word("LAST USED"), 9, right=True),
    Column(word("SECRETS"), 12),
)


class Clients(Listing):
    """Clients with what counts of their secrets."""

    tab_name = "clients"
    status_height = 4
    hint = word("Enter open  a new, rotate, limit, revoke  / filter  y copy id  ? help  q back")

    data: list[Standing] | None

    async def fetch(self, conn: Connection) -> list[Standing]:
        return await clients.standing(conn, self.app.tenant)

    def columns(self) -> tuple[Column, ...]:
        return COLUMNS

    def rows(self) -> list[Row]:
        return [row(one, self.at) for one in self.data or ()]

    @property
    def chosen(self) -> Standing | None:
        """The client at the cursor."""
        row = self.table.row
        return next((one for one in self.data or () if row and one.client_id == row.key), None)

    def deeds(self) -> list[Deed]:
        one = self.chosen
        found = [] if one is None else client_deeds.deeds(self.app, one, self.at.now)
        return [*found, client_deeds.make(self.app)]

    def status(self, shown: int, total: int) -> list[Line]:
        if self.data is None:
            return []
        one = self.chosen
        if one is None:
            said = say("No client fits the filter." if total else "No clients yet: a makes one.")
            lines = self.sentences(said, "", 3)
        else:
            allowed = f"{one.client_id}  {' '.join(map(scopes.short, one.scopes))}"
            lines = [*self.sentences(about(one, self.at), "", 2), self.sentence(allowed, "dim")]
        return [*lines, self.found(shown, total, word("clients"))]

    def open(self, row: Row) -> None:
        kept = {name: value for name, value in row.record.items() if value is not None and name != "tenant_id"}
        self.app.push_screen(Detail({**kept, "scopes": list(map(scopes.short, row.record["scopes"]))}))


def secrets(one: Standing, now: datetime.datetime) -> tuple[str, str]:
    """`1`, `1 + 1 old`, and how it looks."""
    if one.revoked_at is not None:
        return say("REVOKED"), "bad"
    if one.gone(now):
        return say("EXPIRED"), "bad"
    if not one.lasting and not one.ending:
        return say("NO SECRET"), "bad"
    if one.ending:
        return say("{new} + {old} old", new=one.lasting, old=one.ending), "warn"
    return str(one.lasting), ""


def about(one: Standing, at: Moment) -> str:
    """The sentence on a client."""
    if one.revoked_at is not None:
        when = times.whole(one.revoked_at, at.zone)[:16]
        return say("Revoked {time}: {reason}", time=when, reason=one.revoked_reason or "-")
    said = []
    if one.ends_at is not None:
        until = times.whole(one.ends_at, at.zone)[:16]
        said.append(say("Old and new secret both work until {time}.", time=until))
    rate = say("the service's own rate") if one.rate is None else say("any rate") if one.rate == 0 else f"{one.rate}/m"
    burst = "" if one.burst is None else say(", {count:,} at once", count=one.burst)
    said.append(say("May ask: {rate}{burst}.", rate=rate, burst=burst))
    if one.allow is not None:
        said.append(say("Only from {networks}.", networks=", ".join(one.allow)))
    if one.expires_at is not None:
        said.append(say("Until {time}.", time=times.whole(one.expires_at, at.zone)[:16]))
    return " ".join(said)


def row(one: Standing, at: Moment) -> Row:
    """A client on the list."""
    allowed = " ".join(scopes.short(each).removesuffix(".readonly") for each in one.scopes)  # all of them only read
    held, style = secrets(one, at.now)
    record = msgspec.structs.asdict(one)
    return Row(
        key=one.client_id,
        cells=(
            (one.name, ""),
            (one.tenant_name, ""),
            (allowed, ""),
            (times.age(one.last_used_at, at.now), ""),
            (held, style),
        ),
        ranks=(one.name, one.tenant_name, allowed, rank(one.last_used_at), held),
        facts={
            "client": f"{one.client_id} {one.name}".casefold(),
            "tenant": f"{one.tenant} {one.tenant_name}".casefold(),
            "scopes": " ".join(map(scopes.short, one.scopes)).casefold(),
            "secrets": held.casefold(),
        },
        copied=one.client_id,
        record=record,
        when=one.last_used_at,
    )
