"""Where a page begins, so that one deep inside a collection costs about what the first one does.

Records come by their ids. A `next` link says behind which id its page begins; whoever counts offsets gets there by the
end of the page before, whoever read it, or else by ids kept along the way. What a link says is believed for its own
page alone: a client may write there what it likes, and no other page may rest on it.
"""

from aiohttp import web

from api import asking, places
from api.operations import Operation
from api.query import Query
from api.tokens import Caller
from sql import rosters
from sql.rosters import Order

DEEP = 20 * rosters.STEP
"""The offset from which on a page is found by anchors, where nobody knows what stands before it."""


def find(request: web.Request, caller: Caller, asked: Query, revision: int) -> tuple[str, int]:
    """Where to begin to look for a page: behind which id, and how many records then to skip."""
    if asked.after or not asked.offset or asked.order != Order():
        return asked.after, 0 if asked.after else asked.offset
    if end := request.app[places.ENDS].get((caller.tenant_id, revision, request.path, asked.filter, asked.offset)):
        return end, 0
    anchors = (
        request.app[places.ANCHORS].get((caller.tenant_id, revision, request.path)) if not asked.filter.all else None
    )
    if not anchors or asked.offset < rosters.STEP:
        return "", asked.offset
    number = min(asked.offset // rosters.STEP, len(anchors))
    return anchors[number - 1], asked.offset - number * rosters.STEP


async def have_anchors(
    request: web.Request, operation: Operation, caller: Caller, asked: Query, revision: int | None
) -> int | None:
    """Have anchors of a whole collection where the page lies too deep inside, and the revision they are of."""
    anchors = request.app[places.ANCHORS]
    newest = request.app[places.STANDINGS].newest(caller.tenant_id) if revision is None else revision
    if find(request, caller, asked, newest)[1] < DEEP:
        return revision
    found = await asking.ask(request, caller, lambda shown: [rosters.anchors(shown, operation.selection)], revision)
    ids = tuple((row[0] or b"").decode() for row in found.rows[0])
    anchors.put((caller.tenant_id, found.shown.revision, request.path), ids, len(ids) + 1)
    return found.shown.revision


def remember(request: web.Request, caller: Caller, asked: Query, revision: int, rows: int, last_id: str) -> None:
    """A page of so many rows ended with that id, and no link said where it begins."""
    if last_id and not asked.after:
        key = caller.tenant_id, revision, request.path, asked.filter, asked.offset + rows
        request.app[places.ENDS].put(key, last_id)
