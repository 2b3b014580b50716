"""The roster as it will be once a bundle is loaded: staged rows, and the stored ones that they leave as they are.

A bulk file replaces all that is stored; a delta file the rows it names; an absent file nothing. Checks look at these
views, and answer with problems in line order: at most `MOST` of a kind and file, and how many there are.
"""

from collections.abc import Mapping

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from oneroster.entities import Entity
from oneroster.problems import Problem
from oneroster.profiles import Profile
from sql import database, differing, staging
from sql.database import Connection
from sql.staging import Staged

MOST = 1_000

Answer = tuple[list[Problem], int]
"""Problems of one code, and how many there are in all."""


class Prospect(msgspec.Struct, frozen=True):
    """A staged bundle beside what its tenant has."""

    tenant_id: int
    profile: Profile
    modes: Mapping[Entity, str]
    """bulk or delta, for the files that are staged."""
    wrong: frozenset[tuple[str, str]]
    """Files and columns with errors: what was staged of them may be NULL, or a row may be missing."""
    holed: frozenset[str]
    """Files of which a row or an id may be missing: who refers to them is not blamed."""
    staged: Staged = Staged()
    """In what was compared nothing was wrong before."""
    lasting: frozenset[Entity] = frozenset()
    """Files compared of which no id is gone."""

    def brings(self, entity: Entity) -> bool:
        return entity in self.modes

    def as_before(self, *among: Entity) -> bool:
        """Whether the rows of these are, all of them, those in which nothing was wrong."""
        return all(entity in self.staged.same or not self.brings(entity) for entity in among)

    def lasts(self, entity: Entity) -> bool:
        """Whether what was referred to can be referred to still."""
        return entity in self.lasting or entity in self.staged.same or not self.brings(entity)

    def sound(self, entity: Entity, *columns: str) -> bool:
        """Whether all rows of the file are there and read whole, and these columns as they were sent."""
        return entity.file not in self.holed and not any((entity.file, name) in self.wrong for name in ("", *columns))


def staged(entity: Entity, *columns: str, rows: Composable | None = None) -> Composed:
    """The staged rows that say something: one that is to be deleted refers to nothing. `rows`: only some of them."""
    return SQL("(SELECT line, sourced_id{} FROM {} WHERE status IS DISTINCT FROM 'tobedeleted')").format(
        _more(columns), rows or staging.table(entity)
    )


def came(prospect: Prospect, entity: Entity, *columns: str) -> Composed:
    """The staged rows of which it is not known yet that nothing is wrong with them."""
    rows = differing.came(entity) if entity in prospect.staged.compared else None
    return staged(entity, *columns, rows=rows)


def unchanged(prospect: Prospect, entity: Entity, *columns: str) -> Composed:
    """The stored rows that both files have, of a file that was compared."""
    which = differing.in_both(prospect.tenant_id, entity)
    return SQL("(SELECT line, sourced_id{} FROM {} l WHERE {})").format(_more(columns), Identifier(entity.table), which)


def lacks(prospect: Prospect, entity: Entity, ident: Composable) -> Composed:
    """The condition that no staged row has the id, where a file is compared told by what differs and what is stored."""
    rows: list[Composable] = [staging.table(entity)]
    if entity in prospect.staged.alike:
        rows = [unchanged(prospect, entity), differing.came(entity)]
    return SQL(" AND ").join(
        SQL("NOT EXISTS (SELECT FROM {} t WHERE t.sourced_id = {})").format(one, ident) for one in rows
    )


def touching(prospect: Prospect, entity: Entity, rows: Composed, column: str, *sources: tuple[Entity, str]) -> Composed:
    """Of these rows of an entity those that agree in `column` with a row that came or went in the sources' columns.

    All of them where a source was staged whole: then nothing is known of any.
    """
    compared = prospect.staged.compared
    if not any(entity in compared for entity, _ in sources) or not all(
        entity in compared or prospect.as_before(entity) for entity, _ in sources
    ):
        return rows
    values = [
        SQL("SELECT {} FROM {}").format(Identifier(name), table)
        for entity, name in sources
        if entity in compared
        for table in (differing.came(entity), differing.went(entity))
    ]
    narrowed = SQL(" AND {} IN ({})").format(Identifier("l", column), SQL(" UNION ALL ").join(values))
    if entity in prospect.staged.alike:
        return SQL("({})").format(differing.rows(prospect.tenant_id, entity, narrowed))
    return SQL("(SELECT * FROM {} l WHERE true{})").format(rows, narrowed)


def coming(prospect: Prospect, entity: Entity, *columns: str) -> Composed:
    """The active rows of an entity as they will be; `line` is 0 for those that are stored already."""
    stored = _stored(prospect, entity, columns, SQL(" AND l.status = 'active'"))
    if not prospect.brings(entity):
        return stored
    if prospect.modes[entity] == "bulk":
        return staged(entity, *columns)
    return SQL("({} UNION ALL {})").format(staged(entity, *columns), stored)


def known(prospect: Prospect, entity: Entity, *columns: str) -> Composed:
    """The rows that may be referred to: those of a bulk file, or else also what is stored, whatever its status."""
    stored = _stored(prospect, entity, columns, SQL(""))
    if not prospect.brings(entity):
        return stored
    all_staged = SQL("(SELECT line, sourced_id{} FROM {})").format(_more(columns), staging.table(entity))
    return all_staged if prospect.modes[entity] == "bulk" else SQL("({} UNION ALL {})").format(all_staged, stored)


def remaining(prospect: Prospect, entity: Entity, *columns: str) -> Composed:
    """The active rows that are stored and stay as they are; none of a bulk file's."""
    return _stored(prospect, entity, columns, SQL(" AND l.status = 'active'"))


def _stored(prospect: Prospect, entity: Entity, columns: tuple[str, ...], which: Composable) -> Composed:
    replaced: Composable = SQL("")
    if prospect.brings(entity):
        replaced = SQL(" AND NOT EXISTS (SELECT FROM {} n WHERE n.sourced_id = l.sourced_id)").format(
            staging.table(entity)
        )
    return SQL("(SELECT 0 AS line, sourced_id{} FROM {} l WHERE l.tenant_id = {}{}{})").format(
        _more(columns), Identifier(entity.table), Literal(prospect.tenant_id), which, replaced
    )


def _more(columns: tuple[str, ...]) -> Composable:
    return SQL("").join(SQL(", {}").format(Identifier(name)) for name in columns)


class Found(msgspec.Struct, frozen=True):
    """A row that fails a check, with how many fail it in all."""

    line: int
    value: str
    detail: str
    total: int


async def find(
    conn: Connection, failing: Composable, code: str, file: str, column: str, detail: str | None = None
) -> Answer:
    """Problems of the rows that a query of `line`, `value` and, unless given here, `detail` brings forth."""
    statement = SQL(
        "SELECT line, coalesce(value, '') AS value, {} AS detail, count(*) OVER () AS total"
        " FROM ({}) AS failing ORDER BY line LIMIT {}"
    ).format(SQL("detail") if detail is None else Literal(detail), failing, Literal(MOST))
    found = await database.fetch_all(conn, statement, Found, {})
    problems = [Problem(code, file, one.line, column, one.value, one.detail) for one in found]
    return problems, found[0].total if found else 0
