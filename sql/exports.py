"""A roster on its way out: the records of one revision as rows of CSV cells, in sourcedId order, streamed.

A bulk export is free of dangling references: what refers to a removed record is left out, or the reference where it is
optional; all that is counted. The ids referred to are held in memory, enrollments never: rows stream by in order, and
there is no plan of a join that could go wrong. Statements are composed from the columns of the tables.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from oneroster import cells, entities, kinds, links
from oneroster.entities import Entity
from oneroster.links import Ids
from oneroster.profiles import Profile
from sql import database, predicates
from sql.database import Connection
from sql.revisions import Snapshot
from sql.seal import Sealer

BATCH = 2_000
DANGLING = "{count} left out, because the record referred to is removed"
ACTIVE = SQL("t.status = 'active'")

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

    def relation(self, entity: Entity, picked: Sequence[Composable], *where: Composable) -> Composed:
        """The records of the entity at the revision, as a query."""
        return predicates.relation(entity, picked, where, behind=self.snapshot.committed > self.snapshot.published)

    def chosen(self, entity: Entity, picked: Sequence[Composable], *where: Composable) -> Composed:
        """Those of them that are exported, were there no dangling references."""
        return self.relation(entity, picked, ACTIVE if self.since is None else SQL("t.changed > %(since)s"), *where)


async def any_active(export: Export) -> bool:
    """Whether there is anything to export."""
    found = [SQL("EXISTS ({})").format(export.relation(one, [SQL("1")], ACTIVE)) for one in entities.EXPOSED]
    statement = SQL("SELECT {}").format(SQL(" OR ").join(found))
    return bool(await database.fetch_value(export.conn, statement, export.params))


async def identifiers(export: Export, kind: str) -> list[str | None]:
    """The identifiers of the active orgs of a type, of two at most."""
    of_kind = SQL("t.type = {}").format(Literal(kind))
    orgs = export.relation(entities.ORGS, [SQL("t.identifier")], ACTIVE, of_kind)
    cursor = await export.conn.execute(SQL("{} LIMIT 2").format(orgs), export.params)
    return [row[0] for row in await cursor.fetchall()]


async def extra(export: Export, entity: Entity) -> tuple[str, ...]:
    """The headers of metadata, over the whole file, that the profile has no column for."""
    found: set[str] = set()
    if entity.seals_metadata:
        picked, filled = [SQL("t.sourced_id"), SQL("t.sealed")], SQL("t.sealed IS NOT NULL")
        async for row in _fetched(export, f"extra_{entity.table}", export.chosen(entity, picked, filled)):
            found.update(cells.paths(_opened(export, entity, *row).get("metadata", {})))
    else:
        texts = export.chosen(entity, [SQL("t.metadata::text AS metadata")], SQL("t.metadata IS NOT NULL"))
        # Many records share one text: attendance numbers come again in every class.
        statement = SQL("SELECT DISTINCT metadata FROM ({}) AS m").format(texts)
        async for row in _fetched(export, f"extra_{entity.table}", statement):
            found.update(cells.paths(msgspec.json.decode(row[0])))
    return cells.beyond(export.profile, entity, found)


async def ids(export: Export) -> Ids:
    """The ids that references may lead to. A delta may refer to anything and needs none."""
    found: dict[str, frozenset[str]] = {}
    links_of = {entity: links.of(entity, export.profile) for entity in entities.ALL}
    targets = {link.target for of_entity in links_of.values() for link in of_entity}
    for entity in entities.ALL if export.since is None else ():  # in the order of dependence
        if entity.name in targets:
            needed = [link for link in links_of[entity] if link.required]
            picked = [SQL("t.sourced_id"), *(Identifier("t", entity.kept[link.at - 1].column) for link in needed)]
            kept = [
                row[0]
                async for row in _fetched(export, f"ids_{entity.table}", export.chosen(entity, picked))
                if all(links.leads(link, value, found) for link, value in zip(needed, row[1:], strict=True))
            ]
            found[entity.name] = frozenset(kept)
    return found


async def rows(export: Export, entity: Entity) -> AsyncGenerator[list[Row], None]:
    """The records of an entity in the order of their ids, a batch at a time, as `Writer` takes them."""
    picked: list[Composable] = [
        SQL("t.changed"),
        SQL("t.status"),
        SQL("t.sealed") if entity.sealed else SQL("NULL::bytea"),
        SQL("NULL::text") if entity.seals_metadata else SQL("t.metadata::text"),
        SQL("t.sourced_id"),
        *(Identifier("t", field.column) for field in entity.kept),
    ]
    statement = SQL("{} ORDER BY sourced_id").format(export.chosen(entity, picked))
    async with export.conn.cursor(name=f"export_{entity.table}", binary=True) as cursor:
        await cursor.execute(statement, export.params)
        while batch := await cursor.fetchmany(BATCH):
            yield batch


async def dates(export: Export) -> dict[int, str]:
    """When each revision that a delta tells of was published: the `dateLastModified` of its records."""
    if export.since is None:
        return {}
    cursor = await export.conn.execute(
        "SELECT revision, published_at FROM revisions WHERE tenant_id = %(tenant)s AND revision > %(since)s",
        export.params,
    )
    return {revision: kinds.csv_text(kinds.INSTANT, at) for revision, at in await cursor.fetchall() if at is not None}


class Writer:
    """Turns the rows of one entity into cells, and counts them and what they lose."""

    def __init__(self, export: Export, entity: Entity, extra: tuple[str, ...], ids: Ids, dates: dict[int, str]) -> None:
        self._export, self._entity, self._ids, self._dates = export, entity, ids, dates
        self._cells = cells.Cells(entity, export.profile, extra)
        found = links.of(entity, export.profile) if export.since is None else []
        self._needed = [link for link in found if link.required]
        self._pruned = [link for link in found if link.many or not link.required]
        self._dangling: Counter[str] = Counter()
        self.written = 0

    @property
    def left_out(self) -> dict[tuple[str, str], int]:
        """How many values, by column and the sentence that says so; the column "" stands for whole records."""
        dangling = {(column, DANGLING): count for column, count in self._dangling.items()}
        return {what: count for what, count in (dangling | self._cells.left_out).items() if count}

    def cells(self, row: Row) -> tuple[str, ...] | None:
        """The cells of a record, None for one that is left out."""
        changed, status, sealed, text, *record = row
        for link in self._needed:
            if not links.leads(link, record[link.at], self._ids):
                self._dangling[""] += 1
                return None
        opened: dict[str, Any] = _opened(self._export, self._entity, record[0], sealed) if sealed else {}
        metadata = msgspec.json.decode(text) if text else opened.get("metadata", {})
        for link in self._pruned:
            self._dangling[link.column] += links.prune(link, record, metadata, self._ids)
        self.written += 1
        dated = ("", "") if self._export.since is None else (status, self._dates[changed])
        return self._cells.row(record, dated, opened, metadata)


async def _fetched(export: Export, name: str, statement: Composed) -> AsyncGenerator[Row, None]:
    async with export.conn.cursor(name=name, binary=True) as cursor:
        await cursor.execute(statement, export.params)
        while batch := await cursor.fetchmany(BATCH):
            for row in batch:
                yield row


def _opened(export: Export, entity: Entity, sourced_id: str, sealed: bytes) -> dict[str, Any]:
    plain = export.sealer.open(f"{entity.table}/{sourced_id}", sealed)
    return msgspec.json.decode(plain, type=dict[str, Any])
