"""Checks across rows and files, set-based over the staged tables (CSV binding section 4, Japan sheet section 7).

Every check answers with problems in line order, at most `MOST` of a kind and file, and with how many there are.
"""

from collections.abc import Collection, Mapping

import msgspec
from psycopg.sql import SQL, Composable, Identifier, Literal

from oneroster import entities
from oneroster.entities import Entity
from oneroster.problems import Problem
from oneroster.profiles import Profile
from sql import database, staging
from sql.database import Connection

MOST = 1_000


class Found(msgspec.Struct, frozen=True):
    """A row that fails a check, with how many fail it in all."""

    line: int
    value: str
    total: int


class Unfitting(msgspec.Struct, frozen=True):
    """A row that does not fit its file's mode, by its status or else by its date."""

    line: int
    value: str
    by_status: bool
    total: int


class Modes(msgspec.Struct, frozen=True):
    """How many rows of a staged file carry status and date, one of them, or none."""

    rows: int
    blank: int
    filled: int
    half: int


# A row whose status or date could not be read says nothing of the mode (oneroster.rows.UNREAD).
_SAYS = SQL("status IS DISTINCT FROM '?' AND source_modified IS DISTINCT FROM '-infinity'")


async def modes(conn: Connection, entity: Entity) -> Modes:
    """What the rows of a staged file say of its mode."""
    statement = SQL(
        "SELECT count(*) AS rows, count(*) FILTER (WHERE status IS NULL AND source_modified IS NULL) AS blank,"
        " count(*) FILTER (WHERE status IS NOT NULL AND source_modified IS NOT NULL) AS filled,"
        " count(*) FILTER (WHERE (status IS NULL) <> (source_modified IS NULL)) AS half FROM {} WHERE {}"
    ).format(staging.table(entity), _SAYS)
    found = await database.fetch_one(conn, statement, Modes, {})
    assert found is not None
    return found


async def unfitting(conn: Connection, entity: Entity, mode: str) -> tuple[list[Problem], int]:
    """Rows that do not fit the mode of their file: a cell that is filled in bulk, or blank in delta."""
    filled = mode == "bulk"
    statement = SQL(
        "SELECT line, coalesce(status, '') AS value, (status IS NOT NULL) = {filled} AS by_status,"
        " count(*) OVER () AS total FROM {table} WHERE {says}"
        " AND ((status IS NOT NULL) = {filled} OR (source_modified IS NOT NULL) = {filled}) ORDER BY line LIMIT {most}"
    ).format(table=staging.table(entity), filled=Literal(filled), says=_SAYS, most=Literal(MOST))
    found = await database.fetch_all(conn, statement, Unfitting, {})
    detail = f"This file is read as {mode}."
    problems = [
        Problem("E-STATUS", entity.file, one.line, "status", one.value, detail)
        if one.by_status
        else Problem("E-STATUS", entity.file, one.line, "dateLastModified", "", detail)
        for one in found
    ]
    return problems, found[0].total if found else 0


async def duplicates(conn: Connection, entity: Entity) -> tuple[list[Problem], int]:
    """Rows whose sourcedId stood in the file before."""
    # Numbers are sorted much faster than texts, and nearly always there is nothing to find.
    twice = SQL("SELECT count(sourced_id) <> count(DISTINCT hashtextextended(sourced_id, 0)) FROM {}")
    if not await database.fetch_value(conn, twice.format(staging.table(entity)), {}):
        return [], 0
    statement = SQL(
        "SELECT line, sourced_id AS value, count(*) OVER () AS total FROM"
        " (SELECT line, sourced_id, min(line) OVER (PARTITION BY sourced_id) AS first FROM {table} WHERE sourced_id IN"
        " (SELECT sourced_id FROM {table} GROUP BY sourced_id HAVING count(*) > 1)) AS twice"
        " WHERE line > first ORDER BY line LIMIT {most}"
    ).format(table=staging.table(entity), most=Literal(MOST))
    found = await database.fetch_all(conn, statement, Found, {})
    return _problems(found, "E-DUPLICATE", entity.file, "sourcedId")


