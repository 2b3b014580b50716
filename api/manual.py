"""`/docs`: the service for people, on one page that needs nothing from elsewhere; its tables are those of the code."""

import functools
import html
import string
from collections.abc import Iterable, Sequence
from importlib import resources

from aiohttp import web

from api import discovery, links, operations
from api.query import MOST
from oneroster import scopes

_HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


async def page(request: web.Request) -> web.Response:
    """The page for the host that was asked."""
    return web.Response(text=written(links.origin(request)), content_type="text/html", headers=_HEADERS)


@functools.lru_cache(maxsize=16)
def written(origin: str) -> str:
    """The page of the service at an origin such as https://roster.example.jp."""
    base = origin + operations.BASE
    values = {
        "base": base,
        "view": origin + operations.CONVENIENT_BASE,
        "token": origin + discovery.TOKEN_PATH,
        "document": f"{base}/discovery/{discovery.NAMES[0]}",
        "most": f"{MOST:,}",
        "upload": scopes.UPLOAD,
    }
    tables = {
        "operations": _table((one.path, one.key, ", ".join(one.scopes)) for one in operations.OPERATIONS),
        "scopes": _table((scopes.url(name), text) for name, text in discovery.SCOPES.items()),
        "troubles": _table(discovery.TROUBLE.items()),
    }
    template = string.Template((resources.files("api") / "manual.html").read_text(encoding="utf-8"))
    return template.substitute({name: html.escape(value) for name, value in values.items()} | tables)


def _table(rows: Iterable[Sequence[str]]) -> str:
    """Rows whose first cell is code."""
    return "".join(
        f"<tr><td><code>{html.escape(first)}</code></td>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
