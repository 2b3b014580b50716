"""What a load would change: candidates, their new rows and documents, and the counts the guard judges."""

from collections.abc import Iterable, Sequence

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier

from oneroster import entities
from oneroster.entities import PARTS, Entity
from sql import apply, columns, database, differing, documents, merge, staging
from sql.database import Connection
from sql.jobs import Count
from sql.merge import WITH_CHILDREN, Merge, given_status, listed


async def diff(conn: Connection, work: Merge) -> list[Count]:
    """What the load would change. Parts of users are merged already then; give the transaction up to leave no trace."""
    for entity in work.modes:
        if entity not in work.fresh and entity not in WITH_CHILDREN:
            await _diff_rows(conn, work, entity)
    await _keep_parts_of_the_gone(conn, work)
    await merge.mark(conn, "diffed")
    await _write_parts(conn, work)
    counts: list[Count] = []
    for entity in entities.EXPOSED:
        touched = work.brings(entity) or (entity is entities.USERS and any(work.brings(part) for part in PARTS))
        if not touched and entity in _as_before(work):
            counts += await _count_same(conn, work, entity)
        if not touched or (entity is entities.USERS and entity not in work.modes and await _no_users(conn, work)):
            continue
        if entity in work.fresh:
            counts += await _count_fresh(conn, work, entity)
            continue
        await _next(conn, work, entity)
        counts += await _count(conn, work, entity)
    return counts


async def _no_users(conn: Connection, work: Merge) -> bool:
    return not await merge.has_rows(conn, work.tenant_id, entities.USERS)


async def keep_unseen(conn: Connection, work: Merge) -> None:
    """Instead of what `diff` did where no record changes: parts that came under other ids belong to what is stored.

    They are entered into the newest revision, which looks as before. Whoever refers to them later finds them.
    """
    await merge.go_back(conn, "diffed")
    await _write_parts(conn, msgspec.structs.replace(work, revision=work.revision - 1))


async def _write_parts(conn: Connection, work: Merge) -> None:
    for part in PARTS:
        if work.brings(part) and part not in work.fresh:
            await apply.write(conn, work, part, f"diff_{part.table}")


async def _diff_rows(conn: Connection, work: Merge, entity: Entity) -> None:
    """`diff_<entity>`: the keys that differ, `gone` from the bundle or `new` in it; for parts the whole new row."""
    table, staged = Identifier(entity.table), staging.table(entity)
    target = Identifier(f"diff_{entity.table}")
    await conn.execute(
        SQL('CREATE TEMPORARY TABLE {} (sourced_id text COLLATE "C", gone boolean, new boolean) ON COMMIT DROP').format(
            target
        )
    )
    if entity in work.staged.compared:
        chosen = (
            "SELECT c.sourced_id, false, l.sourced_id IS NULL FROM {came} c"
            " LEFT JOIN (SELECT sourced_id, status, row_hash FROM {table}"
            " WHERE tenant_id = %(tenant)s) l ON l.sourced_id = c.sourced_id"
            " WHERE l.sourced_id IS NULL OR l.row_hash <> c.row_hash OR l.status <> 'active'"
            " UNION ALL SELECT w.sourced_id, true, false FROM {went} w"
            " WHERE NOT EXISTS (SELECT FROM {came} c WHERE c.sourced_id = w.sourced_id)"
        )
    elif work.modes[entity] == "bulk":
        # A row deleted before stays as it is; one that returns is revived though its hash is the same. Staged rows
        # bear a status only where a rollback restores what was.
        chosen = (
            "SELECT coalesce(s.sourced_id, l.sourced_id), s.sourced_id IS NULL, l.sourced_id IS NULL"
            " FROM {staged} s FULL JOIN (SELECT sourced_id, status, row_hash FROM {table}"
            " WHERE tenant_id = %(tenant)s) l ON l.sourced_id = s.sourced_id"
            " WHERE l.sourced_id IS NULL OR (s.sourced_id IS NULL AND l.status = 'active')"
            " OR (s.sourced_id IS NOT NULL"
            " AND (l.row_hash <> s.row_hash OR l.status <> coalesce(s.status, 'active')))"
        )
    else:
        # Row by row, by the source's date; equal dates: the later receipt, that is this one.
        chosen = (
            "SELECT s.sourced_id, s.status = 'tobedeleted', l.sourced_id IS NULL FROM {staged} s"
            " LEFT JOIN (SELECT sourced_id, status, row_hash, source_modified FROM {table}"
            " WHERE tenant_id = %(tenant)s) l ON l.sourced_id = s.sourced_id"
            " WHERE CASE WHEN l.sourced_id IS NULL THEN s.status = 'active'"
            " ELSE (l.row_hash <> s.row_hash OR l.status <> s.status)"
            " AND (l.source_modified IS NULL OR s.source_modified >= l.source_modified) END"
        )
    statement = SQL("INSERT INTO {} ").format(target) + SQL(chosen).format(
        staged=staged, table=table, came=differing.came(entity), went=differing.went(entity)
    )
    await database.run(conn, statement, work.key)
    await conn.execute(SQL("ANALYZE {}").format(target))


