"""A roster on its way out: the records of one revision as rows of CSV cells, in sourcedId order, streamed.

A bulk export is free of dangling references: what refers to a removed record is left out, or the reference where it is
optional. All that is left out is counted. The statements are composed from the columns of the tables.
"""

import functools
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from oneroster import cells, entities
from oneroster.entities import Entity
from oneroster.profiles import Profile
from sql import database, predicates
from sql.database import Connection
from sql.revisions import Snapshot
from sql.seal import Sealer

BATCH = 2_000

DANGLING = "refer to removed records and were left out"
Row = tuple[Any, ...]


class Export(msgspec.Struct, frozen=True):
    """A tenant's roster at its newest published revision, for the statements of one transaction."""

    conn: Connection
    tenant_id: int
    snapshot: Snapshot
    sealer: Sealer
    profile: Profile
    since: int | None = None
    """Only what changed after this revision, removed or not; None for all active records."""

    @property
    def params(self) -> dict[str, Any]:
        return {"tenant": self.tenant_id, "revision": self.snapshot.published, "since": self.since}

    def relation(self, entity: Entity, picked: Sequence[Composable], where: Sequence[Composable]) -> Composed:
        """The records of the entity at the revision, as a query."""
        return predicates.relation(entity, picked, where, behind=self.snapshot.committed > self.snapshot.published)


class Link(msgspec.Struct, frozen=True):
    """A reference that a record bears."""

    name: str
    target: Entity
    value: Composable
    many: bool = False
    required: bool = False


async def begin(export: Export) -> None:
    """Prepare the transaction: ids are looked up in hash tables in memory, and every row will be fetched."""
    await export.conn.execute("SET LOCAL work_mem = '128MB'; SET LOCAL cursor_tuple_fraction = 1")


async def any_active(export: Export) -> bool:
    """Whether there is anything to export."""
    found = [
        SQL("EXISTS ({})").format(export.relation(entity, [SQL("1")], [SQL("t.status = 'active'")]))
        for entity in entities.EXPOSED
    ]
    statement = SQL("SELECT {}").format(SQL(" OR ").join(found))
    return bool(await database.fetch_value(export.conn, statement, export.params))


async def identifiers(export: Export, kind: str) -> list[str | None]:
    """The identifiers of the active orgs of a type, of two at most."""
    orgs = export.relation(
        entities.ORGS, [SQL("t.identifier")], [SQL("t.status = 'active'"), SQL("t.type = {}").format(Literal(kind))]
    )
    cursor = await export.conn.execute(SQL("{} LIMIT 2").format(orgs), export.params)
    return [row[0] for row in await cursor.fetchall()]


async def extra(export: Export, entity: Entity) -> tuple[str, ...]:
    """The headers of metadata, over the whole file, that the profile has no column for."""
    if entity.seals_metadata:
        picked = [SQL("t.sourced_id"), SQL("t.sealed")]
        where = [*_chosen(export), SQL("t.sealed IS NOT NULL")]
        statement = export.relation(entity, picked, where)
    else:
        inner = export.relation(
            entity, [SQL("t.metadata::text AS metadata")], [*_chosen(export), SQL("t.metadata IS NOT NULL")]
        )
        # Many records share one text: attendance numbers come again in every class.
        statement = SQL("SELECT DISTINCT metadata FROM ({}) AS m").format(inner)
    found: set[str] = set()
    async for batch in _fetched(export, f"extra_{entity.table}", statement):
        for row in batch:
            if entity.seals_metadata:
                found.update(cells.paths(_opened(export, entity, *row).get("metadata", {})))
            else:
                found.update(cells.paths(msgspec.json.decode(row[0])))
    return cells.beyond(export.profile, entity, found)


def rows(export: Export, entity: Entity) -> AsyncGenerator[list[Row], None]:
    """The records of an entity, a batch at a time, as `Writer` takes them."""
    return _fetched(export, f"export_{entity.table}", _statement(export, entity))


class Writer:
    """Turns the rows of one entity into cells, and counts them and what they lose."""

    def __init__(self, export: Export, entity: Entity, extra: tuple[str, ...]) -> None:
        self._export, self._entity = export, entity
        self._cells = cells.Cells(entity, export.profile, extra)
        self._links = [one for one in _links(export, entity) if not one.required or one.many]
        self._places = [_place(entity, one) for one in self._links]
        self._dangling: Counter[str] = Counter()
        self.written = 0

    @property
    def left_out(self) -> dict[tuple[str, str], int]:
        """How many values, by column and by what became of them; the column "" stands for whole records."""
        dangling = {(column, DANGLING): count for column, count in self._dangling.items()}
        return {what: count for what, count in (dangling | self._cells.left_out).items() if count}

    def cells(self, row: Row) -> tuple[str, ...] | None:
        """The cells of a record, None for one that is left out."""
        sourced_id, status, stamp, whole, sealed, metadata, *values = row
        if not whole:
            self._dangling[""] += 1
            return None
        opened: dict[str, Any] = _opened(self._export, self._entity, sourced_id, sealed) if sealed else {}
        tree = opened.get("metadata", {}) if metadata is None else msgspec.json.decode(metadata)
        for link, remove in zip(self._links, self._places, strict=True):
            if lost := values.pop(len(self._entity.kept)):
                self._dangling[link.name] += len(lost)
                remove(values, tree, lost)
        self.written += 1
        dated = ("", "") if self._export.since is None else (status, stamp)
        return self._cells.row(sourced_id, dated, values, opened, tree)


