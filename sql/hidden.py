"""Filters on what rests sealed, where no hash tells: values are opened, compared and forgotten (design: Sealed).

Slow, but never impossible, up to a number of records. What is kept of it are the ids that were found.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from psycopg.sql import SQL, Identifier

from oneroster import kinds, members
from oneroster.entities import Entity
from oneroster.filters import BadFilter, Clause
from sql import predicates, reading
from sql.reading import Query, Rows
from sql.rosters import Shown
from sql.seal import Sealer

MOST = 300_000
"""Records that are opened for one filter."""
CHUNK = 5_000
"""Of them at once: others wait no longer than it takes to fetch these."""


def tells_nothing(entity: Entity, one: Clause) -> bool:
    """Whether the database cannot answer the clause, since it is about values that it cannot read."""
    if one.path[0] == "metadata":
        return entity.seals_metadata
    field = members.field(entity, one.path[0])
    return field is not None and field.sealed and one.predicate not in ("=", "!=")


def chunk(shown: Shown, entity: Entity, after: str) -> Query:
    """Asks for ids and sealed values of the next records by id, those too that have none."""
    where = [SQL("t.sourced_id > %(after)s")]
    picked = [Identifier("t", "sourced_id"), Identifier("t", "sealed")]
    rows = predicates.relation(entity, picked, where, behind=shown.behind)
    statement = SQL("SELECT * FROM ({}) AS s ORDER BY sourced_id LIMIT {}").format(rows, CHUNK)
    return reading.query(statement, {"revision": shown.revision, "after": after})


def check(entity: Entity, one: Clause) -> None:
    """Raises BadFilter for a clause that cannot be compared."""
    field = members.field(entity, one.path[0])
    if field is not None and field.kind is kinds.DATE and one.predicate != "~" and one.value:
        predicates.check_date(one)


def matching(rows: Rows, entity: Entity, one: Clause, sealer: Sealer) -> list[str]:
    """The ids of those that the clause is true of."""
    fold = predicates.lowered if one.path[0] == "metadata" else str.casefold
    wanted, place = fold(one.value), f"{entity.table}/"
    found = []
    for sourced_id, sealed in rows:
        assert sourced_id is not None
        name = sourced_id.decode()
        record = {}
        if sealed is not None:
            record = msgspec.json.decode(sealer.open(place + name, bytes.fromhex(sealed[2:].decode())))
        if _is_true(one, [fold(value) for value in _values(record, one.path)], wanted):
            found.append(name)
    return found


def _is_true(one: Clause, values: Sequence[str], wanted: str) -> bool:
    """Of several values any counts; `!=` is the opposite of `=`; the empty value is the same as none."""
    equal = wanted in values or (not wanted and not values)
    match one.predicate:
        case "=":
            return equal
        case "!=":
            return not equal
        case "~":
            return any(wanted in value for value in values)
        case ">":
            return any(value > wanted for value in values)
        case ">=":
            return any(value >= wanted for value in values)
        case "<":
            return any(value < wanted for value in values)
        case "<=":
            return any(value <= wanted for value in values)


def _values(record: Any, path: Sequence[str]) -> Iterator[str]:
    """The texts that a dotted name leads to."""
    if isinstance(record, list):
        for each in record:
            yield from _values(each, path)
    elif path:
        if isinstance(record, dict) and path[0] in record:
            yield from _values(record[path[0]], path[1:])
    elif isinstance(record, str):
        yield record


def too_many(one: Clause) -> BadFilter:
    """What is said where there are more records than may be opened."""
    ways = "" if one.path[0] == "metadata" else "; = and != can be used"
    return BadFilter(f"{one.name} is kept sealed, and of more than {MOST:,} records it cannot be searched{ways}")