async def _keep_parts_of_the_gone(conn: Connection, work: Merge) -> None:
    """A user that is removed keeps the roles he had, so that `/students` still shows him, as tobedeleted."""
    for part in PARTS:
        if not work.brings(part) or part in work.fresh or work.modes[part] != "bulk":
            continue
        stays: Composable = SQL(
            "SELECT FROM users u WHERE u.tenant_id = %(tenant)s AND u.sourced_id = p.user_sourced_id"
            " AND u.status = 'tobedeleted'"
        )
        removed: Composable = SQL("false")
        if work.brings(entities.USERS) and entities.USERS not in work.fresh:
            removed = SQL("EXISTS (SELECT FROM diff_users d WHERE d.sourced_id = p.user_sourced_id AND d.gone)")
            stays = stays + SQL(
                " AND NOT EXISTS (SELECT FROM diff_users d WHERE d.sourced_id = u.sourced_id AND NOT d.gone)"
            )
        if work.modes.get(entities.USERS) == "bulk" and entities.USERS not in work.fresh:
            # A rollback brings him as he was then, with no other roles than he had then.
            stays = stays + SQL(" AND NOT EXISTS (SELECT FROM staged_users s WHERE s.sourced_id = u.sourced_id)")
        statement = SQL(
            "DELETE FROM {diff} d USING {table} p WHERE d.gone AND p.tenant_id = %(tenant)s"
            " AND p.sourced_id = d.sourced_id AND ({removed} OR EXISTS ({stays}))"
        ).format(diff=Identifier(f"diff_{part.table}"), table=Identifier(part.table), removed=removed, stays=stays)
        await database.run(conn, statement, work.key)


async def _next(conn: Connection, work: Merge, entity: Entity) -> None:
    """`next_<entity>`: the whole new row of each record that changes, with its document; `new` if it is not stored."""
    target = Identifier(f"next_{entity.table}")
    await conn.execute(
        SQL("CREATE TEMPORARY TABLE {} (LIKE {}, new boolean) ON COMMIT DROP").format(target, Identifier(entity.table))
    )
    for name in ("tenant_id", "changed", *(["document"] if entity in columns.DOCUMENTED else []), *_flags(entity)):
        await conn.execute(SQL("ALTER TABLE {} ALTER {} DROP NOT NULL").format(target, Identifier(name)))
    names = [one.name for one in columns.staged(entity)]
    insert = SQL("INSERT INTO {} ({}, new) ").format(target, listed(names))
    for source in _sources(work, entity, names):
        await database.run(conn, insert + source, work.key)
    if entity in columns.DOCUMENTED:
        await _render(conn, work, entity, target)
    # What looks the same is not touched, whatever row brought it here.
    same = SQL("DELETE FROM {} n USING {} l WHERE l.tenant_id = %(tenant)s AND l.sourced_id = n.sourced_id").format(
        target, Identifier(entity.table)
    ) + SQL(" AND l.status = n.status AND l.row_hash = n.row_hash")
    if entity in columns.DOCUMENTED:
        same += SQL(" AND l.document = n.document")
    await database.run(conn, same, work.key)
    await conn.execute(SQL("ANALYZE {} (sourced_id)").format(target))


