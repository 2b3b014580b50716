"""Whether the process lives, and whether it can serve: for load balancers and supervisors; no token is asked for."""

import asyncio

import structlog
from aiohttp import web

from api import places, status
from sql import database
from sql.database import Pool

PATIENCE = 2.0
"""Seconds that the database has to answer."""

log = structlog.get_logger("api.health")


def make_app(pool: Pool) -> web.Application:
    """The application of the health listener."""
    app = web.Application()
    app[places.POOL] = pool
    add_routes(app)
    return app


def add_routes(app: web.Application) -> None:
    """/healthz and /readyz."""
    app.router.add_get("/healthz", alive, allow_head=False)
    app.router.add_get("/readyz", ready, allow_head=False)


async def alive(request: web.Request) -> web.Response:
    """The process turns."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """The database answers, under the role that reads rosters."""
    try:
        async with asyncio.timeout(PATIENCE), database.hub(request.app[places.POOL], "api", read_only=True) as conn:
            await database.fetch_value(conn, "SELECT 1 FROM clock", {})
    except (TimeoutError, *database.OUTAGE) as error:
        log.warning("not ready", problem=type(error).__name__)
        return web.json_response({"status": "database away"}, status=503, headers={"Retry-After": status.RETRY_AFTER})
    return web.json_response({"status": "ok"})
