"""Asking the database for a client: one tenant, one snapshot, and no more at the same time than a client may."""

from aiohttp import web

from api import limits, places, query, standing
from api.standing import Answer, Compose
from api.status import RETRY_AFTER, Trouble
from api.tokens import Caller


async def ask(request: web.Request, caller: Caller, compose: Compose, pinned: int | None = None) -> Answer:
    """The caller's tenant in one snapshot, after the clock was raised so that the answer may bear its date.

    Raises Trouble.
    """
    under_way = request.app[places.UNDER_WAY]
    if under_way[caller.client_id] >= limits.AT_ONCE:
        raise Trouble(429, "Too many requests at the same time.", headers={"Retry-After": "1"})
    under_way[caller.client_id] += 1
    try:
        await request.app[places.CLOCK].raise_if_due()
        return await request.app[places.STANDINGS].ask(caller.tenant_id, compose, pinned)
    except standing.NoRevision as error:
        raise Trouble(400, f"there is no revision {pinned}; begin again without {query.REVISION}") from error
    except standing.Restless as error:
        raise Trouble(503, f"{standing.Restless.__doc__}", headers={"Retry-After": RETRY_AFTER}) from error
    finally:
        under_way[caller.client_id] -= 1
        if not under_way[caller.client_id]:
            del under_way[caller.client_id]
