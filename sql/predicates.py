"""What a condition means in the database: those an operation is made of, and the clauses of a client's filter.

Row security lets only `=`, `<` and `>` on plain columns use an index; all else here scans the tenant's partition.
Values reach a statement as parameters only.
"""

import datetime
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder

from oneroster import entities, kinds, members
from oneroster.entities import Entity, Field
from oneroster.filters import BadFilter, Clause
from sql import columns, documents
from sql.seal import Sealer


class Is(msgspec.Struct, frozen=True):
    """The column has the value; "{name}" is the path parameter of that name, True a boolean column by itself."""

    column: str
    value: str | bool


class IsNot(msgspec.Struct, frozen=True):
    """The column has another value."""

    column: str
    value: str


class Holds(msgspec.Struct, frozen=True):
    """The list has the value."""

    column: str
    value: str


class Among(msgspec.Struct, frozen=True):
    """The column is one of those that the active records of another entity hold in `gives`."""

    column: str
    entity: Entity
    gives: str
    where: "tuple[Condition, ...]"
    listed: bool = False
    """`gives` is a list."""


class Either(msgspec.Struct, frozen=True):
    """One of these holds."""

    conditions: "tuple[Condition, ...]"


Condition = Is | IsNot | Holds | Among | Either

_OPERATORS = {"=": SQL("="), "!=": SQL("="), ">": SQL(">"), ">=": SQL(">="), "<": SQL("<"), "<=": SQL("<=")}
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?)?")
_TICK = datetime.timedelta(microseconds=1)


def branches(entity: Entity, picked: Sequence[Composable], where: Sequence[Composable]) -> tuple[Composed, Composed]:
    """The rows of an entity as of the revision: those that live, and those that are history since. Alias `t`."""
    parts = {"picked": SQL(", ").join(picked), "and": SQL("").join(SQL(" AND {}").format(one) for one in where)}
    live = SQL(
        "SELECT {picked} FROM {table} AS t WHERE t.tenant_id = %(tenant)s AND t.changed <= %(revision)s{and}"
    ).format(table=Identifier(entity.table), **parts)
    past = SQL(
        "SELECT {picked} FROM {table} AS t WHERE t.tenant_id = %(tenant)s AND t.changed <= %(revision)s"
        " AND t.until > %(revision)s{and}"
    ).format(table=Identifier(f"{entity.table}_history"), **parts)
    return live, past


def relation(entity: Entity, picked: Sequence[Composable], where: Sequence[Composable], *, behind: bool) -> Composed:
    """The same as one query, in no order; history is needed only where more is committed than shown (`behind`)."""
    live, past = branches(entity, picked, where)
    return SQL("{} UNION ALL {}").format(live, past) if behind else live


def condition(one: Condition, params: dict[str, Any], *, behind: bool) -> Composed:
    """A condition on the row `t`; its constants are added to `params`, which has those of the path."""
    match one:
        case Is(column, True):
            return SQL("{}").format(Identifier("t", column))
        case Is(column, value):
            return SQL("{} = {}").format(Identifier("t", column), _operand(value, params))
        case IsNot(column, value):
            return SQL("{} <> {}").format(Identifier("t", column), _operand(value, params))
        case Holds(column, value):
            return SQL("{} = ANY ({})").format(_operand(value, params), Identifier("t", column))
        case Either(conditions):
            return SQL("({})").format(SQL(" OR ").join([condition(each, params, behind=behind) for each in conditions]))
        case Among(column, entity, gives, where, listed):
            inner = [condition(each, params, behind=behind) for each in (Is("status", "active"), *where)]
            given = Identifier("t", gives)
            selected = SQL("unnest({})").format(given) if listed else given
            rows = relation(entity, [selected], inner, behind=behind)
            return SQL("{} IN ({})").format(Identifier("t", column), rows)


Found = Mapping[Clause, Sequence[str]]
"""The ids of the records that a clause is true of, where that is known already."""


def clause(
    sealer: Sealer, entity: Entity, one: Clause, params: dict[str, Any], found: Found, *, behind: bool
) -> Composed:
    """A clause of a filter on the row `t`. Raises BadFilter."""
    if one in found:
        return SQL("t.sourced_id = ANY ({}::text[])").format(_add(params, list(found[one])))
    if one.path == ("dateLastModified",):
        return _modified(one, params)
    if part := members.part(entity, one.path):
        return _in_part(*part, one, params, behind=behind)
    field = members.field(entity, one.path[0])
    if field is None and members.refers(entity, one.path):
        return _listed(SQL("ARRAY(SELECT v #>> '{{}}' FROM {} AS v)").format(_values(entity, one, params)), one, params)
    if field is not None and field.sealed:
        return _sealed(sealer, field, one, params)
    if field is None or field.dropped or field.kind is kinds.USER_IDS:
        return _within(entity, one, params)
    return _plain(field, one, params)


