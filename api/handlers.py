"""The two handlers of the rostering service: a collection and a single record. Parse, read, respond."""

import asyncio
from collections.abc import Sequence

import msgspec
from aiohttp import web

from api import auth, limits, links, operations, packing, places, query, standing
from api.operations import Operation
from api.pages import Key, Page
from api.standing import Answer, Compose
from api.status import RETRY_AFTER, Handler, Trouble
from api.tokens import Caller
from oneroster import filters
from oneroster.entities import Entity
from oneroster.filters import Clause
from sql import documents, hidden, rosters
from sql.predicates import Found
from sql.reading import Query
from sql.rosters import Order, Shown

DEEP = 20 * rosters.STEP
"""The offset from which on a page is found by anchors, where nobody knows what stands before it."""


async def page(request: web.Request) -> web.Response:
    """One page of a collection, with the headers of section 2.3."""
    operation = _operation(request)
    caller = await auth.authorise(request, operation.scopes)
    pages, walks, key = request.app[places.PAGES], request.app[places.WALKS], _key(request, caller)
    kept = await pages.find(key)
    asked = query.parse(request, operation) if kept is None or kept.asked is None else kept.asked
    revision = walks.recall(caller.client_id, request.path, asked)
    if kept is None or revision not in (None, kept.revision):
        request[places.TARGET] = " ".join((*request.match_info.values(), f"{asked.offset}+{asked.limit}"))
        kept, dated = await _page(request, operation, caller, asked, revision)
        # Else it is what one client's walk began with.
        if asked.revision is not None or kept.revision == request.app[places.STANDINGS].newest(caller.tenant_id):
            pages.keep(key, kept)
    else:
        request[places.TARGET], dated = kept.target, pages.dated
        _learn(request, operation, key, kept, caller)
    walks.remember(caller.client_id, request.path, asked, kept.revision, more=kept.more)
    return kept.answer(request.headers.get("If-None-Match"), dated)


async def one(request: web.Request) -> web.Response:
    """One record."""
    operation = _operation(request)
    caller = await auth.authorise(request, operation.scopes)
    request[places.TARGET] = request.match_info["sourcedId"]
    pages, key = request.app[places.PAGES], _key(request, caller)
    kept, dated = await pages.find(key), pages.dated
    if kept is None:
        kept, dated = await _one(request, operation, caller)
        pages.keep(key, kept)
    else:
        _learn(request, operation, key, kept, caller)
    return kept.answer(request.headers.get("If-None-Match"), dated)


async def _page(
    request: web.Request, operation: Operation, caller: Caller, asked: query.Query, revision: int | None
) -> tuple[Page, str]:
    """The page as it is in the database, and its date."""
    selection, path, ends = operation.selection, request.match_info, request.app[places.ENDS]
    kept_total = operation.collection if not asked.filter.clauses else ""
    for parent in operation.parents:
        _check_text(parent.selection, path[parent.parameter])
    revision, opened = await _opened(request, operation, caller, asked, revision)
    if kept_total and asked.order == Order():
        revision = await _anchored(request, operation, caller, asked, revision)

    def compose(shown: Shown) -> list[Query]:
        after, skip = _start(request, caller, asked, shown.revision)
        try:
            wanted = rosters.page(
                shown, selection, path,
                limit=asked.limit, skip=skip, after=after, order=asked.order, filter=asked.filter,
                found=opened,
            )  # fmt: skip
        except filters.BadFilter as error:
            raise query.not_applicable(error) from error
        return [
            wanted,
            *(rosters.exists(shown, parent.selection, path[parent.parameter]) for parent in operation.parents),
            *([rosters.total(shown, kept_total)] if kept_total else []),
        ]

    found = await _ask(request, caller, compose, revision)
    rows, *others = found.rows
    for parent, known in zip(operation.parents, others, strict=False):
        if not known:
            raise _unknown(parent.selection, path[parent.parameter])
    if kept_total:
        total = int(others[-1][0][0] or 0) if others[-1] else 0
    elif len(rows) < asked.limit and (rows or not asked.offset):
        total = asked.offset + len(rows)
    else:
        total = await _count(request, operation, caller, asked, found.shown.revision, opened)
    last = rosters.last_id(rows) if asked.order == Order() else ""
    if last:
        key = caller.tenant_id, found.shown.revision, request.path, asked.filter, asked.offset + len(rows)
        ends.put(key, last)
    more = {
        "X-Total-Count": str(total),
        "Link": links.around(request, asked, total, found.shown.revision, last),
    }
    records = rosters.records(rows, selection.entity, found.shown.sealer)
    made = await _made(request, operation, caller, found, records, asked.fields, more)
    more_follows = asked.offset + asked.limit < total
    made = msgspec.structs.replace(made, pinned=asked.revision is not None, asked=asked, more=more_follows)
    return made, found.dated


