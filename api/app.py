"""The REST service as an application, and its life on listening sockets."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import http_exceptions, web

from api import auth, handlers, health, operations, places, status
from api.auditing import Log
from api.clock import Clock
from api.tokens import Tokens
from api.walks import Walks
from sql.database import Pool

GRACE = 5.0
"""Seconds that requests under way have to finish at the end."""


def make_app(pool: Pool, master: bytes, *, public_url: str | None, build: str) -> web.Application:
    """The service over a database. `build` marks the version whose answers these are, for ETag."""
    app = web.Application(middlewares=[handlers.audited, status.speaks])
    app[places.POOL] = pool
    app[places.MASTER] = master
    app[places.TOKENS] = Tokens(pool, master)
    app[places.WALKS] = Walks()
    app[places.CLOCK] = Clock(pool)
    app[places.LOG] = Log(pool)
    app[places.SEALERS] = {}
    app[places.PUBLIC_URL] = (public_url or "").rstrip("/")
    app[places.BUILD] = build
    for operation in operations.OPERATIONS:
        handler = handlers.page if operation.many else handlers.one
        app.router.add_get(operations.BASE + operation.path, handler, name=operation.name, allow_head=False)
    app.router.add_post("/token", auth.token)
    app.router.add_post("/oauth/token", auth.token)
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
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE, logger=_logger())
    await runner.setup()
    try:
        for sock in sockets:
            await web.SockSite(runner, sock, ssl_context=tls).start()
        if ready is not None:
            ready()
        await stop.wait()
    finally:
        await runner.cleanup()