def _plain(field: Field, one: Clause, params: dict[str, Any]) -> Composed:
    """A field that rests in a column of its own."""
    if field.refers:
        if one.path[-1] != "sourcedId":
            raise BadFilter(f"filtering by {one.name} is not supported; {field.member}.sourcedId is")
        return _listed(_list(field), one, params) if field.kind.many else _reference(field, one, params)
    if field.kind.many:
        texts = SQL('ARRAY(SELECT lower(i COLLATE "C") FROM unnest({}) AS i)').format(_list(field))
        return _listed(texts, one, params, lowered)
    if field.kind is kinds.DATE:
        return _date(field, one, params)
    return _text(field, one, params)


def _in_part(entity: Entity, field: Field, one: Clause, params: dict[str, Any], *, behind: bool) -> Composed:
    """A value of one of the user's active roles or profiles, whichever has it (REST section 2.5)."""
    positive = Clause(one.path, "=", one.value) if one.predicate == "!=" else one
    where = [condition(Is("status", "active"), params, behind=behind), _plain(field, positive, params)]
    owner = [Identifier("t", entities.column_name(entity.part_of))]
    found = SQL("t.sourced_id IN ({})").format(relation(entity, owner, where, behind=behind))
    if not one.value and one.predicate in ("=", "!="):
        having = relation(entity, owner, where[:1], behind=behind)
        found = SQL("({} OR t.sourced_id NOT IN ({}))").format(found, having)
    return _negated(one, found)


def _modified(one: Clause, params: dict[str, Any]) -> Composed:
    """`dateLastModified` is the time of a revision, and times of revisions rise: so dates become revisions."""
    if one.predicate == "~":
        raise BadFilter("dateLastModified has no predicate ~")
    at = instant(one)
    upto, before = (
        SQL(
            "(SELECT coalesce(max(r.revision), 0) FROM revisions r"
            " WHERE r.tenant_id = %(tenant)s AND r.published_at <= {})"
        ).format(_add(params, moment))
        for moment in (at, at - _TICK)
    )
    bounds = {
        ">": SQL("t.changed > {upto}"),
        ">=": SQL("t.changed > {before}"),
        "<": SQL("t.changed <= {before}"),
        "<=": SQL("t.changed <= {upto}"),
        "=": SQL("(t.changed > {before} AND t.changed <= {upto})"),
        "!=": SQL("(t.changed <= {before} OR t.changed > {upto})"),
    }
    return bounds[one.predicate].format(upto=upto, before=before)


def instant(one: Clause) -> datetime.datetime:
    """An ISO 8601 instant, or a day, which means its midnight in UTC (REST section 2.5). Raises BadFilter."""
    found = _INSTANT.fullmatch(one.value)
    try:
        if found is None:
            raise ValueError
        day, time, fraction, zone = found.groups()
        text = f"{day}T{time or '00:00:00'}{(fraction or '.0')[:7]:0<7}{zone or 'Z'}"
        found_at = datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
        return max(found_at, datetime.datetime.min.replace(tzinfo=datetime.UTC) + _TICK)
    except (ValueError, OverflowError) as error:
        raise BadFilter(f"{one.name} is compared with an instant like 2026-04-01T00:00:00.000Z") from error


def begins(one: Clause) -> datetime.datetime:
    """The moment after which all has changed that `dateLastModified` of > or >= lets through. Raises BadFilter."""
    return instant(one) - (_TICK if one.predicate == ">=" else datetime.timedelta())


def listed_since(entity: Entity, revision: int, params: dict[str, Any]) -> Composed:
    """Records that are listed as changed after a revision: an array, by which the key finds them in their order."""
    return SQL(
        "t.sourced_id = ANY (ARRAY(SELECT c.sourced_id FROM changes c WHERE c.tenant_id = %(tenant)s"
        " AND c.entity = {} AND c.revision > {}))"
    ).format(_add(params, entity.name), _add(params, revision))


def _sealed(sealer: Sealer, field: Field, one: Clause, params: dict[str, Any]) -> Composed:
    assert one.predicate in ("=", "!=")  # others are in `found`
    column = Identifier("t", f"{field.column}_hash")
    if not one.value:
        return SQL("{} IS NULL" if one.predicate == "=" else "{} IS NOT NULL").format(column)
    if field.kind is kinds.DATE:
        check_date(one)
    hashed = SQL("{}::uuid").format(_add(params, sealer.index(field.column, one.value)))
    return _negated(one, SQL("{} = {}").format(column, hashed))


def _reference(field: Field, one: Clause, params: dict[str, Any]) -> Composed:
    """Ids are told apart by case."""
    return _compared(Identifier("t", field.column), one, one.value, params)


def _date(field: Field, one: Clause, params: dict[str, Any]) -> Composed:
    column = Identifier("t", field.column)
    if one.predicate == "~" or not one.value:
        return _compared(SQL("{}::text").format(column), one, one.value, params)
    check_date(one)
    return _compared(column, one, datetime.date.fromisoformat(one.value), params)


