"""What became of one pupil, class or enrollment: which bundle, file and line made it, changed it, removed it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from oneroster import entities
from oneroster.entities import Entity
from sql import database, lineage, masking, tenants
from sql.database import Connection
from sql.lineage import UnknownRecord, Version
from tui import detail, format, text, times, words
from tui.deeds import Deed
from tui.detail import Detail
from tui.dialog import Ask, Done, Field, confirmed, reason
from tui.listing import Listing
from tui.rows import Column, Line, Row
from tui.words import say, word

if TYPE_CHECKING:
    from tui.app import RosterHub

COLUMNS = (
    Column(word("REVISION"), 9, right=True),
    Column(word("TIME"), 11),
    Column(word("WHAT"), 8),
    Column(word("JOB"), 8),
    Column(word("WHERE"), 22, grow=1),
    Column(word("FIELDS"), 15, grow=3),
)
STYLES = {"removed": "bad", "undone": "warn", "made": "good", "returned": "good"}
LINES = 5
"""Of the fields of the version at the cursor."""


class Lineage(msgspec.Struct, frozen=True):
    """What the screen shows."""

    versions: list[Version]
    """Newest first; none where the record is not known."""
    masked: bool


class Record(Listing):
    """The versions of a record, newest first."""

    tab_name = "record"
    status_height = LINES + 2
    head_height = 1
    hint = word("Enter all fields  a actions (unmask)  y copy job  e export  Esc back")

    data: Lineage | None

    def __init__(self, code: str, entity: Entity, sourced_id: str) -> None:
        super().__init__()
        self.code, self.entity, self.sourced_id = code, entity, sourced_id
        self.masked = True

    async def fetch(self, conn: Connection) -> Lineage:
        owner = await tenants.by_code(conn, self.code)
        masked = self.masked
        return Lineage(await _versions(conn, owner.id, self.entity, self.sourced_id, masked=masked), masked)

    def columns(self) -> tuple[Column, ...]:
        return COLUMNS

    def rows(self) -> list[Row]:
        return [] if self.data is None else [row(one, self) for one in self.data.versions]

    def head(self) -> list[Line]:
        named = words.entity(self.entity.name)
        said = say("Record {entity} {id} of {tenant}", entity=named, id=self.sourced_id, tenant=self.code)
        masked = say("names masked" if self.masked else "NAMES SHOWN") if self.entity is entities.USERS else ""
        return [self.sentence(f"{said}  {masked}", "head")]

    @property
    def chosen(self) -> Version | None:
        """The version at the cursor."""
        row = self.table.row
        found = self.data.versions if self.data else []
        return next((one for one in found if row and str(one.revision) == row.key), None)

    def status(self, shown: int, total: int) -> list[Line]:
        if self.data is None:
            return []
        one = self.chosen
        if one is None:
            lines = self.sentences(say("There is no such record, and none is remembered."), "", LINES + 1)
            return [*lines, self.found(shown, total, word("versions"))]
        said = " ".join((one.bundle, where(one)))
        changed = [f"{name}: {_change(one, was, now)}" for name, (was, now) in detail.known_first(one.fields)]
        lines = [self.sentence(f"{str(one.job)[:8]} {said}", "head")]
        for each in changed[:LINES]:
            lines.append(self.sentence(text.fit(each, max(1, self.size.width - 2))))
        if len(changed) > LINES:
            lines[-1] = self.sentence(say("and {count} more: Enter", count=len(changed) - LINES + 1), "dim")
        lines += [()] * (LINES + 1 - len(lines))
        return [*lines, self.found(shown, total, word("versions"))]

    def open(self, row: Row) -> None:
        one = self.chosen
        if one is not None:
            fields = {name: _change(one, was, now) for name, (was, now) in detail.known_first(one.fields)}
            record = {"revision": one.revision, "at": times.whole(one.at, self.at.zone), "file": where(one), **fields}
            self.app.push_screen(Detail(record))

    def deeds(self) -> list[Deed]:
        refused = "" if self.entity is entities.USERS else say("This record holds no names of persons.")
        if not self.masked:
            refused = say("The names are shown already.")
        return [Deed("unmask", say("Show the names"), "record.unmask", self._unmask, refused=refused)]

    async def _unmask(self) -> Ask:
        async def do(typed: Mapping[str, str]) -> Done:
            async with self.app.source.acting() as conn:
                owner = await tenants.by_code(conn, self.code)
                target = f"{self.entity.name}/{self.sourced_id}"
                await masking.unmask(conn, owner.id, target, typed["reason"], self.app.actor)
            self.masked = False
            return Done(say("Names are shown; that is noted in the audit log."))

        return Ask(
            say("Show the names"),
            (
                say("The names of the person are shown on this screen until you leave it. That you looked is noted."),
                say("Undo: none; the entry stays in the audit log."),
            ),
            (confirmed(self.code), reason()),
            say("Show"),
            do,
            f"rosterhub record show {self.code} {self.entity.name} {self.sourced_id} --unmask --reason ...",
        )


async def _versions(
    conn: Connection, tenant_id: int, entity: Entity, sourced_id: str, *, masked: bool
) -> list[Version]:
    await database.enter(conn, tenant_id)
    try:
        return await lineage.of(conn, tenant_id, entity, sourced_id, masked=masked)
    except UnknownRecord:
        return []


def where(one: Version) -> str:
    """`users.csv line 212`, or why there is no line."""
    if one.line:
        return f"{one.file}{say(' line {line:,}', line=one.line)}"
    return say("no longer in {file}", file=one.file) if one.file else say("no line of a file")


def row(one: Version, screen: Record) -> Row:
    """A version on the list."""
    change = say(words.CHANGES[one.change])
    names = say("all {count}", count=len(one.fields)) if one.change == "made" else ", ".join(one.fields)
    return Row(
        key=str(one.revision),
        cells=(
            (f"{one.revision:,}", ""),
            (times.day(one.at, screen.at.zone), ""),
            (change, STYLES.get(one.change, "")),
            (str(one.job)[:8], ""),
            (where(one), ""),
            (names, ""),
        ),
        ranks=(one.revision, format.rank(one.at), change, str(one.job), (one.file, one.line), names),
        facts={"change": f"{one.change} {change}", "file": one.file.casefold(), "fields": names.casefold()},
        copied=str(one.job),
        record=msgspec.structs.asdict(one),
        when=one.at,
    )


def _change(one: Version, was: Any, now: Any) -> str:
    """`05 -> 06`; what a record began with has no before."""
    return detail.plain(now) if one.change == "made" else f"{detail.plain(was)} -> {detail.plain(now)}"


def ask(app: "RosterHub", code: str = "", entity: str = "users", sourced_id: str = "") -> Ask:
    """The dialog that wants to know which record."""

    async def do(typed: Mapping[str, str]) -> Done:
        kind = next((one for one in entities.EXPOSED if one.name == typed["entity"]), None)
        if kind is None:
            raise UnknownRecord(typed["entity"])
        async with app.source.reading() as conn:
            owner = await tenants.by_code(conn, typed["tenant"])
            if not await _versions(conn, owner.id, kind, typed["id"], masked=True):
                raise UnknownRecord(f"{kind.name} {typed['id']}.")
        return Done("", then=lambda: app.push_screen(Record(owner.code, kind, typed["id"])))

    names = ", ".join(one.name for one in entities.EXPOSED)
    return Ask(
        say("Record"),
        (say("What became of one record. Entities: {names}.", names=names),),
        (
            Field("tenant", say("Tenant's code:"), code or app.tenant or ""),
            Field("entity", say("Entity:"), entity),
            Field("id", say("sourcedId:"), sourced_id),
        ),
        say("Show"),
        do,
        "rosterhub record show TENANT ENTITY ID",
    )
