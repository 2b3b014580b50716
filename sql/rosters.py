"""Reading a roster: the one place that composes read statements at run time, from the columns of the tables.

Every statement names the tenant and the revision it shows: live rows as old as that, and, only where more is committed
than published, what history holds of it. Each branch is ordered and cut before they are joined (design: Revisions).
"""

import datetime
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier

from oneroster import entities, filters, kinds
from oneroster.entities import Entity, Field
from oneroster.filters import Filter
from sql import columns, documents, predicates, reading, revisions
from sql.predicates import Condition, Found
from sql.reading import Query, Rows
from sql.seal import Sealer

NOTHING: Found = {}
FOLLOWS = SQL("t.sourced_id > %(after)s")

UNIT = b"\x1f"
"""Between the parts of a record and between the records of a page: neither an id nor a JSON text can hold it."""

STEP = 1_000
"""Records from one anchor to the next."""


class Selection(msgspec.Struct, frozen=True, cache_hash=True):
    """Which records of an entity an operation is about; the conditions may name its path parameters."""

    entity: Entity
    conditions: tuple[Condition, ...] = ()


class Picked(msgspec.Struct, frozen=True):
    """The records of a page in its order, part by part, all equally long."""

    ids: list[bytes]
    changed: list[bytes]
    """The revision in which it changed last."""
    sealed: list[bytes]
    """In hex digits."""
    documents: list[bytes]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def last_id(self) -> str:
        """The id of the last record, "" where there is none."""
        return self.ids[-1].decode() if self.ids else ""


class Order(msgspec.Struct, frozen=True):
    """By which member records are ordered; equal ones, and all by default, by sourcedId."""

    member: str = "sourcedId"
    descending: bool = False


class Shown(msgspec.Struct, frozen=True):
    """A tenant at a revision."""

    revision: int
    behind: bool
    """More is committed than is shown, so that history has a part in it."""
    sealer: Sealer


def page(
    shown: Shown,
    selection: Selection,
    path: Mapping[str, str],
    *,
    limit: int,
    skip: int,
    after: str = "",
    order: Order = Order(),  # noqa: B008 - frozen
    filter: Filter = filters.EVERYTHING,
    found: Found = NOTHING,
    since: int | None = None,
) -> Query:
    """Asks for the records of a page, for `picked`. `path` has the values of path parameters. Raises BadFilter.

    So many are skipped, from the record behind the id `after` if there is one. `found`: for clauses that only `hidden`
    can answer. `since`: all that the filter lets through has changed after that revision, and is listed (`delta`).
    """
    own = _values(shown, path) | {"limit": limit, "offset": skip, "after": after}
    bound = _bound(skip + limit)
    if not filter.all and since is None:
        known = _unfiltered(selection, tuple(path), order, bound, behind=shown.behind, follows=bool(after))
        return Query(known.text, {**own, **known.values}, steady=not path)
    where = _where(shown, selection, filter, own, found, since)
    if after:
        where.append(FOLLOWS)
    return reading.query(_statement(selection.entity, where, order, bound=bound, behind=shown.behind), own)


@functools.lru_cache(maxsize=2_000)
def _unfiltered(
    selection: Selection, path: tuple[str, ...], order: Order, bound: int, *, behind: bool, follows: bool
) -> Query:
    """The page without filter, composed once, and the values that are its own."""
    own: dict[str, Any] = {}
    where: list[Composable] = [predicates.condition(each, own, behind=behind) for each in selection.conditions]
    if follows:
        where.append(FOLLOWS)
    return reading.query(_statement(selection.entity, where, order, bound=bound, behind=behind), own)


def one(shown: Shown, selection: Selection, sourced_id: str) -> Query:
    """Asks for the record of that id, for `picked`; none where the selection holds no such record."""
    found = page(shown, _by_id(selection), {"sourcedId": sourced_id}, limit=1, skip=0)
    return Query(found.text, found.values, steady=True)