async def _opened(
    request: web.Request, operation: Operation, caller: Caller, asked: query.Query, revision: int | None
) -> tuple[int | None, Found]:
    """What clauses are true of that the database cannot answer, and the revision at which that was found out."""
    kept, entity = request.app[places.OPENED], operation.selection.entity
    opened: dict[Clause, Sequence[str]] = {}
    try:
        for one in asked.filter.clauses:
            if not hidden.tells_nothing(entity, one):
                continue
            hidden.check(entity, one)
            if revision is None:
                revision = (await _ask(request, caller, lambda shown: [])).shown.revision
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

        found = await _ask(request, caller, compose, revision)
        (rows,) = found.rows
        seen, more = seen + len(rows), len(rows) == hidden.CHUNK
        if seen > hidden.MOST:
            raise hidden.too_many(one)
        ids += await asyncio.to_thread(hidden.matching, rows, entity, one, found.shown.sealer)
        after = (rows[-1][0] or b"").decode() if rows else ""
    return tuple(ids)


async def _one(request: web.Request, operation: Operation, caller: Caller) -> tuple[Page, str]:
    """The record as it is in the database, and its date."""
    fields = query.fields(request.query, operation.selection.entity)
    selection, sourced_id = operation.selection, request.match_info["sourcedId"]
    _check_text(selection, sourced_id)
    found = await _ask(request, caller, lambda shown: [rosters.one(shown, selection, sourced_id)])
    if not found.rows[0]:
        raise _unknown(selection, sourced_id)
    records = rosters.records(found.rows[0], selection.entity, found.shown.sealer)
    return await _made(request, operation, caller, found, records, fields, {}), found.dated


