"""One load at work on the tables: where the tenant stands, and the pieces of SQL that diff and apply share.

The unit of change is the record as the API shows it. Parts of users (roles, userProfiles) are merged first; then each
exposed entity gets a temporary table `next_<entity>` with the whole new row of every record that really changes, its
document rendered. Nothing else is written: history first, then live rows. An entity's first rows take a shorter way:
straight into a detached table, which is indexed and attached at the end.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier

from oneroster import entities
from oneroster.entities import PARTS, Entity
from sql import database, differing, documents, revisions, staging
from sql.database import Connection
from sql.staging import Staged

Mark = Literal["begun", "diffed"]
WITH_CHILDREN = tuple(entity for entity in entities.EXPOSED if entity.children)


class Merge(msgspec.Struct, frozen=True):
    """One load: the tenant, the revision it would make, the files it brings, and which tables have no rows yet."""

    tenant_id: int
    revision: int
    modes: Mapping[Entity, str]
    """bulk or delta; without what brings nothing but what is stored, as nothing is to be done for it."""
    fresh: frozenset[Entity]
    staged: Staged = Staged()

    @property
    def key(self) -> dict[str, int]:
        return {"tenant": self.tenant_id, "revision": self.revision}

    def brings(self, entity: Entity) -> bool:
        return entity in self.modes

    def source(self, entity: Entity) -> Identifier:
        """The staged rows that may differ from the stored ones."""
        return differing.came(entity) if entity in self.staged.compared else staging.table(entity)

    def first_rows(self, entity: Entity) -> int | None:
        """How many records the load brings where there were none, if that is known without counting."""
        return self.staged.placed.get(entity) if self.modes.get(entity) == "bulk" else None


async def make_room(conn: Connection) -> None:
    """Memory for sorts, joins and indexes of a load; until the transaction ends."""
    await conn.execute("SET LOCAL work_mem = '128MB'; SET LOCAL maintenance_work_mem = '256MB'")


async def begin(
    conn: Connection,
    tenant_id: int,
    modes: Mapping[Entity, str],
    staged: Staged = Staged(),  # noqa: B008 - never filled
) -> Merge:
    """Look at where the tenant stands."""
    modes = {entity: mode for entity, mode in modes.items() if entity not in staged.same}
    fresh = {entity for entity in modes if entity in staged.placed or not await has_rows(conn, tenant_id, entity)}
    revision = await revisions.newest(conn, tenant_id) + 1
    return Merge(tenant_id, revision, modes, frozenset(fresh), staged)


async def has_rows(conn: Connection, tenant_id: int, entity: Entity) -> bool:
    """Whether the tenant ever had records of the entity: only then there is a partition."""
    name = f"public.{entity.table}_t{tenant_id}"
    return bool(await database.fetch_value(conn, "SELECT to_regclass(%(name)s) IS NOT NULL", {"name": name}))


async def mark(conn: Connection, name: Mark) -> None:
    """Name a moment of the load that can be gone back to: `begun` before anything is staged, `diffed` before
    anything is written."""
    await conn.execute(f"SAVEPOINT {name}")


async def go_back(conn: Connection, name: Mark) -> None:
    """Leave no trace of what was done since."""
    await conn.execute(f"ROLLBACK TO SAVEPOINT {name}")


def listed(names: Sequence[str], row: str | None = None, **instead: Composable) -> Composed:
    """Columns, of a row's alias when one is given, some replaced by an expression."""
    parts: list[Composable] = [
        instead[name] if name in instead else Identifier(row, name) if row else Identifier(name) for name in names
    ]
    return SQL(", ").join(parts)


def given_status(row: str) -> Composed:
    return SQL("coalesce({}, 'active')").format(Identifier(row, "status"))


def user_document(row: str) -> Composed:
    extra = SQL("""',"roles":' || coalesce(r.entries, '[]'), ',"userProfiles":' || p.entries""")
    return documents.document(entities.USERS, row, extra)


def parent_document(entity: Entity, row: str) -> Composed:
    return documents.document(entity, row, SQL("',\"children\":' || c.entries"))


def children(entity: Entity, source: Composable) -> Composed:
    """The `children` of each parent: its active children by id."""
    return SQL(
        "(SELECT parent_sourced_id, '[' || string_agg({}, ',' ORDER BY sourced_id) || ']' AS entries FROM {}"
        " WHERE parent_sourced_id IS NOT NULL AND coalesce(status, 'active') = 'active' GROUP BY parent_sourced_id)"
    ).format(documents.reference(entity.name, entity.singular, SQL("sourced_id")), source)


async def gather_parts(conn: Connection, work: Merge) -> None:
    """`next_parts_*`: the rendered roles and profiles of each user that is rendered now, in an order of their own."""
    rendered = {
        entities.ROLES: (documents.role("p"), SQL("p.role_type, p.org_sourced_id, p.role, p.begin_date, p.sourced_id")),
        entities.USER_PROFILES: (documents.user_profile("p"), SQL("p.sourced_id")),
    }
    for part in PARTS:
        expression, order = rendered[part]
        flags = (
            SQL("bool_or(p.role = 'student') AS student, bool_or(p.role = 'teacher') AS teacher,")
            if part is entities.ROLES
            else SQL("")
        )
        if part in work.fresh:
            source = SQL("{} p WHERE coalesce(p.status, 'active') = 'active'").format(staging.table(part))
        else:
            source = SQL("{} p WHERE p.tenant_id = %(tenant)s AND p.status = 'active'").format(Identifier(part.table))
        if entities.USERS not in work.fresh:
            source = source + SQL(" AND p.user_sourced_id IN (SELECT sourced_id FROM next_users)")
        target = Identifier(f"next_parts_{part.table}")
        await conn.execute(
            SQL(
                'CREATE TEMPORARY TABLE {} (user_sourced_id text COLLATE "C", student boolean, teacher boolean,'
                ' entries text COLLATE "C") ON COMMIT DROP'
            ).format(target)
        )
        statement = SQL(
            "INSERT INTO {target} (user_sourced_id, {names} entries) SELECT p.user_sourced_id, {flags}"
            " '[' || string_agg({expression}, ',' ORDER BY {order}) || ']' FROM {source} GROUP BY p.user_sourced_id"
        ).format(
            target=target,
            names=SQL("student, teacher,") if part is entities.ROLES else SQL(""),
            flags=flags,
            expression=expression,
            order=order,
            source=source,
        )
        await database.run(conn, statement, work.key)
        await conn.execute(SQL("ANALYZE {} (user_sourced_id)").format(target))
