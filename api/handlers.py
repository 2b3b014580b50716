"""The two handlers of the rostering service: a collection and a single record. Parse, read, respond."""

import functools
from collections.abc import Mapping, Sequence

import msgspec
from aiohttp import web

from api import ahead, asking, auth, beginnings, deltas, links, opened, operations, packing, places, query
from api.operations import Operation, Route
from api.pages import Key, Page
from api.standing import Answer
from api.status import RETRY_AFTER, Handler, Trouble
from api.tokens import Caller
from oneroster import filters
from oneroster.entities import Entity
from sql import documents, rosters
from sql.predicates import Found
from sql.reading import Query
from sql.rosters import Order, Picked, Shown


async def page(request: web.Request) -> web.Response:
    """One page of a collection, with the headers of section 2.3."""
    route = _route(request)
    caller = await auth.authorise(request, route.operation.scopes)
    pages, walks, key = request.app[places.PAGES], request.app[places.WALKS], _key(request, caller)
    kept = await pages.find(key)
    asked = query.parse(request, route) if kept is None or kept.asked is None else kept.asked
    revision = walks.recall(caller.client_id, request.path, asked)
    if kept is None or revision not in (None, kept.revision):
        request[places.TARGET] = " ".join((*request.match_info.values(), f"{asked.offset}+{asked.limit}"))
        nothing_new = None if revision is not None else await _nothing_new(request, route, caller, asked)
        kept, dated = nothing_new or await _page(request, route, caller, asked, revision)
        # Else it is what one client's walk began with.
        if asked.revision is not None or kept.revision == request.app[places.STANDINGS].newest(caller.tenant_id):
            pages.keep(key, kept)
    else:
        request[places.TARGET], dated = kept.target, pages.dated
        _learn(request, route, key, kept, caller)
    walks.remember(caller.client_id, request.path, asked, kept.revision, full=kept.full)
    return _given(request, kept, dated)


async def one(request: web.Request) -> web.Response:
    """One record."""
    route = _route(request)
    caller = await auth.authorise(request, route.operation.scopes)
    request[places.TARGET] = request.match_info["sourcedId"]
    pages, key = request.app[places.PAGES], _key(request, caller)
    kept, dated = await pages.find(key), pages.dated
    if kept is None:
        kept, dated = await _one(request, route.operation, caller)
        pages.keep(key, kept)
    else:
        _learn(request, route, key, kept, caller)
    return _given(request, kept, dated)


def _given(request: web.Request, kept: Page, dated: str) -> web.Response:
    response = kept.answer(request.headers.get("If-None-Match"), dated)
    request[places.ROWS] = kept.rows if response.status == 200 else 0
    return response


async def _page(
    request: web.Request, route: Route, caller: Caller, asked: query.Query, revision: int | None
) -> tuple[Page, str]:
    """The page as it is in the database, and its date."""
    operation, path = route.operation, request.match_info
    selection = operation.selection
    kept_total = operation.collection if not asked.filter.all else ""
    for parent in operation.parents:
        _check_text(parent.selection, path[parent.parameter])
    revision, found = await opened.find(request, selection.entity, caller, asked, revision)
    revision, since = await deltas.listed(request, selection.entity, caller, asked, revision)
    if kept_total and asked.order == Order():
        revision = await beginnings.have_anchors(request, operation, caller, asked, revision)

    compose = functools.partial(_compose, request, operation, caller, asked, found, since)
    answer = None
    if revision is not None and asked.limit >= ahead.LEAST:
        after, _ = beginnings.find(request, caller, asked, revision)
        answer = await request.app[places.AHEAD].take(ahead.key(caller.tenant_id, request.path, revision, asked, after))
    if answer is None:
        answer = await asking.ask(request, caller, compose, revision)
    first, *others = answer.rows
    picked = rosters.picked(first)
    for parent, known in zip(operation.parents, others, strict=False):
        if not known:
            raise _unknown(parent.selection, path[parent.parameter])
    if kept_total:
        total = int(others[-1][0][0] or 0) if others[-1] else 0
    elif len(picked) < asked.limit and (picked or not asked.offset):
        total = asked.offset + len(picked)
    else:
        total = await _count(request, operation, caller, asked, answer.shown.revision, found, since)
    last = picked.last_id if asked.order == Order() else ""
    beginnings.remember(request, caller, asked, answer.shown.revision, len(picked), last)
    more = asked.offset + asked.limit < total
    if more and asked.limit >= ahead.LEAST:
        _read_ahead(request, operation, caller, asked, answer.shown.revision, last, found, since)
    records = await _records(request, caller, answer, picked, selection.entity)
    made = await _collection(request, route, caller, asked, records, answer.shown.revision, total=total, last_id=last)
    return made, answer.dated


