"""Staging a bulk file by what differs from its forerunner, where the stored rows are those of the forerunner.

Two temporary tables hold the rows that only one of the files has, `came_<entity>` and `went_<entity>`. The view
`staging.table(entity)` then shows the whole file: what came, and of the stored rows those that did not go. So checks
and merge see the same as if all of it had been staged.
"""

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from oneroster.entities import Entity
from sql import columns, database, staging
from sql.database import Connection
from sql.staging import Place


def came(entity: Entity) -> Identifier:
    """The rows that only the new file has, by their lines in it."""
    return Identifier(f"came_{entity.table}")


def went(entity: Entity) -> Identifier:
    """The rows that only the old file had, as they were read again."""
    return Identifier(f"went_{entity.table}")


async def create_tables(conn: Connection, entity: Entity) -> tuple[Place, Place]:
    """The tables, empty: of what came and of what went."""
    for table in (came(entity), went(entity)):
        await staging.create_table(conn, table, entity)
    return Place(entity, came(entity), first=False), Place(entity, went(entity), first=False)


async def create_view(conn: Connection, tenant_id: int, entity: Entity) -> None:
    """The whole file, once the tables are filled."""
    others = SQL("SELECT {} FROM {} UNION ALL ").format(_names(entity), came(entity))
    await _create_view(conn, tenant_id, entity, others, same=False)


async def create_same(conn: Connection, tenant_id: int, entity: Entity) -> None:
    """The view alone, for a file that has the rows of its forerunner."""
    await _create_view(conn, tenant_id, entity, SQL(""), same=True)


async def _create_view(conn: Connection, tenant_id: int, entity: Entity, others: Composable, *, same: bool) -> None:
    blank = {"status": SQL("NULL::text"), "source_modified": SQL("NULL::timestamptz")}  # as in every bulk file
    values = [blank.get(one.name) or Identifier("l", one.name) for one in columns.staged(entity)]
    stored = SQL("SELECT {} FROM {} l WHERE {}").format(
        SQL(", ").join(values), Identifier(entity.table), in_both(tenant_id, entity, same=same)
    )
    statement = SQL("CREATE TEMPORARY VIEW {} ({}) AS ").format(staging.table(entity), _names(entity))
    await conn.execute(statement + others + stored)


def in_both(tenant_id: int, entity: Entity, *, same: bool) -> Composed:
    """The condition that a stored row `l` is one that both files have; `same` where nothing differs."""
    conditions: list[Composable] = [
        SQL("l.tenant_id = {}").format(Literal(tenant_id)),
        SQL("l.status = 'active'"),
    ]
    if not same:
        conditions += [
            SQL("NOT EXISTS (SELECT FROM {} d WHERE d.sourced_id = l.sourced_id)").format(table)
            for table in (came(entity), went(entity))
        ]
    if entity.part_of:
        # Whoever is removed keeps the parts he had, of which no file tells.
        conditions.append(
            SQL(
                "EXISTS (SELECT FROM users u WHERE u.tenant_id = {} AND u.sourced_id = l.user_sourced_id"
                " AND u.status = 'active')"
            ).format(Literal(tenant_id))
        )
    return SQL(" AND ").join(conditions)


async def fits(conn: Connection, tenant_id: int, entity: Entity) -> bool:
    """Whether the stored rows are indeed those of the old file, and the new one is bulk, with no id twice.

    What went must be stored as it was read again; what came under an id that is stored must have gone under it.
    """
    statement = SQL(
        "SELECT NOT EXISTS (SELECT FROM {went} w LEFT JOIN {table} l ON l.tenant_id = {tenant}"
        " AND l.sourced_id = w.sourced_id AND l.status = 'active' WHERE l.row_hash IS DISTINCT FROM w.row_hash)"
        " AND NOT EXISTS (SELECT FROM {came} c JOIN {table} l ON l.tenant_id = {tenant} AND l.sourced_id = c.sourced_id"
        " WHERE l.status = 'active' AND NOT EXISTS (SELECT FROM {went} w WHERE w.sourced_id = c.sourced_id))"
        " AND (SELECT count(*) = count(DISTINCT sourced_id) AND count(status) + count(source_modified) = 0 FROM {came})"
    ).format(went=went(entity), came=came(entity), table=Identifier(entity.table), tenant=Literal(tenant_id))
    return bool(await database.fetch_value(conn, statement, {}))


def removed(entity: Entity) -> Composed:
    """A query of the ids that went and did not come again."""
    return SQL(
        "SELECT w.sourced_id FROM {} w WHERE NOT EXISTS (SELECT FROM {} c WHERE c.sourced_id = w.sourced_id)"
    ).format(went(entity), came(entity))


async def removes(conn: Connection, entity: Entity) -> bool:
    """Whether there are any such ids."""
    return bool(await database.fetch_value(conn, SQL("SELECT EXISTS ({})").format(removed(entity)), {}))


def _names(entity: Entity) -> Composable:
    return SQL(", ").join(Identifier(one.name) for one in columns.staged(entity))
