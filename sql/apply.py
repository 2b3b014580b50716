"""Making a load so: history, live rows, first loads, totals."""

import uuid

from psycopg.sql import SQL, Composable, Identifier

from oneroster import entities
from oneroster.entities import PARTS, Entity
from sql import columns, database, documents, merge, revisions, staging
from sql.database import Connection
from sql.merge import WITH_CHILDREN, Merge, given_status, listed


async def apply(conn: Connection, work: Merge, job: uuid.UUID) -> None:
    """Make the revision: history, live rows, first loads, totals."""
    await revisions.add(conn, work.tenant_id, work.revision, job)
    for entity in entities.EXPOSED:
        if entity in work.fresh:
            continue
        if work.brings(entity) or (entity is entities.USERS and await _has_next_users(conn)):
            await write(conn, work, entity, f"next_{entity.table}")
    ordered = [entity for entity in entities.ALL if entity in work.fresh]
    for entity in ordered:
        await _load_first(conn, work, entity)
        if entity in entities.EXPOSED:
            await revisions.log_all(conn, work.tenant_id, work.revision, entity.name)
    for entity in ordered:
        await database.fetch_value(conn, "SELECT attach_partition(%(table)s)", {"table": entity.table})
        await database.fetch_value(conn, "SELECT add_partition(%(table)s)", {"table": f"{entity.table}_history"})
    await _count_totals(conn, work)


async def _has_next_users(conn: Connection) -> bool:
    return bool(await database.fetch_value(conn, "SELECT to_regclass('pg_temp.next_users') IS NOT NULL", {}))


async def _load_first(conn: Connection, work: Merge, entity: Entity) -> None:
    """The first rows of an entity: in a detached table, indexed after."""
    if entity in work.staged.placed:
        await staging.keep_first(conn, work.tenant_id, entity, work.modes[entity])
    else:
        await _insert_first(conn, work, entity)
    await database.fetch_value(conn, "SELECT index_partition(%(table)s)", {"table": entity.table})


async def _insert_first(conn: Connection, work: Merge, entity: Entity) -> None:
    partition = await database.fetch_value(conn, "SELECT start_partition(%(table)s)", {"table": entity.table})
    names = [one.name for one in columns.staged(entity)]
    values: list[Composable] = [listed(names, "s", status=given_status("s"))]
    source: Composable = SQL("{} s").format(staging.table(entity))
    if entity is entities.USERS:
        await merge.gather_parts(conn, work)
        source = SQL(
            "{} LEFT JOIN next_parts_roles r ON r.user_sourced_id = s.sourced_id"
            " LEFT JOIN next_parts_user_profiles p ON p.user_sourced_id = s.sourced_id"
        ).format(source)
        values += [merge.user_document("s"), SQL("coalesce(r.student, false)"), SQL("coalesce(r.teacher, false)")]
    elif entity in WITH_CHILDREN:
        source = SQL("{} LEFT JOIN {} c ON c.parent_sourced_id = s.sourced_id").format(
            source, merge.children(entity, staging.table(entity))
        )
        values.append(merge.parent_document(entity, "s"))
    elif entity in columns.DOCUMENTED:
        values.append(documents.document(entity, "s"))
    live = [one.name for one in columns.live(entity)]
    statement = SQL(
        "INSERT INTO {} (tenant_id, {}) SELECT %(tenant)s, {}, %(revision)s FROM {}"
        " WHERE s.status IS DISTINCT FROM 'tobedeleted'"
    ).format(Identifier(partition), listed(live), SQL(", ").join(values), source)
    await database.run(conn, statement, work.key)
    await database.fetch_value(conn, "SELECT analyze_partition(%(table)s)", {"table": entity.table})