def check_date(one: Clause) -> None:
    """Raises BadFilter unless the clause compares with a day of the calendar."""
    if not re.fullmatch(kinds.DATE.pattern, one.value, re.ASCII) or not kinds.is_date(one.value):
        raise BadFilter(f"{one.name} is compared with a date like 2026-04-01")


def _text(field: Field, one: Clause, params: dict[str, Any]) -> Composed:
    """Texts are compared without regard to case; ids exactly."""
    if field.name == "sourcedId":
        return _compared(SQL("t.sourced_id"), one, one.value, params)
    wanted = one.value.casefold() if field.folded else lowered(one.value)
    return _compared(compared_by(field), one, wanted, params)


def compared_by(field: Field) -> Composable:
    """What a single value is compared and sorted by: a text without regard to case."""
    if field.folded:
        return Identifier("t", f"{field.column}_folded")
    column = Identifier("t", field.column)
    return column if field.kind is kinds.DATE else SQL('lower({}::text COLLATE "C")').format(column)


def _compared(left: Composable, one: Clause, value: str | datetime.date, params: dict[str, Any]) -> Composed:
    """A single value against the clause's; the empty value is the same as none."""
    if one.predicate == "~":
        return SQL("(strpos({}, {}::text) > 0) IS TRUE").format(left, _add(params, value))
    if value == "":
        empty = SQL("coalesce({}::text, '') = ''").format(left)
        return _negated(one, empty) if one.predicate in ("=", "!=") else _greater(left, one, value, params)
    return _negated(one, _greater(left, one, value, params))


def _greater(left: Composable, one: Clause, value: object, params: dict[str, Any]) -> Composed:
    return SQL("{} {} {}").format(left, _OPERATORS[one.predicate], _add(params, value))


def _negated(one: Clause, positive: Composed) -> Composed:
    """`!=` is the opposite of `=`, so that a record without a value has it (REST section 2.5)."""
    return SQL("({}) IS NOT TRUE").format(positive) if one.predicate == "!=" else positive


def _list(field: Field) -> Composed:
    return SQL("coalesce({}, '{{}}')").format(Identifier("t", field.column))


def _listed(column: Composed, one: Clause, params: dict[str, Any], fold: Callable[[str], str] = str) -> Composed:
    """A list against a comma-separated list: `=` has all of them, `~` any."""
    wanted = [fold(item) for item in kinds.items(one.value)]
    if one.predicate not in ("=", "!=", "~"):
        raise BadFilter(f"{one.name} is a list: it can be filtered by =, != and ~")
    if not wanted:
        empty = SQL("cardinality({}) = 0").format(column)
        return SQL("NOT {}").format(empty) if one.predicate == "~" else _negated(one, empty)
    values = SQL('{}::text[] COLLATE "C"').format(_add(params, wanted))
    if one.predicate == "~":
        return SQL("{} && {}").format(column, values)
    return _negated(one, SQL("{} @> {}").format(column, values))


def _within(entity: Entity, one: Clause, params: dict[str, Any]) -> Composed:
    """A value somewhere inside the rendered record: of several in a list, any (REST section 2.5)."""
    values = _values(entity, one, params)
    text = SQL("lower((v #>> '{{}}') COLLATE \"C\")")
    compared = SQL("EXISTS (SELECT FROM {} AS v WHERE {})")
    positive = Clause(one.path, "=", one.value) if one.predicate == "!=" else one
    found = compared.format(values, _compared(text.format(), positive, lowered(one.value), params))
    if not one.value and one.predicate in ("=", "!="):
        found = SQL("({} OR NOT EXISTS (SELECT FROM {} AS v))").format(found, values)
    return _negated(one, found)


def _values(entity: Entity, one: Clause, params: dict[str, Any]) -> Composed:
    """The texts that the path leads to in the rendered record, as rows of JSON."""
    document = Identifier("t", "document") if entity in columns.DOCUMENTED else documents.document(entity, "t")
    readable = SQL("translate({}, {}, '')").format(document, _add(params, documents.BASE + documents.RESOURCES))
    steps = "$" + "".join(f".{json.dumps(name)}" for name in one.path) + ' ? (@.type() == "string")'
    return SQL("jsonb_path_query({}::jsonb, {}::jsonpath)").format(readable, _add(params, steps))


def lowered(value: str) -> str:
    """As PostgreSQL's lower() does it under COLLATE "C", the same on every server: letters of ASCII only."""
    return "".join(character.lower() if character.isascii() else character for character in value)


def _operand(value: str | bool, params: dict[str, Any]) -> Placeholder:
    if isinstance(value, str) and value.startswith("{"):
        return Placeholder(f"path_{value[1:-1]}")
    return _add(params, value)


def _add(params: dict[str, Any], value: object) -> Placeholder:
    """The value as a parameter of the statement."""
    name = f"value_{len(params)}"
    params[name] = value
    return Placeholder(name)