async def references(
    conn: Connection,
    tenant_id: int,
    entity: Entity,
    profile: Profile,
    staged: Mapping[str, str],
    faulty: Collection[str],
) -> tuple[list[Problem], int]:
    """Rows that refer to a record which does not exist, item by item.

    `staged` maps the entities in this bundle to their mode. A record of a bulk file exists when the file has it; of an
    absent or delta file also when it is stored, whatever its status. Who refers to a file with errors is not judged.
    """
    problems: list[Problem] = []
    total = 0
    for header, target, item, source in _links(entity, profile):
        if target.file in faulty:
            continue
        missing: list[Composable] = []
        if target.name in staged:
            missing.append(SQL("NOT EXISTS (SELECT FROM {} t WHERE t.sourced_id = r.id)").format(staging.table(target)))
        if staged.get(target.name) != "bulk":
            missing.append(
                SQL("NOT EXISTS (SELECT FROM {} t WHERE t.tenant_id = %(tenant)s AND t.sourced_id = r.id)").format(
                    Identifier(target.table)
                )
            )
        statement = SQL(
            "SELECT r.line, r.id AS value, count(*) OVER () AS total"
            " FROM (SELECT s.line, {item} AS id FROM {source} WHERE s.status IS DISTINCT FROM 'tobedeleted') AS r"
            " WHERE r.id IS NOT NULL AND {missing} ORDER BY r.line LIMIT {most}"
        ).format(item=item, source=source, missing=SQL(" AND ").join(missing), most=Literal(MOST))
        found = await database.fetch_all(conn, statement, Found, {"tenant": tenant_id})
        more, count = _problems(found, "E-REF", entity.file, header, f"Not in {target.file}.")
        problems += more
        total += count
    return sorted(problems, key=lambda one: one.line), total


def _links(entity: Entity, profile: Profile) -> list[tuple[str, Entity, Composable, Composable]]:
    links: list[tuple[str, Entity, Composable, Composable]] = []
    table = SQL("{} s").format(staging.table(entity))
    for field in entity.kept:
        if field.refers not in entities.BY_NAME:
            continue
        target = entities.BY_NAME[str(field.refers)]
        column = Identifier("s", field.column)
        if field.kind.many:
            unnested = SQL("{} CROSS JOIN unnest({}) AS u(id)").format(table, column)
            links.append((field.name, target, SQL("u.id"), unnested))
        else:
            links.append((field.name, target, column, table))
    for one in profile.metadata(entity):
        if one.refers is not None:
            path = "{" + ",".join(one.key.split(".")[1:]) + "}"
            item = SQL("(s.metadata #>> {})").format(Literal(path))
            links.append((one.header, entities.BY_NAME[one.refers], item, table))
    if entity is entities.DEMOGRAPHICS:
        # sourcedId of a demographics row is the user's (CSV binding section 5)
        links.append(("sourcedId", entities.USERS, Identifier("s", "sourced_id"), table))
    return links


async def roleless(conn: Connection) -> tuple[list[Problem], int]:
    """Users of this bundle that its roles file gives no role."""
    statement = SQL(
        "SELECT s.line, s.sourced_id AS value, count(*) OVER () AS total FROM staged_users s"
        " WHERE s.status IS DISTINCT FROM 'tobedeleted'"
        " AND NOT EXISTS (SELECT FROM staged_roles r WHERE r.user_sourced_id = s.sourced_id)"
        " ORDER BY s.line LIMIT {}"
    ).format(Literal(MOST))
    return _problems(await database.fetch_all(conn, statement, Found, {}), "W-NO-ROLE", "users.csv", "sourcedId")


def _problems(found: list[Found], code: str, file: str, column: str, detail: str = "") -> tuple[list[Problem], int]:
    return [Problem(code, file, one.line, column, one.value, detail) for one in found], found[0].total if found else 0
