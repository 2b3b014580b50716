"""Reading a roster: the one place that composes read statements at run time, from the columns of the tables.

Every statement names the tenant and the revision it shows: live rows as old as that, and, only where more is committed
than published, what history holds of it. Each branch is ordered and cut before they are joined (design: Revisions).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier

from oneroster import entities, filters, kinds
from oneroster.entities import Entity
from oneroster.filters import Filter
from sql import columns, database, documents, predicates, revisions
from sql.database import Connection
from sql.predicates import Condition
from sql.revisions import Snapshot
from sql.seal import Sealer


class Selection(msgspec.Struct, frozen=True):
    """Which records of an entity an operation is about; the conditions may name its path parameters."""

    entity: Entity
    conditions: tuple[Condition, ...] = ()


class Order(msgspec.Struct, frozen=True):
    """By which member records are ordered; equal ones, and all by default, by sourcedId."""

    member: str = "sourcedId"
    descending: bool = False


class Row(msgspec.Struct, frozen=True):
    """A record as it lies in the database."""

    stamp: str
    sourced_id: str
    sealed: bytes | None
    document: str


class Reader(msgspec.Struct, frozen=True):
    """A tenant at one moment, for the statements of one transaction."""

    conn: Connection
    tenant_id: int
    snapshot: Snapshot
    sealer: Sealer
    pinned: int | None = None
    """The revision to show instead of the newest published one."""

    @property
    def revision(self) -> int:
        """What is shown."""
        return self.snapshot.published if self.pinned is None else self.pinned

    @property
    def behind(self) -> bool:
        """More is committed than is shown, so that history has a part in it."""
        return self.snapshot.committed > self.revision


async def page(
    reader: Reader,
    selection: Selection,
    path: Mapping[str, str],
    *,
    limit: int,
    offset: int,
    order: Order = Order(),  # noqa: B008 - frozen
    filter: Filter = filters.EVERYTHING,
    collection: str = "",
) -> tuple[list[str], int]:
    """Records as JSON texts, and how many there are in all.

    `path` has the values of path parameters. `collection` names the kept total of an unfiltered collection, "" when
    none is kept. References begin with `documents.BASE`. Raises filters.BadFilter.
    """
    params = _params(reader, path)
    where = await _where(reader, selection, filter, params)
    params |= {"limit": limit, "offset": offset, "end": offset + limit}
    statement = _statement(selection.entity, where, order, behind=reader.behind)
    found = await _rows(reader, selection.entity, statement, params)
    if collection and not filter.clauses:
        total = await revisions.total(reader.conn, reader.tenant_id, reader.revision, collection)
    elif len(found) < limit and (found or not offset):
        total = offset + len(found)
    else:
        total = await _count(reader, selection.entity, where, params)
    return found, total


async def one(reader: Reader, selection: Selection, sourced_id: str) -> str | None:
    """The record of that id as JSON text, None when the selection holds no such record."""
    params = _params(reader, {"sourcedId": sourced_id}) | {"limit": 1, "offset": 0, "end": 1}
    chosen = (*selection.conditions, predicates.Is("sourced_id", "{sourcedId}"))
    where = await _where(reader, Selection(selection.entity, chosen), filters.EVERYTHING, params)
    statement = _statement(selection.entity, where, Order(), behind=reader.behind)
    found = await _rows(reader, selection.entity, statement, params)
    return found[0] if found else None


async def exists(reader: Reader, selection: Selection, sourced_id: str) -> bool:
    """Whether the selection holds a record of that id."""
    params = _params(reader, {"sourcedId": sourced_id})
    chosen = (*selection.conditions, predicates.Is("sourced_id", "{sourcedId}"))
    where = await _where(reader, Selection(selection.entity, chosen), filters.EVERYTHING, params)
    rows = predicates.relation(selection.entity, [SQL("1")], where, behind=reader.behind)
    return bool(await database.fetch_value(reader.conn, SQL("SELECT EXISTS ({})").format(rows), params))


def splice(row: Row, plain: bytes | None) -> str:
    """The record: its date and its unsealed members in front of the document."""
    inner = "" if plain is None or len(plain) <= 2 else plain[1:-1].decode() + ","
    return f'{{"dateLastModified":"{row.stamp}",{inner}{row.document[1:]}'


async def _rows(reader: Reader, entity: Entity, statement: Composed, params: Mapping[str, Any]) -> list[str]:
    async with reader.conn.cursor(binary=True) as cursor:
        await cursor.execute(statement, params)
        found = [Row(*values) for values in await cursor.fetchall()]
    table, opened = entity.table, reader.sealer.open
    return [
        splice(row, None if row.sealed is None else opened(f"{table}/{row.sourced_id}", row.sealed)) for row in found
    ]


async def _count(reader: Reader, entity: Entity, where: Sequence[Composable], params: Mapping[str, Any]) -> int:
    rows = predicates.relation(entity, [SQL("1")], where, behind=reader.behind)
    return int(await database.fetch_value(reader.conn, SQL("SELECT count(*) FROM ({}) AS t").format(rows), params))


def _params(reader: Reader, path: Mapping[str, str]) -> dict[str, Any]:
    return {
        "tenant": reader.tenant_id,
        "revision": reader.revision,
        **{f"path_{name}": value for name, value in path.items()},
    }


async def _where(reader: Reader, selection: Selection, filter: Filter, params: dict[str, Any]) -> list[Composable]:
    where: list[Composable] = []
    where += [predicates.condition(one, params, behind=reader.behind) for one in selection.conditions]
    clauses = [
        await predicates.clause(
            reader.conn, reader.sealer, reader.tenant_id, selection.entity, one, params, behind=reader.behind
        )
        for one in filter.clauses
    ]
    if clauses:
        where.append(SQL("({})").format(SQL(" OR " if filter.either else " AND ").join(clauses)))
    return where


def _statement(entity: Entity, where: Sequence[Composable], order: Order, *, behind: bool) -> Composed:
    """The page of an entity's records: date, id, sealed blob, document."""
    key = _sort_key(entity, order.member)
    names = ["sourced_id", "changed", *(["sealed"] if entity.sealed else [])]
    if entity in columns.DOCUMENTED:
        names.append("document")
    else:
        names += ["status", *(field.column for field in entity.kept), *([] if entity.seals_metadata else ["metadata"])]
    picked: list[Composable] = [Identifier("t", name) for name in dict.fromkeys(names)]
    if key is not None:
        picked.append(SQL("{} AS sort_key").format(key))
    by = _by(order, key)
    source, past = predicates.branches(entity, picked, where)
    if behind:
        cut = SQL("ORDER BY {} LIMIT %(end)s").format(by)
        source = SQL("SELECT * FROM (({} {cut}) UNION ALL ({} {cut})) AS b").format(source, past, cut=cut)
    rows = SQL("{} ORDER BY {} LIMIT %(limit)s OFFSET %(offset)s").format(source, by)
    # Rendering comes after the cut, so that what is skipped costs nothing.
    return SQL(
        "SELECT to_char(r.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), p.sourced_id,"
        " {sealed}, {document} FROM ({rows}) AS p"
        " JOIN revisions r ON r.tenant_id = %(tenant)s AND r.revision = p.changed ORDER BY {by}"
    ).format(
        sealed=Identifier("p", "sealed") if entity.sealed else SQL("NULL::bytea"),
        document=Identifier("p", "document") if entity in columns.DOCUMENTED else documents.document(entity, "p"),
        rows=rows,
        by=by,
    )


def _by(order: Order, key: Composable | None) -> Composed:
    """Equal keys by id, upwards; what has no value comes last either way (REST section 2.4)."""
    direction = SQL(" DESC") if order.descending else SQL("")
    if key is not None:
        return SQL("sort_key{} NULLS LAST, sourced_id").format(direction)
    if order.member == "dateLastModified":
        return SQL("changed{}, sourced_id").format(direction)
    return SQL("sourced_id{}").format(direction)


def _sort_key(entity: Entity, member: str) -> Composable | None:
    """The expression to sort by, None for the two that are columns of every statement."""
    if member in ("sourcedId", "dateLastModified"):
        return None
    return Identifier("t", "status" if member == "status" else _sortable(entity)[member])


def _sortable(entity: Entity) -> dict[str, str]:
    """Members with one plain value that rests in the open, and their columns: case-folded, in Unicode order."""
    return {
        field.member: f"{field.column}_folded" if field.folded else field.column
        for field in entity.kept
        if field.member and not field.refers and not field.kind.many and field.kind is not kinds.USER_IDS
    }


def sorts(entity: Entity, member: str) -> bool:
    """Whether records of the entity can be ordered by that member."""
    return member in (field.name for field in entities.STANDARD) or member in _sortable(entity)