async def write(conn: Connection, work: Merge, entity: Entity, source: str) -> None:
    """History of what changes, then the changes. `source` is a `next_` table, or for parts their `diff_` table."""
    table, history = Identifier(entity.table), Identifier(f"{entity.table}_history")
    live = [one.name for one in columns.live(entity)]
    chosen = Identifier(source)
    await database.run(
        conn,
        SQL(
            "INSERT INTO {} (tenant_id, {}, until) SELECT %(tenant)s, {}, %(revision)s FROM {} l JOIN {} n"
            " ON n.sourced_id = l.sourced_id WHERE l.tenant_id = %(tenant)s AND l.changed < %(revision)s"
        ).format(history, listed(live), listed(live, "l"), table, chosen),
        work.key,
    )
    if source.startswith("diff_"):
        await _write_parts(conn, work, entity)
        return
    names = [one for one in live if one not in ("sourced_id", "changed")]
    changed = await database.run(
        conn,
        SQL(
            "UPDATE {} l SET ({}, changed) = ROW ({}, %(revision)s) FROM {} n"
            " WHERE l.tenant_id = %(tenant)s AND l.sourced_id = n.sourced_id AND NOT n.new"
        ).format(table, listed(names), listed(names, "n"), chosen),
        work.key,
    )
    changed += await database.run(
        conn,
        SQL("INSERT INTO {} (tenant_id, {}, changed) SELECT %(tenant)s, {}, %(revision)s FROM {} n WHERE n.new").format(
            table, listed(["sourced_id", *names]), listed(["sourced_id", *names], "n"), chosen
        ),
        work.key,
    )
    await revisions.log_changes(conn, work.tenant_id, work.revision, entity.name, chosen, changed)


async def _write_parts(conn: Connection, work: Merge, entity: Entity) -> None:
    table, staged, diff_table = Identifier(entity.table), work.source(entity), Identifier(f"diff_{entity.table}")
    names = [one.name for one in columns.staged(entity) if one.name != "sourced_id"]
    given = listed(names, "s", status=given_status("s"))
    await database.run(
        conn,
        SQL(
            "UPDATE {} l SET ({}, changed) = ROW ({}, %(revision)s) FROM {} s JOIN {} d ON d.sourced_id = s.sourced_id"
            " WHERE l.tenant_id = %(tenant)s AND l.sourced_id = s.sourced_id AND NOT d.new"
        ).format(table, listed(names), given, staged, diff_table),
        work.key,
    )
    await database.run(
        conn,
        SQL(
            "INSERT INTO {} (tenant_id, sourced_id, {}, changed) SELECT %(tenant)s, s.sourced_id, {}, %(revision)s"
            " FROM {} s JOIN {} d ON d.sourced_id = s.sourced_id WHERE d.new"
        ).format(table, listed(names), given, staged, diff_table),
        work.key,
    )
    if work.modes[entity] == "bulk":
        await database.run(
            conn,
            SQL(
                "UPDATE {} l SET status = 'tobedeleted', changed = %(revision)s FROM {} d"
                " WHERE l.tenant_id = %(tenant)s AND l.sourced_id = d.sourced_id AND d.gone"
            ).format(table, diff_table),
            work.key,
        )


async def note_dates(conn: Connection, work: Merge) -> None:
    """A delta row that says again what is stored, at a later date: an older row that comes after it is late."""
    for entity, mode in work.modes.items():
        if mode == "delta" and entity not in work.fresh:
            statement = SQL(
                "UPDATE {} l SET source_modified = s.source_modified FROM {} s"
                " WHERE l.tenant_id = %(tenant)s AND l.sourced_id = s.sourced_id AND l.row_hash = s.row_hash"
                " AND l.status = s.status AND (l.source_modified IS NULL OR s.source_modified > l.source_modified)"
            ).format(Identifier(entity.table), staging.table(entity))
            await database.run(conn, statement, work.key)


SPECIAL = {
    entities.USERS: {"students": "student", "teachers": "teacher"},
    entities.ORGS: {"schools": "type = 'school'"},
    entities.ACADEMIC_SESSIONS: {"terms": "type = 'term'", "gradingPeriods": "type = 'gradingPeriod'"},
}
"""Collections that are part of an entity (REST section 1.2.1), with their predicate."""


async def _count_totals(conn: Connection, work: Merge) -> None:
    for entity in entities.EXPOSED:
        if not work.brings(entity) and not (entity is entities.USERS and any(work.brings(part) for part in PARTS)):
            continue
        first = work.first_rows(entity)
        if first is not None and entity not in SPECIAL:
            await revisions.set_total(conn, work.tenant_id, work.revision, entity.name, first, first)
            continue
        for name, predicate in ({entity.name: "true"} | SPECIAL.get(entity, {})).items():
            statement = SQL(
                "SELECT count(*), count(*) FILTER (WHERE status = 'active') FROM {} WHERE tenant_id = %(tenant)s AND "
            ).format(Identifier(entity.table)) + SQL(predicate)
            cursor = await conn.execute(statement, work.key)
            row = await cursor.fetchone()
            assert row is not None
            await revisions.set_total(conn, work.tenant_id, work.revision, name, row[0], row[1])