def _compose(
    request: web.Request,
    operation: Operation,
    caller: Caller,
    asked: query.Query,
    found: Found,
    since: int | None,
    shown: Shown,
) -> list[Query]:
    """All that is asked of the database for a page. Raises Trouble."""
    selection, path = operation.selection, request.match_info
    after, skip = beginnings.find(request, caller, asked, shown.revision)
    try:
        wanted = rosters.page(
            shown, selection, path,
            limit=asked.limit, skip=skip, after=after, order=asked.order, filter=asked.filter, found=found, since=since,
        )  # fmt: skip
    except filters.BadFilter as error:
        raise query.not_applicable(error) from error
    kept_total = operation.collection if not asked.filter.all else ""
    return [
        wanted,
        *(rosters.exists(shown, parent.selection, path[parent.parameter]) for parent in operation.parents),
        *([rosters.total(shown, kept_total)] if kept_total else []),
    ]


def _read_ahead(
    request: web.Request,
    operation: Operation,
    caller: Caller,
    asked: query.Query,
    revision: int,
    last_id: str,
    found: Found,
    since: int | None,
) -> None:
    """Have the page after this one read."""
    following = msgspec.structs.replace(asked, offset=asked.offset + asked.limit, after=last_id)
    compose = functools.partial(_compose, request, operation, caller, following, found, since)
    request.app[places.AHEAD].begin(
        ahead.key(caller.tenant_id, request.path, revision, following, last_id),
        lambda: request.app[places.STANDINGS].ask(caller.tenant_id, compose, revision),
    )


async def _nothing_new(
    request: web.Request, route: Route, caller: Caller, asked: query.Query
) -> tuple[Page, str] | None:
    """The empty page of a poll, if memory knows that nothing has changed; else None."""
    if route.operation.parents:
        return None
    revision = await deltas.nothing_since(request, caller, asked.filter)
    if revision is None:
        return None
    dated = request.app[places.PAGES].dated
    return await _collection(request, route, caller, asked, [], revision, total=0, last_id=""), dated


async def _collection(
    request: web.Request,
    route: Route,
    caller: Caller,
    asked: query.Query,
    records: Sequence[bytes],
    revision: int,
    *,
    total: int,
    last_id: str,
) -> Page:
    """The page that these records are."""
    more = asked.offset + asked.limit < total
    pagination = _pagination(asked, total, more) if route.convenient else b""
    body = _body(request, route.operation, records, asked.fields, pagination)
    headers = {
        "X-Total-Count": str(total),
        "Link": links.around(request, asked, total, revision, last_id),
    }
    made = await _made(request, caller, revision, body, headers, len(records))
    return msgspec.structs.replace(made, pinned=asked.revision is not None, asked=asked)


async def _count(
    request: web.Request,
    operation: Operation,
    caller: Caller,
    asked: query.Query,
    revision: int,
    found: Found,
    since: int | None,
) -> int:
    """How many records there are in all at a revision: once counted, that is known."""
    totals = request.app[places.TOTALS]
    key = caller.tenant_id, revision, request.path, asked.filter
    total = totals.get(key)
    if total is None:
        counted = await asking.ask(
            request,
            caller,
            lambda shown: [rosters.count(shown, operation.selection, request.match_info, asked.filter, found, since)],
            revision,
        )
        total = int(counted.rows[0][0][0] or 0)
        totals.put(key, total)
    return total


