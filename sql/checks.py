"""Checks across rows and files, set-based over the staged tables (CSV binding sections 4 and 5, Japan sheet section 7).

NULL may stand anywhere: it is what was staged of a cell with an error, which is known already.
"""

from collections.abc import AsyncIterator

import msgspec
from psycopg.sql import SQL, Identifier, Literal

from oneroster import entities
from oneroster.entities import Entity
from oneroster.manifest import Manifest
from oneroster.problems import Problem
from oneroster.profiles import Profile
from sql import database, people, prospect, references, staging
from sql.database import Connection
from sql.prospect import Answer, Prospect


class Unfitting(msgspec.Struct, frozen=True):
    """A row that does not fit its file's mode, by its status or else by its date."""

    line: int
    value: str
    by_status: bool
    total: int


async def unfitting(conn: Connection, entity: Entity, mode: str) -> Answer:
    """Rows that do not fit the mode of their file: a cell that is filled in bulk, or blank in delta."""
    filled = mode == "bulk"
    statement = SQL(
        "SELECT line, coalesce(status, '') AS value, (status IS NOT NULL) = {filled} AS by_status,"
        " count(*) OVER () AS total FROM {table}"
        " WHERE (status IS NOT NULL) = {filled} OR (source_modified IS NOT NULL) = {filled} ORDER BY line LIMIT {most}"
    ).format(table=staging.table(entity), filled=Literal(filled), most=Literal(prospect.MOST))
    found = await database.fetch_all(conn, statement, Unfitting, {})
    detail = f"This file is read as {mode}."
    problems = [
        Problem("E-STATUS", entity.file, one.line, "status", one.value, detail)
        if one.by_status
        else Problem("E-STATUS", entity.file, one.line, "dateLastModified", "", detail)
        for one in found
    ]
    return problems, found[0].total if found else 0


async def lacking(conn: Connection, tenant_id: int, profile: Profile, manifest: Manifest) -> list[Problem]:
    """Mandatory files that a bulk bundle leaves out though nothing is stored for them."""
    if not profile.japanese or "bulk" not in manifest.modes.values():
        return []
    problems = []
    for name in profile.mandatory:
        if manifest.modes.get(name, "absent") == "absent":
            entity = entities.BY_NAME[name]
            statement = SQL(
                "SELECT EXISTS (SELECT FROM {} WHERE tenant_id = %(tenant)s AND status = 'active')"
            ).format(Identifier(entity.table))  # fmt: skip
            if not await database.fetch_value(conn, statement, {"tenant": tenant_id}):
                line = manifest.lines.get(name, 0)
                problems.append(Problem("E-MANDATORY", "manifest.csv", line, f"file.{name}", "absent"))
    return problems


async def across(conn: Connection, work: Prospect) -> AsyncIterator[Answer]:
    """Everything that can be said of the staged files together."""
    for entity, mode in work.modes.items():
        if entity not in work.staged.alike:
            yield await duplicates(conn, work, entity)
        if mode == "delta":
            await set_aside_late(conn, work, entity)
    for entity in work.modes:
        async for answer in references.dangling(conn, work, entity):
            yield answer
        async for answer in references.of_wrong_type(conn, work, entity):
            yield answer
        if entity in (entities.ORGS, entities.ACADEMIC_SESSIONS) and not work.as_before(entity):
            yield await cycles(conn, work, entity)
    async for answer in _of_people(conn, work):
        yield answer


async def _of_people(conn: Connection, work: Prospect) -> AsyncIterator[Answer]:
    japanese = work.profile.japanese
    roles_told = work.sound(entities.ROLES, "status", "userSourcedId")
    if not work.as_before(entities.USERS, entities.ROLES):
        if work.brings(entities.USERS):
            if roles_told:
                yield await people.roleless(conn, work)
            if japanese:
                yield await people.master_twice(conn, work)
            if japanese and work.sound(entities.USERS, "metadata.jp.homeClass"):
                yield await people.homeless(conn, work)
        if work.brings(entities.ROLES):
            yield await people.primary_twice(conn, work)
            if japanese and roles_told:
                yield await people.no_primary(conn, work)
    if work.brings(entities.ENROLLMENTS) and not work.as_before(entities.ENROLLMENTS):
        yield await people.primary_teachers(conn, work)


async def duplicates(conn: Connection, work: Prospect, entity: Entity) -> Answer:
    """Rows whose sourcedId stood in the file before."""
    if entity in work.staged.unique:
        return [], 0
    if entity in work.staged.placed and await staging.key_first(conn, entity):
        return [], 0
    # Numbers are sorted much faster than texts, and nearly always there is nothing to find.
    twice = SQL("SELECT count(sourced_id) <> count(DISTINCT hashtextextended(sourced_id, 0)) FROM {}")
    if not await database.fetch_value(conn, twice.format(staging.table(entity)), {}):
        return [], 0
    failing = SQL(
        "SELECT line, sourced_id AS value, 'It stands on line ' || first || ' already.' AS detail FROM"
        " (SELECT line, sourced_id, min(line) OVER (PARTITION BY sourced_id) AS first FROM {table} WHERE sourced_id IN"
        " (SELECT sourced_id FROM {table} GROUP BY sourced_id HAVING count(*) > 1)) AS twice WHERE line > first"
    ).format(table=staging.table(entity))
    return await prospect.find(conn, failing, "E-DUPLICATE", entity.file, "sourcedId")


async def set_aside_late(conn: Connection, work: Prospect, entity: Entity) -> None:
    """Take out the rows of a delta file that say less than is stored, which is newer: nothing will come of them."""
    statement = SQL(
        "DELETE FROM {} s USING {} l WHERE l.tenant_id = {} AND l.sourced_id = s.sourced_id"
        " AND s.source_modified < l.source_modified AND s.source_modified > '-infinity'"
    ).format(staging.table(entity), Identifier(entity.table), Literal(work.tenant_id))
    await database.run(conn, statement, {})


async def cycles(conn: Connection, work: Prospect, entity: Entity) -> Answer:
    """Rows that are their own ancestors.

    `up_n` holds of each row its ancestor 2^n steps up, so it empties after a few rounds, or else, once there are more
    steps than rows, every ancestor in it lies on a cycle. That takes as many statements as the number of rows has
    bits, however long a chain somebody sends.
    """
    rows = prospect.coming(work, entity, "parent_sourced_id")
    statement = SQL(
        "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT DISTINCT ON (sourced_id) sourced_id, parent_sourced_id"
        " FROM {} r WHERE sourced_id IS NOT NULL AND parent_sourced_id IS NOT NULL ORDER BY sourced_id, line"
    ).format(_up(entity, 0), rows)
    count = await database.run(conn, statement, {})
    step = 0
    for step in range(1, count.bit_length() + 1):
        statement = SQL(
            "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT a.sourced_id, b.parent_sourced_id"
            " FROM {} a JOIN {} b ON b.sourced_id = a.parent_sourced_id"
        ).format(_up(entity, step), _up(entity, step - 1), _up(entity, step - 1))
        if not await database.run(conn, statement, {}):
            return [], 0
    failing = SQL(
        "SELECT line, parent_sourced_id AS value FROM {} s"
        " WHERE sourced_id IN (SELECT parent_sourced_id FROM {}) AND parent_sourced_id IS NOT NULL"
    ).format(prospect.staged(entity, "parent_sourced_id"), _up(entity, step))
    return await prospect.find(conn, failing, "E-CYCLE", entity.file, "parentSourcedId", "")


def _up(entity: Entity, step: int) -> Identifier:
    return Identifier(f"up_{step}_{entity.table}")