def exists(shown: Shown, selection: Selection, sourced_id: str) -> Query:
    """Asks for a row if the selection holds a record of that id."""
    known = _is_there(_by_id(selection), behind=shown.behind)
    return Query(known.text, {**_values(shown, {"sourcedId": sourced_id}), **known.values}, steady=True)


@functools.lru_cache(maxsize=200)
def _is_there(selection: Selection, *, behind: bool) -> Query:
    own: dict[str, Any] = {}
    where: list[Composable] = [predicates.condition(each, own, behind=behind) for each in selection.conditions]
    return reading.query(predicates.relation(selection.entity, [SQL("1")], where, behind=behind), own)


def count(
    shown: Shown,
    selection: Selection,
    path: Mapping[str, str],
    filter: Filter,
    found: Found = NOTHING,
    since: int | None = None,
) -> Query:
    """Asks how many records there are in all; for the rest see `page`."""
    values = _values(shown, path)
    where = _where(shown, selection, filter, values, found, since)
    rows = predicates.relation(selection.entity, [SQL("1")], where, behind=shown.behind)
    return reading.query(SQL("SELECT count(*) FROM ({}) AS t").format(rows), values)


def anchors(shown: Shown, selection: Selection) -> Query:
    """Asks for every `STEP`th id of a whole collection, in their order: from there a page deep inside is not far."""
    values = _values(shown, {})
    where = _where(shown, selection, filters.EVERYTHING, values)
    rows = predicates.relation(selection.entity, [Identifier("t", "sourced_id")], where, behind=shown.behind)
    statement = SQL(
        "SELECT sourced_id FROM (SELECT sourced_id, row_number() OVER (ORDER BY sourced_id) AS place FROM ({}) AS a)"
        " AS b WHERE place %% {} = 0 ORDER BY place"
    ).format(rows, STEP)
    return reading.query(statement, values)


def total(shown: Shown, collection: str) -> Query:
    """Asks for the kept total of a whole collection."""
    return Query(revisions.STATEMENTS["total"], {"revision": shown.revision, "collection": collection}, steady=True)


def delta(entity: Entity, at: datetime.datetime) -> Query:
    """Asks for the revision at a moment, and how many records changed since, null where they are not listed."""
    values = {"entity": entity.name, "at": at, "most": revisions.MOST_LISTED}
    return Query(revisions.STATEMENTS["delta"], values, steady=True)


def picked(answer: Rows) -> Picked:
    """The records of a page as it was answered."""
    (text,) = answer[0]
    parts = [] if text is None else text.split(UNIT)  # one list, since a tuple for each record takes its time
    return Picked(parts[0::4], parts[1::4], parts[2::4], parts[3::4])


def stamps(revisions_: Iterable[bytes]) -> Query:
    """Asks for the times of these revisions."""
    return Query(revisions.STATEMENTS["stamps"], {"revisions": sorted(map(int, revisions_))}, steady=True)


def records(page: Picked, entity: Entity, sealer: Sealer, stamps: Mapping[bytes, bytes]) -> list[bytes]:
    """The JSON texts of a page, given the time of each revision. References begin with `documents.BASE`."""
    begins = {revision: b'{"dateLastModified":"' + stamps[revision] + b'",' for revision in set(page.changed)}
    if not entity.sealed:
        return [begins[revision] + text[1:] for revision, text in zip(page.changed, page.documents, strict=True)]
    plain = sealer.open_all(entity.table, page.ids, page.sealed)
    return [
        begins[revision] + inner[1:-1] + b"," * (len(inner) > 2) + text[1:]
        for revision, text, inner in zip(page.changed, page.documents, plain, strict=True)
    ]


@functools.cache
def _by_id(selection: Selection) -> Selection:
    return Selection(selection.entity, (*selection.conditions, predicates.Is("sourced_id", "{sourcedId}")))


def _values(shown: Shown, path: Mapping[str, str]) -> dict[str, Any]:
    return {"revision": shown.revision, **{f"path_{name}": value for name, value in path.items()}}


