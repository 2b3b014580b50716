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


async def create(conn: Connection, tenant_id: int, entity: Entity) -> tuple[Place, Place]:
    """The tables, empty, for what came and for what went, and the view. All of it vanishes with the transaction."""
    for table in (came(entity), went(entity)):
        await staging.create_table(conn, table, entity)
    view = SQL("CREATE TEMPORARY VIEW {} AS {}").format(staging.table(entity), rows(tenant_id, entity))
    await conn.execute(view)
    return Place(entity, came(entity), first=False), Place(entity, went(entity), first=False)


def rows(tenant_id: int, entity: Entity, narrowed: Composable = SQL("")) -> Composed:  # noqa: B008 - never changed
    """A query of the whole file, or of those rows of it for which ` AND ...` of the alias `l` holds.

    The condition reaches the stored rows that way, by an index if there is one: not from outside the view.
    """
    blank = {"status": SQL("NULL::text AS status"), "source_modified": SQL("NULL::timestamptz AS source_modified")}
    names = [Identifier("l", one.name) for one in columns.staged(entity)]
    values = [blank.get(one.name) or Identifier("l", one.name) for one in columns.staged(entity)]
    return SQL("SELECT {} FROM {} l WHERE true{n} UNION ALL SELECT {} FROM {} l WHERE {}{n}").format(
        SQL(", ").join(names), came(entity),
        SQL(", ").join(values), Identifier(entity.table), in_both(tenant_id, entity),
        n=narrowed,
    )  # fmt: skip


def in_both(tenant_id: int, entity: Entity) -> Composed:
    """The condition that a stored row `l` is one that both files have."""
    conditions: list[Composable] = [
        SQL("l.tenant_id = {}").format(Literal(tenant_id)),
        SQL("l.status = 'active'"),
        *(
            SQL("NOT EXISTS (SELECT FROM {} d WHERE d.sourced_id = l.sourced_id)").format(table)
            for table in (came(entity), went(entity))
        ),
    ]
    if entity.part_of:
        # Whoever is removed keeps the parts he had, of which no file tells.
        conditions.append(
            SQL(
                "NOT EXISTS (SELECT FROM users u WHERE u.tenant_id = {} AND u.sourced_id = l.user_sourced_id"
                " AND u.status = 'tobedeleted')"
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


async def stands(conn: Connection, tenant_id: int, entity: Entity, before: int, after: int, *, differs: bool) -> bool:
    """Whether there are as many rows as the old file had, or for parts that differ, as the new one has."""
    if entity.part_of and not differs:
        return True  # to count them would take longer than all the rest
    if entity.part_of:
        statement, rows = SQL("SELECT count(*) FROM {}").format(staging.table(entity)), after
    else:
        statement = SQL(
            "SELECT active FROM totals WHERE tenant_id = {tenant} AND collection = {name}"
            " AND revision = (SELECT max(revision) FROM revisions WHERE tenant_id = {tenant})"
        ).format(tenant=Literal(tenant_id), name=Literal(entity.name))
        rows = before
    return bool(await database.fetch_value(conn, statement, {}) == rows)


async def brings_back(conn: Connection, tenant_id: int, rows: Identifier) -> bool:
    """Whether any of these users was removed before: he may have kept parts that no file holds."""
    statement = SQL(
        "SELECT EXISTS (SELECT FROM {} s JOIN users u ON u.tenant_id = {} AND u.sourced_id = s.sourced_id"
        " WHERE u.status = 'tobedeleted')"
    ).format(rows, Literal(tenant_id))
    return bool(await database.fetch_value(conn, statement, {}))


def removed(entity: Entity) -> Composed:
    """A query of the ids that went and did not come again."""
    return SQL(
        "SELECT w.sourced_id FROM {} w WHERE NOT EXISTS (SELECT FROM {} c WHERE c.sourced_id = w.sourced_id)"
    ).format(went(entity), came(entity))


async def removes(conn: Connection, entity: Entity) -> bool:
    """Whether there are any such ids."""
    return bool(await database.fetch_value(conn, SQL("SELECT EXISTS ({})").format(removed(entity)), {}))