async def _one(request: web.Request, operation: Operation, caller: Caller) -> tuple[Page, str]:
    """The record as it is in the database, and its date."""
    fields = query.fields(request.query, operation.selection.entity)
    selection, sourced_id = operation.selection, request.match_info["sourcedId"]
    _check_text(selection, sourced_id)
    answer = await asking.ask(request, caller, lambda shown: [rosters.one(shown, selection, sourced_id)])
    picked = rosters.picked(answer.rows[0])
    if not picked:
        raise _unknown(selection, sourced_id)
    records = await _records(request, caller, answer, picked, selection.entity)
    body = _body(request, operation, records, fields)
    return await _made(request, caller, answer.shown.revision, body, {}, 1), answer.dated


async def _records(
    request: web.Request, caller: Caller, answer: Answer, picked: Picked, entity: Entity
) -> Sequence[bytes]:
    stamps = await request.app[places.STANDINGS].stamps(caller.tenant_id, set(picked.changed))
    return rosters.records(picked, entity, answer.shown.sealer, stamps)


@web.middleware
async def audited(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One entry in the audit log for each request of an operation, whatever came of it."""
    route = operations.ROUTES.get(request.match_info.route.name or "")
    if route is None:
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
            request.app[places.PEERS].of(request),
            _action(route),
            request.get(places.TARGET) or " ".join(request.match_info.values()),
            good,
            request.get(places.ROWS),
        )


def _learn(request: web.Request, route: Route, key: Key, kept: Page, caller: Caller) -> None:
    request.app[places.FRONT].learn(request, key, kept, caller, _action(route))


def _action(route: Route) -> str:
    return f"api.read {route.operation.noun}"


def _route(request: web.Request) -> Route:
    return operations.ROUTES[request.match_info.route.name or ""]


def _key(request: web.Request, caller: Caller) -> Key:
    """What an answer depends on. What cannot be recorded is not answered: raises Trouble 503."""
    if request.app[places.LOG].full:
        raise Trouble(503, "The audit log cannot be written.", headers={"Retry-After": RETRY_AFTER})
    headers = request.headers
    coding = packing.coding(headers.get("Accept-Encoding", ""))
    return caller.tenant_id, request.raw_path, headers.get("Host", ""), coding


def _check_text(selection: rosters.Selection, sourced_id: str) -> None:
    """No id has a NUL, and no statement may."""
    if "\x00" in sourced_id:
        raise _unknown(selection, sourced_id)


def _unknown(selection: rosters.Selection, sourced_id: str) -> Trouble:
    return Trouble(404, f"Unknown Object: no such {selection.entity.singular} as {sourced_id[:255]!r}.")


def _pagination(asked: query.Query, total: int, more: bool) -> bytes:
    """Where a page of the convenience view stands."""
    place = {"total": total, "limit": asked.limit, "offset": asked.offset, "hasMore": more}
    return b',"pagination":' + msgspec.json.encode(place)


def _body(
    request: web.Request, operation: Operation, records: Sequence[bytes], fields: query.Fields, more: bytes = b""
) -> bytes:
    """The records in their container."""
    text = b",".join(records)  # of a large page each copy takes its time
    for mark, address in ((documents.BASE, links.base(request)), (documents.RESOURCES, links.resources(request))):
        text = text.replace(mark.encode(), address.encode())
    left, right = (b"[", b"]") if operation.many else (b"", b"")
    if fields is not None:
        text, left, right = query.select(left + text + right, fields), b"", b""
    return b"".join((b'{"', operation.key.encode(), b'":', left, text, right, more, b"}"))


async def _made(
    request: web.Request, caller: Caller, revision: int, body: bytes, more: Mapping[str, str], rows: int
) -> Page:
    """The answer, as it is ready to be sent."""
    unchanged = {
        "ETag": f'W/"{caller.tenant_id}-{revision}-{request.app[places.BUILD]}"',
        "Vary": "Accept-Encoding, Authorization",
        "Cache-Control": "private, no-cache",
    }
    headers = {**unchanged, **more, "Content-Type": "application/json"}
    coding = packing.coding(request.headers.get("Accept-Encoding", ""))
    if coding and len(body) >= packing.SMALL:
        headers["Content-Encoding"] = coding
        body = await packing.pack(body, coding)
    return Page(revision, headers, unchanged, body, request[places.TARGET], rows)