def _where(
    shown: Shown,
    selection: Selection,
    filter: Filter,
    values: dict[str, Any],
    found: Found = NOTHING,
    since: int | None = None,
) -> list[Composable]:
    behind = shown.behind
    where: list[Composable] = [predicates.condition(each, values, behind=behind) for each in selection.conditions]
    clauses = [
        predicates.clause(shown.sealer, selection.entity, each, values, found, behind=behind) for each in filter.all
    ]
    if filter.since is not None:
        where.append(clauses.pop())
    if clauses:
        where.append(SQL("({})").format(SQL(" OR " if filter.either else " AND ").join(clauses)))
    if since is not None:
        where.append(predicates.listed_since(selection.entity, since, values))
    return where


def _bound(rows: int) -> int:
    """A power of ten that so many rows do not exceed: it tells the planner of how many we speak, in few statements."""
    return int(10 ** max(2, len(str(max(rows, 1) - 1))))


def _statement(entity: Entity, where: Sequence[Composable], order: Order, *, bound: int, behind: bool) -> Composed:
    """The page of an entity's records, `bound` at most with all that is skipped, as one text.

    PostgreSQL sends rows in pieces of 8 kB, and every piece wakes us; a large value it sends at once.
    """
    key = _sort_key(entity, order.member)
    names = ["sourced_id", "changed", *(["sealed"] if entity.sealed else [])]
    if entity in columns.DOCUMENTED:
        names.append("document")
    else:
        names += ["status", *(field.column for field in entity.kept), *([] if entity.seals_metadata else ["metadata"])]
    picked: list[Composable] = [Identifier("t", name) for name in dict.fromkeys(names)]
    if key is not None:
        picked.append(SQL("{} AS sort_key").format(key))
    by = _by(order, key)
    source, past = predicates.branches(entity, picked, where)
    if behind:
        cut = SQL("ORDER BY {} LIMIT {}").format(by, bound)
        source = SQL("SELECT * FROM (({} {cut}) UNION ALL ({} {cut})) AS b").format(source, past, cut=cut)
    rows = SQL("SELECT * FROM ({} ORDER BY {by} LIMIT {}) AS a ORDER BY {by} LIMIT %(limit)s OFFSET %(offset)s").format(
        source, bound, by=by
    )
    # Rendering comes after the cut, so that what is skipped costs nothing.
    return SQL(
        "SELECT string_agg(line, E'\\x1f') FROM (SELECT p.sourced_id || E'\\x1f' || p.changed || E'\\x1f' || {sealed}"
        " || E'\\x1f' || {document} AS line FROM ({rows}) AS p ORDER BY {by}) AS l"
    ).format(
        sealed=SQL("coalesce(encode(p.sealed, 'hex'), '')") if entity.sealed else SQL("''"),
        document=Identifier("p", "document") if entity in columns.DOCUMENTED else documents.document(entity, "p"),
        rows=rows,
        by=by,
    )


def _by(order: Order, key: Composable | None) -> Composed:
    """Equal keys by id, upwards; what has no value comes last either way (REST section 2.4)."""
    direction = SQL(" DESC") if order.descending else SQL("")
    if key is not None:
        return SQL("sort_key{} NULLS LAST, sourced_id").format(direction)
    if order.member == "dateLastModified":
        return SQL("changed{}, sourced_id").format(direction)
    return SQL("sourced_id{}").format(direction)


def _sort_key(entity: Entity, member: str) -> Composable | None:
    """The expression to sort by, None for the two that are columns of every statement."""
    if member in ("sourcedId", "dateLastModified"):
        return None
    if member == "status":
        return Identifier("t", "status")
    return predicates.compared_by(_sortable(entity)[member])


def _sortable(entity: Entity) -> dict[str, Field]:
    """Members with one plain value that rests in the open."""
    return {
        field.member: field
        for field in entity.kept
        if field.member and not field.refers and not field.kind.many and field.kind is not kinds.USER_IDS
    }


def sorts(entity: Entity, member: str) -> bool:
    """Whether records of the entity can be ordered by that member."""
    return member in (field.name for field in entities.STANDARD) or member in _sortable(entity)
