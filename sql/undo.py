"""Undoing: the tenant as it was before a revision, staged from live and history tables as if it were a bulk bundle.

What follows is the same diff and the same apply as for a bundle; so undoing makes a revision, moves `dateLastModified`
of what it changes and of nothing else, and can be undone. Records that did not exist then become `tobedeleted`.
"""

from psycopg.sql import SQL, Identifier

from oneroster import entities
from oneroster.entities import Entity
from sql import columns, database, merge, staging
from sql.database import Connection


async def stage(conn: Connection, tenant_id: int, revision: int) -> dict[Entity, str]:
    """Stage every record as it was at `revision`, with its status then; the modes of the entities there are."""
    modes: dict[Entity, str] = {}
    for entity in entities.ALL:
        if not await merge.has_rows(conn, tenant_id, entity):
            continue
        place = await staging.create(conn, entity)
        names = merge.listed([one.name for one in columns.staged(entity)])
        statement = SQL(
            "INSERT INTO {staged} ({names})"
            " SELECT {names} FROM {table} WHERE tenant_id = %(tenant)s AND changed <= %(revision)s"
            " UNION ALL SELECT {names} FROM {history}"
            " WHERE tenant_id = %(tenant)s AND changed <= %(revision)s AND until > %(revision)s"
        ).format(
            staged=staging.table(entity),
            names=names,
            table=Identifier(entity.table),
            history=Identifier(f"{entity.table}_history"),
        )
        await database.run(conn, statement, {"tenant": tenant_id, "revision": revision})
        await staging.analyze(conn, place)
        modes[entity] = "bulk"
    return modes
