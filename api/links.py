"""Absolute addresses: of the service, and of the pages around a page (REST section 2.3)."""

import re
import urllib.parse

from aiohttp import web

from api import operations, places
from api.query import AFTER, REVISION, Query
from api.status import Trouble

LONGEST = 1_500
"""Characters of an address from which on there is only `next`: many clients take headers of 8 kB at most."""

_PLAIN = "%!$&'()*+,;=:@/?"
"""What may stand in a query as it is (RFC 3986); an address in a Link header ends with `>`."""

_HOST = re.compile(r"[A-Za-z0-9._\-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


def origin(request: web.Request) -> str:
    """Scheme and host as the client sees them. Raises Trouble 400 when it names none that could be."""
    if public := request.app[places.PUBLIC_URL]:
        return public
    if not _HOST.fullmatch(request.host):
        raise Trouble(400, "The Host header is missing or wrong.")
    return f"{request.scheme}://{request.host}"


def base(request: web.Request) -> str:
    """Where the service begins."""
    return origin(request) + operations.BASE


def resources(request: web.Request) -> str:
    """Where the sibling resources service would begin."""
    return origin(request) + operations.RESOURCES


def around(request: web.Request, asked: Query, total: int, revision: int, last_id: str) -> str:
    """The Link header: first and last always, next and prev where there are such pages; the step is kept.

    All but the first stay with the revision of this page. `last_id` of this page, if records come by their ids.
    """
    limit, offset = asked.limit, asked.offset
    kept = "&".join(
        part
        for part in request.rel_url.raw_query_string.split("&")
        if part and _name(part) not in ("limit", "offset", REVISION, AFTER)
    )
    kept = urllib.parse.quote(kept, safe=_PLAIN)  # some clients send `>` as it is
    address = f"{origin(request)}{request.rel_url.raw_path}?{kept}{'&' if kept else ''}limit={limit}&offset="
    start = offset % limit
    last = start + (total - 1 - start) // limit * limit if total > start else 0
    pin = f"&{REVISION}={revision}"
    pages = [("first", "0"), ("last", f"{last}{pin}")]
    if offset + limit < total:
        after = f"&{AFTER}={offset + limit}.{urllib.parse.quote(last_id, safe='')}" if last_id else ""
        pages.append(("next", f"{offset + limit}{pin}{after}"))
    if offset > 0:
        pages.append(("prev", f"{max(0, offset - limit)}{pin}"))
    if len(address) > LONGEST:
        pages = [page for page in pages if page[0] == "next"]
    return ", ".join(f'<{address}{at}>; rel="{relation}"' for relation, at in pages)


def _name(part: str) -> str:
    return part.partition("=")[0]
