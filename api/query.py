"""The query parameters of a request, read once and checked (REST sections 2.1 to 2.7)."""

import re
from collections.abc import Mapping

import msgspec
from aiohttp import web
from multidict import MultiMapping

from api.operations import Route
from api.status import Trouble
from oneroster import filters, members
from oneroster.entities import Entity
from oneroster.filters import Clause, Filter
from sql import predicates, rosters
from sql.rosters import Order

LIMIT = 100
MOST = 10_000
"""Records on one page, however many are asked for."""

INT32 = 2**31 - 1

REVISION = "revision"
"""The parameter of ours in links to other pages: a walk sees one revision, whatever is published meanwhile. Else a
record that changes behind the walk, in a revision whose later records the walk sees, would be missed by a poller that
goes on from the greatest date it saw."""

AFTER = "after"
"""The parameter of ours in links to the next page: its offset, and the last id before it, from which the page is found
however deep it lies."""

SINCE = "modifiedSince"
"""The parameter of the convenience view: records that changed at that time or after it."""

Fields = frozenset[str] | None
"""The members to show, None for all."""


class Query(msgspec.Struct, frozen=True):
    """What a client wants to see of a collection."""

    limit: int = LIMIT
    offset: int = 0
    order: Order = Order()
    filter: Filter = filters.EVERYTHING
    fields: Fields = None
    revision: int | None = None
    """Of the roster, where a link to the rest of a walk asks for the one the walk began with."""
    after: str = ""
    """The id before the page, where a link says it."""


def parse(request: web.Request, route: Route) -> Query:
    """The query of a collection. Raises Trouble 400."""
    given, entity = request.query, route.operation.selection.entity
    offset, order = _count(given, "offset", 0, least=0), _order(given, entity)
    revision = _count(given, REVISION, 0, least=0) if REVISION in given else None
    return Query(
        limit=min(_count(given, "limit", LIMIT, least=1), MOST),
        offset=offset,
        order=order,
        filter=_since(_filter(given, entity), given) if route.convenient else _filter(given, entity),
        fields=fields(given, entity),
        revision=revision,
        after=_after(given, offset) if revision is not None and order == Order() else "",
    )


def fields(given: MultiMapping[str], entity: Entity) -> Fields:
    """`fields` as a list, repeated, or both: an unknown name selects all, a blank one is refused (section 2.6)."""
    texts = given.getall("fields", [])
    names = [name.strip(" ") for text in texts for name in text.split(",")]
    if "" in names:
        raise Trouble(400, "a name in fields is blank", code_minor="invalid_selection_field")
    if not names or not members.of(entity).issuperset(names):
        return None
    return frozenset(names)


def select(text: bytes, wanted: frozenset[str]) -> bytes:
    """The JSON of a record, or of a list of them, with the wanted members only."""
    whole = msgspec.json.decode(text, type=list[dict[str, msgspec.Raw]] | dict[str, msgspec.Raw])
    if isinstance(whole, dict):
        return msgspec.json.encode(_selected(whole, wanted))
    return msgspec.json.encode([_selected(one, wanted) for one in whole])


def _selected(record: Mapping[str, msgspec.Raw], wanted: frozenset[str]) -> dict[str, msgspec.Raw]:
    return {name: value for name, value in record.items() if name in wanted}


def _count(given: MultiMapping[str], name: str, default: int, least: int) -> int:
    texts = given.getall(name, [])
    if not texts:
        return default
    if len(texts) > 1 or not re.fullmatch("[0-9]{1,20}", texts[0], re.ASCII) or not least <= int(texts[0]) <= INT32:
        raise Trouble(400, f"{name} must be given once, as a whole number from {least} to {INT32}")
    return int(texts[0])


def _after(given: MultiMapping[str], offset: int) -> str:
    """What a link says of the page at this offset; a client that changes the offset goes its own way."""
    at, _, sourced_id = given.get(AFTER, "").partition(".")
    return sourced_id if at == str(offset) and "\x00" not in sourced_id else ""


def _order(given: MultiMapping[str], entity: Entity) -> Order:
    """An unknown field sorts nothing; a wrong direction is refused (section 2.4)."""
    for name in ("sort", "orderBy"):
        if len(given.getall(name, [])) > 1:
            raise Trouble(400, f"{name} is given more than once")
    direction = given.get("orderBy", "asc")
    if direction not in ("asc", "desc"):
        raise Trouble(400, "orderBy must be asc or desc")
    member = given.get("sort", "")
    return Order(member, direction == "desc") if rosters.sorts(entity, member) else Order()


def _filter(given: MultiMapping[str], entity: Entity) -> Filter:
    texts = given.getall("filter", [])
    if not texts:
        return filters.EVERYTHING
    try:
        if len(texts) > 1:
            raise filters.BadFilter("filter is given more than once")
        return filters.parse(texts[0], entity)
    except filters.BadFilter as error:
        raise not_applicable(error) from error


def _since(filter: Filter, given: MultiMapping[str]) -> Filter:
    """The filter, with `modifiedSince` where it is given: no date and time is refused."""
    texts = given.getall(SINCE, [])
    if not texts:
        return filter
    if len(texts) > 1:
        raise Trouble(400, f"{SINCE} is given more than once")
    since = Clause(("dateLastModified",), ">=", texts[0])
    try:
        predicates.instant(since)
    except filters.BadFilter as error:
        raise Trouble(400, f"{SINCE} must be a date, or an instant such as 2026-04-01T00:00:00.000Z") from error
    return msgspec.structs.replace(filter, since=since)


def not_applicable(error: filters.BadFilter) -> Trouble:
    """The answer to a filter that cannot be applied."""
    return Trouble(400, str(error), code_minor="invalid_filter_field")
