"""Checks of what rows refer to (CSV binding section 5, Japan sheet section 7)."""

from collections.abc import AsyncIterator, Collection

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from oneroster import entities, links
from oneroster.entities import Entity
from oneroster.profiles import Profile
from sql import database, differing, prospect, staging
from sql.database import Connection
from sql.prospect import Answer, Prospect


class Link(msgspec.Struct, frozen=True):
    """A column that holds ids of records."""

    header: str
    target: Entity
    column: str
    """The database column it rests in."""
    path: str = ""
    """Where in `metadata` it stands, if that is the column."""
    many: bool = False

    def ids(self, rows: Composable) -> Composed:
        """A query of `line` and each `id` in it, of rows that have the column."""
        column = Identifier("s", self.column)
        if self.many:
            return SQL("SELECT s.line, u.id FROM {} s CROSS JOIN unnest({}) AS u(id)").format(rows, column)
        if self.path:
            return SQL("SELECT s.line, s.metadata #>> {} AS id FROM {} s").format(Literal(self.path), rows)
        return SQL("SELECT s.line, {} AS id FROM {} s").format(column, rows)


def stored(entity: Entity, profile: Profile) -> list[Link]:
    """The references of an entity's records, by the columns they rest in."""
    places = ["sourced_id", *(field.column for field in entity.kept)]
    return [
        Link(
            header=one.column,
            target=entities.BY_NAME[one.target],
            column="metadata" if one.path else places[one.at],
            path="{" + ",".join(one.path) + "}" if one.path else "",
            many=one.many,
        )
        for one in links.of(entity, profile)
    ]


def _columns(link: Link) -> tuple[str, ...]:
    return () if link.column == "sourced_id" else (link.column,)


async def dangling(conn: Connection, work: Prospect, entity: Entity) -> AsyncIterator[Answer]:
    """Rows that refer to a record which does not exist, item by item."""
    for link in stored(entity, work.profile):
        target = link.target
        if target.file in work.holed or (entity in work.staged.same and work.lasts(target)):
            continue
        if (entity, link.header) in work.staged.led:
            continue
        missing: list[Composable] = []
        if work.brings(target):
            missing.append(prospect.lacks(work, target, SQL("r.id")))
        if work.modes.get(target) != "bulk":
            missing.append(
                SQL("NOT EXISTS (SELECT FROM {} t WHERE t.tenant_id = {} AND t.sourced_id = r.id)").format(
                    Identifier(target.table), Literal(work.tenant_id)
                )
            )
        failing = SQL("SELECT r.line, r.id AS value FROM ({}) r WHERE r.id IS NOT NULL AND {}").format(
            _pointing(work, entity, link), SQL(" AND ").join(missing)
        )
        problems, total = await prospect.find(conn, failing, "E-REF", entity.file, link.header, "")
        if problems:
            hints = await _hints(conn, work, target, {one.value for one in problems})
            problems = [
                msgspec.structs.replace(one, detail=f"Not in {target.file}.{hints.get(one.value, '')}")
                for one in problems
            ]
        yield problems, total


def _pointing(work: Prospect, entity: Entity, link: Link) -> Composed:
    """The ids in a column, of all rows that may refer to no record."""
    target = link.target
    rows = link.ids(prospect.staged(entity, *_columns(link)))
    if entity not in work.staged.alike or not (work.lasts(target) or target in work.staged.compared):
        return rows
    # What referred to a record before does so still, unless that went.
    doubtful = []
    if entity in work.staged.compared:
        doubtful.append(link.ids(prospect.came(work, entity, *_columns(link))))
    if not work.lasts(target):
        known = link.ids(prospect.unchanged(work, entity, *_columns(link)))
        doubtful.append(SQL("SELECT d.* FROM ({}) d WHERE d.id IN ({})").format(known, differing.removed(target)))
    return SQL(" UNION ALL ").join(doubtful)


class Hint(msgspec.Struct, frozen=True):
    id: str
    other: str


