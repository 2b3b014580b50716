"""The REST service as an application, and its life on listening sockets."""

import asyncio
import functools
import logging
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from aiohttp import http_exceptions, web

from api import auth, discovery, handlers, health, manual, operations, pages, places, status, uploads
from api.ahead import Ahead
from api.auditing import Log
from api.clock import Clock
from api.door import Door
from api.front import Connection, Front
from api.guesses import Guesses
from api.kept import Kept
from api.limits import Buckets
from api.newest import Newest
from api.peers import Peers
from api.standing import Standings
from api.tokens import Tokens
from api.walks import Walks
from sql import seal
from sql.database import Pool

MOST_KEPT = 50_000
"""Totals, and ends of pages, that are remembered."""

MOST_OPENED = 500_000
"""Ids that are remembered of what was found among sealed values, and of anchors."""

BACKLOG = 1_024
"""Connections that may wait to be taken up."""

GRACE = 5.0
"""Seconds that requests under way have to finish at the end."""

FIRST = 0.5
"""Seconds that a connection that was taken up just before the end has to say what it came for."""
LOOK = 0.01
"""Seconds between two looks whether it has."""


def make_app(
    pool: Pool,
    master: bytes,
    *,
    public_url: str | None,
    build: str,
    cache: int = pages.MOST_BYTES,
    shared: Path | None = None,
    trusted_proxies: Sequence[str] = (),
    door: Door | None = None,
) -> web.Application:
    """The service over a database. `build` marks the version whose answers these are, for ETag; `cache`: bytes.

    `shared` is a folder for what it shares with other processes and its successors; `trusted_proxies` networks of which
    it believes whom they name. Raises ValueError where one is no network. Without a `door` nothing can be delivered by
    HTTP.
    """
    app = web.Application(middlewares=[handlers.audited, status.speaks])
    app[places.POOL] = pool
    app[places.MASTER] = master
    app[places.TOKENS] = Tokens(pool, master)
    app[places.WALKS] = Walks(shared / "walks" if shared else None)
    app[places.PEERS] = Peers(trusted_proxies)
    app[places.GUESSES] = Guesses(shared / "guesses" if shared else None, seal.derive(master, "guesses"))
    app[places.BUCKETS] = Buckets(shared / "buckets" if shared else None)
    app[places.UNDER_WAY] = Counter()
    app[places.CLOCK] = clock = Clock(pool)
    app[places.NEWEST] = newest = Newest(pool, clock)
    app[places.PAGES] = pages.Pages(newest, cache)
    app[places.TOTALS] = Kept(MOST_KEPT)
    app[places.ENDS] = Kept(MOST_KEPT)
    app[places.OPENED] = Kept(MOST_OPENED)
    app[places.ANCHORS] = Kept(MOST_OPENED)
    app[places.LOG] = Log(pool)
    app[places.STANDINGS] = Standings(pool, master)
    app[places.AHEAD] = Ahead(pool)
    app[places.PUBLIC_URL] = (public_url or "").rstrip("/")
    app[places.BUILD] = build
    app[places.FRONT] = Front(
        app[places.PAGES],
        app[places.TOKENS],
        app[places.BUCKETS],
        app[places.WALKS],
        app[places.LOG],
        app[places.PEERS],
    )
    for route in operations.ROUTES.values():
        handler = handlers.page if route.operation.many else handlers.one
        # By itself aiohttp has no braces in a parameter: who asks for such an id would not even be asked for a token.
        path = route.path.replace("}", ":[^/]+}")
        app.router.add_get(path, handler, name=route.name, allow_head=False)
    for name in discovery.NAMES:
        app.router.add_get(f"{operations.BASE}/discovery/{name}", discovery.document, allow_head=False)
    app.router.add_get("/docs", manual.page, allow_head=False)
    app.router.add_post(discovery.TOKEN_PATH, auth.token)
    app.router.add_post("/oauth/token", auth.token)
    if door is not None:
        app[places.DOOR] = door
        app[places.UPLOADING] = Counter()
        app.router.add_post(f"{uploads.PATH}/csv", uploads.take)
        app.router.add_get(f"{uploads.PATH}/{{uploadId}}", uploads.look, allow_head=False)
    health.add_routes(app)
    app.cleanup_ctx.append(_auditing)
    return app


async def _auditing(app: web.Application) -> AsyncIterator[None]:
    async with app[places.LOG].running():
        yield


def _logger() -> logging.Logger:
    """For what aiohttp itself has to say. A request that is no HTTP is answered 400, and not quoted in our logs."""
    logger = logging.getLogger("api.http")
    logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], http_exceptions.HttpProcessingError))


async def serve(
    app: web.Application,
    sockets: Sequence[socket.socket],
    stop: asyncio.Event,
    *,
    tls: ssl.SSLContext | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Answer on the sockets, and call `ready` then, until `stop` is set and the requests under way are answered."""
    logger = _logger()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE, logger=logger)
    await runner.setup()
    server, loop = runner.server, asyncio.get_running_loop()
    assert server is not None
    front = app.get(places.FRONT)
    settings = {"loop": loop, "logger": logger, "access_log": None}
    made = server if front is None else functools.partial(Connection, front, server, **settings)
    listening = []
    try:
        for sock in sockets:
            listening.append(await loop.create_server(made, sock=sock, ssl=tls, backlog=BACKLOG))
        if ready is not None:
            ready()
        await stop.wait()
    finally:
        for one in listening:
            one.close()
        for _ in range(round(FIRST / LOOK)):
            if any(isinstance(one, Connection) and one.silent for one in server.connections):
                await asyncio.sleep(LOOK)
        await runner.cleanup()