async def _fetched(export: Export, name: str, statement: Composed) -> AsyncGenerator[list[Row], None]:
    async with export.conn.cursor(name=name, binary=True) as cursor:
        await cursor.execute(statement, export.params)
        while batch := await cursor.fetchmany(BATCH):
            yield batch


def _opened(export: Export, entity: Entity, sourced_id: str, sealed: bytes) -> dict[str, Any]:
    plain = export.sealer.open(f"{entity.table}/{sourced_id}", sealed)
    return msgspec.json.decode(plain, type=dict[str, Any])


def _chosen(export: Export) -> list[Composable]:
    return [SQL("t.status = 'active'") if export.since is None else SQL("t.changed > %(since)s")]


def _statement(export: Export, entity: Entity) -> Composed:
    """Id, status, date, whether it can be exported whole, sealed blob, metadata, kept values, lost references."""
    picked: list[Composable] = [
        SQL("t.sourced_id"),
        SQL("t.status"),
        SQL("t.changed"),
        _whole(export, entity),
        SQL("t.sealed") if entity.sealed else SQL("NULL::bytea"),
        SQL("NULL::text") if entity.seals_metadata else SQL("t.metadata::text"),
        *(Identifier("t", field.column) for field in entity.kept),
        *(_lost(export, one) for one in _links(export, entity) if not one.required or one.many),
    ]
    names = [Identifier(f"c{number}") for number in range(len(picked))]
    stamp = SQL("''")
    dates: Composable = SQL("")
    if export.since is not None:
        stamp = SQL("to_char(r.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
        dates = SQL(" JOIN revisions r ON r.tenant_id = %(tenant)s AND r.revision = p.c2")
    return SQL("SELECT c0, c1, {}, {} FROM ({}) AS p ({}){} ORDER BY c0").format(
        stamp, SQL(", ").join(names[3:]), export.relation(entity, picked, _chosen(export)), SQL(", ").join(names), dates
    )


def _links(export: Export, entity: Entity) -> list[Link]:
    """The references of a record that must not dangle; a delta may refer to anything."""
    if export.since is not None:
        return []
    links = [
        Link(field.name, entities.BY_NAME[field.refers], Identifier("t", field.column), field.kind.many, field.required)
        for field in entity.kept
        if field.refers in entities.BY_NAME
    ]
    links += [
        Link(one.key, entities.BY_NAME[one.refers], SQL("t.metadata #>> {}").format(Literal(_path(one.key))))
        for one in export.profile.metadata(entity)
        if one.refers is not None
    ]
    if entity is entities.DEMOGRAPHICS:
        # sourcedId of a demographics row is the user's (CSV binding section 5)
        links.append(Link("sourcedId", entities.USERS, SQL("t.sourced_id"), required=True))
    return links


def _path(key: str) -> list[str]:
    return key.split(".")[1:]


def _whole(export: Export, entity: Entity) -> Composable:
    """Whether all required references of a record lead to records that are exported, too."""
    needed = [
        (SQL("{} && ARRAY({})") if one.many else SQL("{} IN ({})")).format(one.value, _ids(export, one.target))
        for one in _links(export, entity)
        if one.required
    ]
    return SQL(" AND ").join(needed) if needed else SQL("true")


def _ids(export: Export, entity: Entity) -> Composed:
    """The ids of the exported records. Required references lead to no circle, so this comes to an end."""
    return export.relation(entity, [SQL("t.sourced_id")], [SQL("t.status = 'active'"), _whole(export, entity)])


def _lost(export: Export, link: Link) -> Composed:
    """The ids a record refers to that are not exported, null for none."""
    ids = _ids(export, link.target)
    if link.many:
        return SQL(
            "CASE WHEN {0} IS NOT NULL THEN ARRAY(SELECT u.i FROM unnest({0}) AS u (i) WHERE NOT u.i IN ({1})) END"
        ).format(link.value, ids)
    return SQL("CASE WHEN NOT {0} IN ({1}) THEN ARRAY[{0}] END").format(link.value, ids)


Remove = Callable[[list[Any], dict[str, Any], list[str]], None]


def _place(entity: Entity, link: Link) -> Remove:
    """How references are taken out of a record's values or metadata."""
    names = [field.name for field in entity.kept]
    if link.name not in names:
        return functools.partial(_remove_leaf, _path(link.name))
    at = names.index(link.name)

    def remove(values: list[Any], tree: dict[str, Any], lost: list[str]) -> None:
        values[at] = [one for one in values[at] if one not in lost] if link.many else None

    return remove


def _remove_leaf(path: list[str], tree: dict[str, Any], lost: list[str]) -> None:
    for name in path[:-1]:
        tree = tree[name]
    del tree[path[-1]]
