"""Absolute addresses: of the service, and of the pages around a page (REST section 2.3)."""

import re

from aiohttp import web

from api import operations, places
from api.status import Trouble

REVISION = "revision"
"""The parameter of ours in links to other pages: a walk sees one revision, whatever is published meanwhile. Else a
record that changes behind the walk, in a revision whose later records the walk sees, would be missed by a poller that
goes on from the greatest date it saw."""

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


def around(request: web.Request, limit: int, offset: int, total: int, revision: int) -> str:
    """The Link header: first and last always, next and prev where there are such pages; the step is kept.

    All but the first stay with the revision of this page.
    """
    kept = "&".join(
        part
        for part in request.rel_url.raw_query_string.split("&")
        if part and _name(part) not in ("limit", "offset", REVISION)
    )
    address = f"{origin(request)}{request.rel_url.raw_path}?{kept}{'&' if kept else ''}limit={limit}&offset="
    start = offset % limit
    last = start + (total - 1 - start) // limit * limit if total > start else 0
    pages = [("first", 0), ("last", last)]
    if offset + limit < total:
        pages.append(("next", offset + limit))
    if offset > 0:
        pages.append(("prev", max(0, offset - limit)))
    pin = f"&{REVISION}={revision}"
    return ", ".join(f'<{address}{at}{"" if relation == "first" else pin}>; rel="{relation}"' for relation, at in pages)


def _name(part: str) -> str:
    return part.partition("=")[0]
