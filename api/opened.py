"""Clauses on sealed values, which the database cannot answer: what they are true of is found out once a revision."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from api import asking, places, query
from api.tokens import Caller
from oneroster import filters
from oneroster.entities import Entity
from oneroster.filters import Clause
from sql import hidden
from sql.predicates import Found
from sql.reading import Query
from sql.rosters import Shown


async def find(
    request: web.Request, entity: Entity, caller: Caller, asked: query.Query, revision: int | None
) -> tuple[int | None, Found]:
    """What clauses are true of that the database cannot answer, and the revision at which that was found out."""
    kept = request.app[places.OPENED]
    opened: dict[Clause, Sequence[str]] = {}
    try:
        for one in asked.filter.clauses:
            if not hidden.tells_nothing(entity, one):
                continue
            hidden.check(entity, one)
            if revision is None:
                revision = (await asking.ask(request, caller, lambda shown: [])).shown.revision
            key = caller.tenant_id, revision, entity.name, one
            ids = kept.get(key)
            if ids is None:
                ids = await _search(request, caller, entity, one, revision)
                kept.put(key, ids, len(ids) + 1)
            opened[one] = ids
    except filters.BadFilter as error:
        raise query.not_applicable(error) from error
    return revision, opened


async def _search(request: web.Request, caller: Caller, entity: Entity, one: Clause, revision: int) -> tuple[str, ...]:
    """The ids of the records that a clause on sealed values is true of. Raises BadFilter where there are too many."""
    ids: list[str] = []
    after, seen, more = "", 0, True
    while more:

        def compose(shown: Shown, after: str = after) -> list[Query]:
            return [hidden.chunk(shown, entity, after)]

        found = await asking.ask(request, caller, compose, revision)
        (rows,) = found.rows
        seen, more = seen + len(rows), len(rows) == hidden.CHUNK
        if seen > hidden.MOST:
            raise hidden.too_many(one)
        ids += await asyncio.to_thread(hidden.matching, rows, entity, one, found.shown.sealer)
        after = (rows[-1][0] or b"").decode() if rows else ""
    return tuple(ids)
