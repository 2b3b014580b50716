"""Deltas: what has changed since a date is found in the list of what changed, and that nothing has, in memory."""

import datetime

from aiohttp import web

from api import asking, places, query
from api.tokens import Caller
from oneroster import filters
from oneroster.entities import Entity
from oneroster.filters import Clause, Filter
from sql import predicates, rosters

CHANGED = ("dateLastModified",)


def since(filter: Filter) -> datetime.datetime | None:
    """The moment after which all has changed that a filter lets through, None where it names none. Raises Trouble."""
    try:
        moments = [
            predicates.begins(one) for one in filter.always if one.path == CHANGED and one.predicate in (">", ">=")
        ]
    except filters.BadFilter as error:
        raise query.not_applicable(error) from error
    return max(moments, default=None)


async def listed(
    request: web.Request, entity: Entity, caller: Caller, asked: query.Query, revision: int | None
) -> tuple[int | None, int | None]:
    """The revision to be shown, and the one after which changes are listed in which all that is asked for is found.

    None for the latter where there are too many, or no date is named. What is published between this question and the
    next one may not be listed, so that one has to show the revision of this one.
    """
    moment = since(asked.filter)
    if moment is None:
        return revision, None
    answer = await asking.ask(request, caller, lambda shown: [rosters.delta(entity, moment)], revision)
    (began, count) = answer.rows[0][0]
    return (revision, None) if began is None or count is None else (answer.shown.revision, int(began))


async def nothing_since(request: web.Request, caller: Caller, filter: Filter) -> int | None:
    """The newest revision, if it was published before anything that a poll asks for; None if that is not sure.

    Raises Trouble, OUTAGE.
    """
    moment = since(filter)
    if moment is None or not all(map(_is_of_a_poll, filter.all)):
        return None
    newest = request.app[places.NEWEST]
    known = await newest.known()
    published_at = newest.published_at(caller.tenant_id)
    if known is None or published_at is None or moment < published_at:
        return None
    return known[caller.tenant_id]


def _is_of_a_poll(one: Clause) -> bool:
    """Whether it is of a kind that can always be applied."""
    return _is_later(one) or (one.path == ("status",) and one.predicate in ("=", "!="))


def _is_later(one: Clause) -> bool:
    return one.path == CHANGED and one.predicate in (">", ">=")