def _start(request: web.Request, caller: Caller, asked: query.Query, revision: int) -> tuple[str, int]:
    """Where to begin to look for a page: behind which id, and how many records then to skip."""
    if asked.after or not asked.offset or asked.order != Order():
        return asked.after, 0 if asked.after else asked.offset
    place = caller.tenant_id, revision, request.path
    if end := request.app[places.ENDS].get((*place, asked.filter, asked.offset)):
        return end, 0
    anchors = request.app[places.ANCHORS].get(place) if not asked.filter.clauses else None
    if not anchors or asked.offset < rosters.STEP:
        return "", asked.offset
    number = min(asked.offset // rosters.STEP, len(anchors))
    return anchors[number - 1], asked.offset - number * rosters.STEP


async def _anchored(
    request: web.Request, operation: Operation, caller: Caller, asked: query.Query, revision: int | None
) -> int | None:
    """Have anchors of a whole collection where the page lies too deep inside, and the revision they are of."""
    anchors = request.app[places.ANCHORS]
    newest = request.app[places.STANDINGS].newest(caller.tenant_id) if revision is None else revision
    if _start(request, caller, asked, newest)[1] < DEEP:
        return revision
    found = await _ask(request, caller, lambda shown: [rosters.anchors(shown, operation.selection)], revision)
    ids = tuple((row[0] or b"").decode() for row in found.rows[0])
    anchors.put((caller.tenant_id, found.shown.revision, request.path), ids, len(ids) + 1)
    return found.shown.revision


async def _count(
    request: web.Request, operation: Operation, caller: Caller, asked: query.Query, revision: int, opened: Found
) -> int:
    """How many records there are in all at a revision: once counted, that is known."""
    totals = request.app[places.TOTALS]
    key = caller.tenant_id, revision, request.path, asked.filter
    total = totals.get(key)
    if total is None:
        counted = await _ask(
            request,
            caller,
            lambda shown: [rosters.count(shown, operation.selection, request.match_info, asked.filter, opened)],
            revision,
        )
        total = int(counted.rows[0][0][0] or 0)
        totals.put(key, total)
    return total


@web.middleware
async def audited(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One entry in the audit log for each request of an operation, whatever came of it."""
    operation = operations.BY_NAME.get(request.match_info.route.name or "")
    if operation is None:
        return await handler(request)
    log = request.app[places.LOG]
    good = False
    try:
        response = await handler(request)
        good = response.status < 400
        return response
    finally:
        caller = request.get(places.CALLER)
        log.add(
            caller.tenant_id if caller else None,
            caller.client_id if caller else "",
            request.remote or "",
            _action(operation),
            request.get(places.TARGET) or " ".join(request.match_info.values()),
            good,
        )


def _learn(request: web.Request, operation: Operation, key: Key, kept: Page, caller: Caller) -> None:
    request.app[places.FRONT].learn(request, key, kept, caller, _action(operation))


def _action(operation: Operation) -> str:
    return f"api.read {operation.noun}"


def _operation(request: web.Request) -> Operation:
    return operations.BY_NAME[request.match_info.route.name or ""]


def _key(request: web.Request, caller: Caller) -> Key:
    """What an answer depends on. What cannot be recorded is not answered: raises Trouble 503."""
    if request.app[places.LOG].full:
        raise Trouble(503, "The audit log cannot be written.", headers={"Retry-After": RETRY_AFTER})
    headers = request.headers
    coding = packing.coding(headers.get("Accept-Encoding", ""))
    return caller.tenant_id, request.raw_path, headers.get("Host", ""), coding


async def _ask(request: web.Request, caller: Caller, compose: Compose, pinned: int | None = None) -> Answer:
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


def _check_text(selection: rosters.Selection, sourced_id: str) -> None:
    """No id has a NUL, and no statement may."""
    if "\x00" in sourced_id:
        raise _unknown(selection, sourced_id)


def _unknown(selection: rosters.Selection, sourced_id: str) -> Trouble:
    return Trouble(404, f"Unknown Object: no such {selection.entity.singular} as {sourced_id[:255]!r}.")


async def _made(
    request: web.Request,
    operation: Operation,
    caller: Caller,
    found: Answer,
    records: Sequence[bytes],
    fields: query.Fields,
    more: dict[str, str],
) -> Page:
    """The answer, as it is ready to be sent."""
    text = b",".join(records)
    if operation.many:
        text = b"[" + text + b"]"
    for mark, address in ((documents.BASE, links.base(request)), (documents.RESOURCES, links.resources(request))):
        text = text.replace(mark.encode(), address.encode())
    if fields is not None:
        text = query.select(text, fields)
    body = b'{"' + operation.key.encode() + b'":' + text + b"}"
    unchanged = {
        "ETag": f'W/"{caller.tenant_id}-{found.shown.revision}-{request.app[places.BUILD]}"',
        "Vary": "Accept-Encoding, Authorization",
        "Cache-Control": "private, no-cache",
    }
    headers = {**unchanged, **more, "Content-Type": "application/json"}
    coding = packing.coding(request.headers.get("Accept-Encoding", ""))
    if coding and len(body) >= packing.SMALL:
        headers["Content-Encoding"] = coding
        body = await packing.pack(body, coding)
    return Page(found.shown.revision, headers, unchanged, body, request[places.TARGET])