def _sources(work: Merge, entity: Entity, names: Sequence[str]) -> Iterable[Composed]:
    """Selects of the candidates' new rows, disjoint."""
    table, diff_table = Identifier(entity.table), Identifier(f"diff_{entity.table}")
    staged = staging.table(entity) if entity in WITH_CHILDREN else work.source(entity)
    if entity in WITH_CHILDREN:
        # A child's parent changes with it, so these small tables are looked at whole.
        delta = work.modes[entity] == "delta"
        newer = SQL(
            " WHERE CASE WHEN l.sourced_id IS NULL THEN s.status = 'active'"
            " ELSE l.source_modified IS NULL OR s.source_modified >= l.source_modified END"
        )
        # Who comes only for the sake of a child keeps his date and his line.
        date, line = (
            SQL("CASE WHEN l.row_hash = s.row_hash AND l.status = {} THEN l.{name} ELSE s.{name} END").format(
                given_status("s"), name=Identifier(name)
            )
            for name in ("source_modified", "line")
        )
        yield SQL(
            "SELECT {}, l.sourced_id IS NULL FROM {} s"
            " LEFT JOIN {} l ON l.tenant_id = %(tenant)s AND l.sourced_id = s.sourced_id"
        ).format(listed(names, "s", status=given_status("s"), source_modified=date, line=line), staged, table) + (
            newer if delta else SQL("")
        )
        yield SQL(
            "SELECT {}, false FROM {} l WHERE l.tenant_id = %(tenant)s"
            " AND NOT EXISTS (SELECT FROM {} n WHERE n.sourced_id = l.sourced_id)"
        ).format(
            listed(names, "l", status=SQL("l.status") if delta else SQL("'tobedeleted'")),
            table,
            Identifier(f"next_{entity.table}"),
        )
        return
    if work.brings(entity):
        yield SQL("SELECT {}, d.new FROM {} s JOIN {} d ON d.sourced_id = s.sourced_id").format(
            listed(names, "s", status=given_status("s")), staged, diff_table
        )
        if work.modes[entity] == "bulk":
            yield SQL(
                "SELECT {}, false FROM {} l JOIN {} d ON d.sourced_id = l.sourced_id AND d.gone"
                " WHERE l.tenant_id = %(tenant)s"
            ).format(listed(names, "l", status=SQL("'tobedeleted'")), table, diff_table)
    if entity is entities.USERS:
        for part in PARTS:
            if work.brings(part):
                touched = (
                    SQL("SELECT user_sourced_id FROM {}").format(staging.table(part))
                    if part in work.fresh
                    else SQL(
                        "SELECT p.user_sourced_id FROM {} p WHERE p.tenant_id = %(tenant)s AND p.changed = %(revision)s"
                        " UNION SELECT h.user_sourced_id FROM {} h WHERE h.tenant_id = %(tenant)s"
                        " AND h.until = %(revision)s"
                    ).format(Identifier(part.table), Identifier(f"{part.table}_history"))
                )
                yield SQL(
                    "SELECT {}, false FROM users l WHERE l.tenant_id = %(tenant)s AND l.sourced_id IN ({})"
                    " AND NOT EXISTS (SELECT FROM next_users n WHERE n.sourced_id = l.sourced_id)"
                ).format(listed(names, "l"), touched)


async def _render(conn: Connection, work: Merge, entity: Entity, target: Composable) -> None:
    """Fill in documents, and for users what they are."""
    if entity is entities.USERS:
        await merge.gather_parts(conn, work)
        statement = SQL(
            "UPDATE {target} n SET document = {document}, student = coalesce(r.student, false),"
            " teacher = coalesce(r.teacher, false)"
            " FROM {target} k LEFT JOIN next_parts_roles r ON r.user_sourced_id = k.sourced_id"
            " LEFT JOIN next_parts_user_profiles p ON p.user_sourced_id = k.sourced_id"
            " WHERE k.sourced_id = n.sourced_id"
        ).format(target=target, document=merge.user_document("n"))
    elif entity in WITH_CHILDREN:
        statement = SQL(
            "UPDATE {target} n SET document = {document} FROM {target} k LEFT JOIN {children} c"
            " ON c.parent_sourced_id = k.sourced_id WHERE k.sourced_id = n.sourced_id"
        ).format(target=target, document=merge.parent_document(entity, "n"), children=merge.children(entity, target))
    else:
        statement = SQL("UPDATE {} n SET document = {}").format(target, documents.document(entity, "n"))
    await database.run(conn, statement, work.key)