async def _hints(conn: Connection, work: Prospect, target: Entity, ids: Collection[str]) -> dict[str, str]:
    """What may have been meant: the same id in other letters, or in another file."""
    said: dict[str, str] = {}
    statement = SQL(
        "SELECT t.id, min(k.sourced_id) AS other FROM unnest(%(ids)s::text[]) AS t(id)"
        " JOIN {} k ON lower(k.sourced_id) = lower(t.id) GROUP BY t.id"
    ).format(prospect.known(work, target))
    for one in await database.fetch_all(conn, statement, Hint, {"ids": list(ids)}):
        said[one.id] = f" There is {one.other}; upper and lower case count."
    for entity in entities.ALL:
        if entity in (target, entities.DEMOGRAPHICS):
            continue
        statement = SQL(
            "SELECT t.id, min(k.sourced_id) AS other FROM unnest(%(ids)s::text[]) AS t(id)"
            " JOIN {} k ON k.sourced_id = t.id GROUP BY t.id"
        ).format(prospect.known(work, entity))
        for one in await database.fetch_all(conn, statement, Hint, {"ids": list(ids)}):
            said.setdefault(one.id, f" It is in {entity.file}.")
    return said


TYPED = (
    (entities.CLASSES, "schoolSourcedId", entities.ORGS, "school"),
    (entities.ENROLLMENTS, "schoolSourcedId", entities.ORGS, "school"),
    (entities.COURSES, "schoolYearSourcedId", entities.ACADEMIC_SESSIONS, "schoolYear"),
)
"""References to a record of one type only; the base also takes an org of a type of one's own for a school."""


async def of_wrong_type(conn: Connection, work: Prospect, entity: Entity) -> AsyncIterator[Answer]:
    """Rows that refer to an existing record of the wrong type."""
    for source, header, target, kind in TYPED:
        if source is not entity or (target.file in work.holed and not work.brings(target)):
            continue
        if work.as_before(source, target):
            continue
        column = entity.field(header).column
        rows = prospect.came(work, entity, column) if work.as_before(target) else prospect.staged(entity, column)
        own: Composable = SQL("")
        if target is entities.ORGS and not work.profile.japanese:
            own = SQL(" AND left(type, 4) <> 'ext:'")
        failing = SQL(
            "SELECT s.line, w.sourced_id AS value, 'It is of type ' || w.type || '.' AS detail FROM {} s"
            " JOIN (SELECT sourced_id, min(type) AS type FROM {} k WHERE type <> {}{} GROUP BY sourced_id) w"
            " ON w.sourced_id = s.{}"
        ).format(
            rows, prospect.known(work, target, "type"), Literal(kind), own,
            Identifier(column),
        )  # fmt: skip
        yield await prospect.find(conn, failing, "E-REF-TYPE", entity.file, header)


async def left(conn: Connection, work: Prospect) -> AsyncIterator[Answer]:
    """Stored rows, not of this bundle, that go on pointing at a record which it removes; by the id, with their number.

    What is a part of the removed record goes with it.
    """
    pointing = [
        (entity, link)
        for entity in entities.ALL
        for link in stored(entity, work.profile)
        if work.modes.get(entity) != "bulk" and link.header != entity.part_of
    ]
    for target in dict.fromkeys(link.target for _, link in pointing):
        if work.lasts(target) or target.file in work.holed or not await _removed(conn, work, target):
            continue
        for entity, link in pointing:
            if link.target is target:
                rows = prospect.remaining(work, entity, *_columns(link))
                failing = SQL(
                    "SELECT 0 AS line, r.id AS value, count(*) || CASE count(*) WHEN 1 THEN ' row.' ELSE ' rows.' END"
                    " AS detail FROM ({}) r JOIN {} g ON g.sourced_id = r.id GROUP BY r.id ORDER BY r.id"
                ).format(link.ids(rows), _removed_table(target))
                yield await prospect.find(conn, failing, "W-LEFT", entity.file, link.header)


def _removed_table(entity: Entity) -> Identifier:
    return Identifier(f"removed_{entity.table}")


async def _removed(conn: Connection, work: Prospect, entity: Entity) -> int:
    """`removed_<entity>`: active records that the bundle removes; how many they are."""
    gone = "NOT EXISTS (SELECT FROM {} s WHERE s.sourced_id = l.sourced_id)"
    if work.modes[entity] == "delta":
        gone = "EXISTS (SELECT FROM {} s WHERE s.sourced_id = l.sourced_id AND s.status = 'tobedeleted')"
    statement = SQL(
        "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT l.sourced_id FROM {} l"
        " WHERE l.tenant_id = {} AND l.status = 'active' AND "
    ).format(_removed_table(entity), Identifier(entity.table), Literal(work.tenant_id)) + SQL(gone).format(
        staging.table(entity)
    )
    return await database.run(conn, statement, {})
