"""Samples: a few of the records that a load changes or would change, for whoever has to decide about it."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from psycopg.sql import SQL, Composed, Identifier, Literal
from psycopg.types.json import Json

from oneroster import entities
from oneroster.entities import Entity
from sql import database, documents, statements, versions
from sql.database import Connection

if TYPE_CHECKING:
    from sql.merge import Merge

STATEMENTS = statements.load("samples")
MOST = 10
"""Of each kind of change and entity."""


class Sample(msgspec.Struct, frozen=True):
    """One record that changes; persons are masked."""

    entity: str
    change: str
    """inserted, updated or deleted."""
    sourced_id: str
    fields: dict[str, list[Any]]
    """Member to [before, after]; of what comes or goes all of it, with None on the other side."""


class _Row(msgspec.Struct, frozen=True):
    sourced_id: str
    change: str
    before: str | None
    after: str | None
    sealed: list[str]


async def take(conn: Connection, work: "Merge") -> list[Sample]:
    """Some records of each kind of change, after `diff`; the whole of them would be as large as the roster."""
    found: list[Sample] = []
    for entity in entities.EXPOSED:
        if entity in work.fresh:
            statement = _fresh(entity)
        elif await _compared(conn, entity):
            statement = _changed(entity)
        else:
            continue
        for row in await database.fetch_all(conn, statement, _Row, work.key):
            before, after = versions.members(entity, row.before), versions.members(entity, row.after)
            if row.change == "deleted":
                after = {}
            found.append(
                Sample(entity.name, row.change, row.sourced_id, versions.differences(before, after, row.sealed))
            )
    return found


async def keep(conn: Connection, tenant_id: int, job: uuid.UUID, found: Sequence[Sample]) -> None:
    """Keep the samples with their job, instead of those of an earlier attempt."""
    key = {"tenant": tenant_id, "job": job}
    await database.run(conn, STATEMENTS["clear"], key)
    async with conn.cursor() as cursor:
        await cursor.executemany(
            STATEMENTS["add"],
            [
                key | msgspec.structs.asdict(one) | {"seq": seq, "fields": Json(one.fields)}
                for seq, one in enumerate(found, start=1)
            ],
        )


async def of_job(conn: Connection, tenant_id: int, job: uuid.UUID) -> list[Sample]:
    """The samples of a job, entity by entity."""
    return await database.fetch_all(conn, STATEMENTS["of_job"], Sample, {"tenant": tenant_id, "job": job})


async def _compared(conn: Connection, entity: Entity) -> bool:
    name = f"pg_temp.next_{entity.table}"
    return bool(await database.fetch_value(conn, "SELECT to_regclass(%(name)s) IS NOT NULL", {"name": name}))


def _fresh(entity: Entity) -> Composed:
    """The first that come: to look for others would take a look at all of them."""
    from sql import staging  # loads have it; whoever only shows samples starts sooner without

    return SQL(
        "SELECT s.sourced_id, 'inserted' AS change, NULL::text AS before, {} AS after, ARRAY[]::text[] AS sealed"
        " FROM (SELECT * FROM {} WHERE status IS DISTINCT FROM 'tobedeleted' LIMIT {}) s ORDER BY s.sourced_id"
    ).format(documents.document(entity, "s"), staging.table(entity), Literal(MOST))


def _changed(entity: Entity) -> Composed:
    """Ids are chosen first, so that only what is shown is rendered."""
    return SQL(
        "WITH moved AS (SELECT n.sourced_id, CASE WHEN l.sourced_id IS NULL THEN 'inserted'"
        " WHEN l.status = 'active' AND n.status = 'tobedeleted' THEN 'deleted' ELSE 'updated' END AS change"
        " FROM {next} n LEFT JOIN {table} l ON l.tenant_id = %(tenant)s AND l.sourced_id = n.sourced_id),"
        " chosen AS (SELECT sourced_id, change FROM (SELECT sourced_id, change,"
        " row_number() OVER (PARTITION BY change ORDER BY sourced_id) AS place FROM moved) AS placed"
        " WHERE place <= {most})"
        " SELECT c.sourced_id, c.change, CASE WHEN l.sourced_id IS NOT NULL THEN {before} END AS before,"
        " {after} AS after, CASE WHEN c.change = 'updated' THEN {sealed} ELSE ARRAY[]::text[] END AS sealed"
        " FROM chosen c JOIN {next} n ON n.sourced_id = c.sourced_id"
        " LEFT JOIN {table} l ON l.tenant_id = %(tenant)s AND l.sourced_id = c.sourced_id"
        " ORDER BY c.change, c.sourced_id"
    ).format(
        next=Identifier(f"next_{entity.table}"),
        table=Identifier(entity.table),
        most=Literal(MOST),
        before=versions.document(entity, "l"),
        after=versions.document(entity, "n"),
        sealed=versions.sealed_changes(entity, "l", "n"),
    )
