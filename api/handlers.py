"""The two handlers of the rostering service: a collection and a single record. Parse, read, respond."""

import asyncio
import email.utils
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from api import auth, links, operations, places, query
from api.operations import Operation
from api.status import RETRY_AFTER, Handler, Trouble
from api.tokens import Caller
from oneroster import filters
from sql import database, documents, revisions, rosters, tenants
from sql.rosters import Reader

COMPRESSED = 1_024
"""Bytes from which on a body is compressed for clients that like it."""

ASIDE = 262_144
"""Bytes from which on that happens in a thread."""


async def page(request: web.Request) -> web.Response:
    """One page of a collection, with the headers of section 2.3."""
    operation = _operation(request)
    caller = await auth.authorise(request, operation.scopes)
    asked = query.parse(request, operation)
    request[places.TARGET] = " ".join((*request.match_info.values(), f"{asked.offset}+{asked.limit}"))
    walks, path = request.app[places.WALKS], request.path
    async with reading(request, caller, walks.recall(caller.client_id, path, asked)) as reader:
        for parent in operation.parents:
            await _know(reader, parent, request.match_info[parent.parameter])
        headers = _headers(request, reader)
        if _unchanged(request, headers["ETag"]):
            return web.Response(status=304, headers=headers)
        try:
            records, total = await rosters.page(
                reader,
                operation.selection,
                request.match_info,
                limit=asked.limit,
                offset=asked.offset,
                order=asked.order,
                filter=asked.filter,
                collection=operation.collection,
            )
        except filters.BadFilter as error:
            raise query.not_applicable(error) from error
    more = asked.offset + asked.limit < total
    walks.remember(caller.client_id, path, asked, reader.revision, more=more)
    headers["X-Total-Count"] = str(total)
    headers["Link"] = links.around(request, asked.limit, asked.offset, total, reader.revision)
    return await _answer(request, operation, headers, records, asked.fields)


async def one(request: web.Request) -> web.Response:
    """One record."""
    operation = _operation(request)
    caller = await auth.authorise(request, operation.scopes)
    fields = query.fields(request.query, operation.selection.entity)
    sourced_id = request[places.TARGET] = request.match_info["sourcedId"]
    async with reading(request, caller) as reader:
        record = None if "\x00" in sourced_id else await rosters.one(reader, operation.selection, sourced_id)
        headers = _headers(request, reader)
    if record is None:
        raise _unknown(operation.selection, sourced_id)
    if _unchanged(request, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    return await _answer(request, operation, headers, [record], fields)


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
            f"api.read {operation.noun}",
            request.get(places.TARGET) or " ".join(request.match_info.values()),
            good,
        )


@asynccontextmanager
async def reading(request: web.Request, caller: Caller, revision: int | None = None) -> AsyncIterator[Reader]:
    """The caller's tenant in one snapshot, after the clock was raised so that the answer may bear its date.

    Raises Trouble 400 for a revision that is not there.
    """
    if request.app[places.LOG].full:
        raise Trouble(503, "The audit log cannot be written.", headers={"Retry-After": RETRY_AFTER})
    await request.app[places.CLOCK].raise_if_due()
    async with database.tenant(request.app[places.POOL], caller.tenant_id, "api") as conn:
        snapshot = await revisions.snapshot(conn, caller.tenant_id)
        sealers = request.app[places.SEALERS]
        if caller.tenant_id not in sealers:
            tenant = await tenants.by_id(conn, caller.tenant_id)
            sealers[caller.tenant_id] = tenant.sealer(request.app[places.MASTER])
        if revision is not None and revision > snapshot.published:
            raise Trouble(400, f"there is no revision {revision}; begin again without {links.REVISION}")
        yield Reader(conn, caller.tenant_id, snapshot, sealers[caller.tenant_id], revision)


def _operation(request: web.Request) -> Operation:
    return operations.BY_NAME[request.match_info.route.name or ""]


async def _know(reader: Reader, parent: operations.Parent, sourced_id: str) -> None:
    """An unknown parent is reported; a known one may have no members (note N5)."""
    if "\x00" in sourced_id or not await rosters.exists(reader, parent.selection, sourced_id):
        raise _unknown(parent.selection, sourced_id)


def _unknown(selection: rosters.Selection, sourced_id: str) -> Trouble:
    return Trouble(404, f"Unknown Object: no such {selection.entity.singular} as {sourced_id[:255]!r}.")


def _headers(request: web.Request, reader: Reader) -> dict[str, str]:
    """What every 200 and 304 bears. The date is never later than the moment of the snapshot, so it is cut down."""
    snapshot = reader.snapshot
    return {
        "ETag": f'W/"{reader.tenant_id}-{reader.revision}-{request.app[places.BUILD]}"',
        "Date": email.utils.format_datetime(snapshot.dated.replace(microsecond=0), usegmt=True),
        "Vary": "Accept-Encoding, Authorization",
        "Cache-Control": "private, no-cache",
    }


def _unchanged(request: web.Request, etag: str) -> bool:
    """Whether the client has this very state already (RFC 9110 section 13.1.2, weak comparison)."""
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    return "*" in known or etag.removeprefix("W/") in known


async def _answer(
    request: web.Request, operation: Operation, headers: dict[str, str], records: list[str], fields: query.Fields
) -> web.Response:
    joined = ",".join(records)
    text = f"[{joined}]" if operation.many else joined
    text = text.replace(documents.BASE, links.base(request)).replace(documents.RESOURCES, links.resources(request))
    if fields is not None:
        text = query.select(text, fields)
    body = f'{{"{operation.key}":{text}}}'.encode()
    if len(body) >= COMPRESSED and _likes_gzip(request.headers.get("Accept-Encoding", "")):
        headers["Content-Encoding"] = "gzip"
        body = _gzip(body) if len(body) < ASIDE else await asyncio.to_thread(_gzip, body)
    return web.Response(body=body, content_type="application/json", headers=headers)


def _likes_gzip(accepted: str) -> bool:
    for coding in accepted.lower().split(","):
        name, _, quality = coding.partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False


def _gzip(body: bytes) -> bytes:
    """The fastest level: higher ones cost more time than they save on any line a school has."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