def _flags(entity: Entity) -> list[str]:
    return ["student", "teacher"] if entity is entities.USERS else []


async def _count(conn: Connection, work: Merge, entity: Entity) -> list[Count]:
    counts = [await _count_where(conn, work, entity, entity.name, SQL("true"), SQL("true"))]
    if entity is entities.USERS:
        for name, flag in (("students", "student"), ("teachers", "teacher")):
            was, becomes = SQL("l.{}").format(Identifier(flag)), SQL("n.{}").format(Identifier(flag))
            counts.append(await _count_where(conn, work, entity, name, was, becomes))
    return counts


async def _count_where(
    conn: Connection, work: Merge, entity: Entity, name: str, was: Composable, becomes: Composable
) -> Count:
    """Counted are active records before and after; a record that returns counts as updated."""
    statement = SQL(
        "WITH moved AS (SELECT coalesce(l.status = 'active' AND {was}, false) AS was,"
        " coalesce(l.sourced_id IS NOT NULL AND {was}, false) AS stored, n.status = 'active' AND {becomes} AS becomes"
        " FROM {target} n LEFT JOIN {table} l ON l.tenant_id = %(tenant)s AND l.sourced_id = n.sourced_id),"
        " known AS (SELECT coalesce((SELECT active FROM totals WHERE tenant_id = %(tenant)s"
        " AND revision = %(revision)s - 1 AND collection = %(name)s), 0) AS active)"
        " SELECT %(name)s AS entity, known.active AS before,"
        " known.active - count(*) FILTER (WHERE was) + count(*) FILTER (WHERE becomes) AS after,"
        " count(*) FILTER (WHERE becomes AND NOT stored) AS inserted,"
        " count(*) FILTER (WHERE stored AND (becomes OR NOT was)) AS updated,"
        " count(*) FILTER (WHERE was AND NOT becomes) AS deleted"
        " FROM known LEFT JOIN moved ON true GROUP BY known.active"
    ).format(target=Identifier(f"next_{entity.table}"), table=Identifier(entity.table), was=was, becomes=becomes)
    found = await database.fetch_one(conn, statement, Count, {**work.key, "name": name})
    assert found is not None
    return found


def _as_before(work: Merge) -> set[Entity]:
    """What the bundle brings of it is what is stored; parts belong to users."""
    same = work.staged.same
    return same if same.isdisjoint(PARTS) else same | {entities.USERS}


async def _count_same(conn: Connection, work: Merge, entity: Entity) -> list[Count]:
    """Nothing changes; how many there are is known."""
    names = [entity.name, *(["students", "teachers"] if entity is entities.USERS else [])]
    statement = (
        "SELECT n.name AS entity, coalesce(t.active, 0) AS before, coalesce(t.active, 0) AS after, 0 AS inserted,"
        " 0 AS updated, 0 AS deleted FROM unnest(%(names)s::text[]) WITH ORDINALITY AS n(name, place)"
        " LEFT JOIN totals t ON t.tenant_id = %(tenant)s AND t.revision = %(revision)s - 1 AND t.collection = n.name"
        " ORDER BY n.place"
    )
    return await database.fetch_all(conn, statement, Count, {**work.key, "names": names})


async def _count_fresh(conn: Connection, work: Merge, entity: Entity) -> list[Count]:
    rows = work.first_rows(entity)
    if rows is None:
        living = SQL("SELECT count(*) FROM {} WHERE status IS DISTINCT FROM 'tobedeleted'")
        rows = int(await database.fetch_value(conn, living.format(staging.table(entity)), {}))
    counts = [Count(entity.name, 0, rows, rows, 0, 0)]
    if entity is entities.USERS and work.brings(entities.ROLES):
        for name, role in (("students", "student"), ("teachers", "teacher")):
            found = await database.fetch_value(
                conn,
                "SELECT count(*) FROM staged_users s WHERE s.status IS DISTINCT FROM 'tobedeleted'"
                " AND EXISTS (SELECT FROM staged_roles r WHERE r.user_sourced_id = s.sourced_id"
                " AND r.role = %(role)s AND r.status IS DISTINCT FROM 'tobedeleted')",
                {"role": role},
            )
            counts.append(Count(name, 0, found, found, 0, 0))
    return counts
