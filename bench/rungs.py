"""The service with parts of it taken off, to see what each costs: `python -m bench.rungs STATE CONNINFO RUNG`.

It prints its port and answers until its input ends. Nothing is kept in memory, so every page is read.
"""

import asyncio
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from api import app, auditing, auth, tokens
from oneroster import entities
from sql import database, rosters, seal

RUNGS = ("bare", "+ row security", "+ token", "+ audit", "+ sealed")
"""Each with what those before it have; the last is the whole service."""

TABLE = "bench_users"
"""A copy of the documents of `users`, in a table like any other."""


async def _serve(folder: Path, conninfo: str, rung: str) -> None:
    master = seal.master_key(folder / "keys" / "master.key")
    height = RUNGS.index(rung)
    if height < RUNGS.index("+ sealed"):
        rosters.records = _unsealed  # type: ignore[assignment]
    if height < RUNGS.index("+ audit"):
        auditing.Log.add = lambda *_: None  # type: ignore[assignment,method-assign]
    async with database.open_pool(conninfo) as pool:
        async with database.hub(pool, "api", read_only=True) as conn:
            known = await tokens.clients.find(conn, sys.argv[4])
        assert known is not None
        caller = tokens.Caller(known.client_id, known.tenant_id, frozenset(known.scopes), known)

        async def anybody(*_: object) -> tokens.Caller:
            return caller

        if height < RUNGS.index("+ token"):
            auth.authorise = anybody
        service = app.make_app(pool, master, public_url=None, build="bench", cache=0)
        if rung == "bare":
            service = web.Application()
            service["pool"] = pool
            service.router.add_get("/ims/oneroster/rostering/v1p2/users", _bare)
        runner = web.AppRunner(service, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()


async def _bare(request: web.Request) -> web.Response:
    """A statement, its rows joined, an answer."""
    limit, offset = int(request.query["limit"]), int(request.query["offset"])
    async with request.app["pool"].connection() as conn:
        found = await conn.execute(
            f"SELECT document FROM {TABLE} WHERE place >= %s AND place < %s ORDER BY place", [offset, offset + limit]
        )
        rows = await found.fetchall()
    return web.Response(
        body=b'{"users":[' + b",".join([row[0].encode() for row in rows]) + b"]}", content_type="application/json"
    )


def _unsealed(
    page: rosters.Picked,
    entity: entities.Entity,
    sealer: seal.Sealer,
    stamps: dict[bytes, bytes],
) -> list[bytes]:
    """The records without what is sealed."""
    pairs = zip(page.changed, page.documents, strict=True)
    return [b'{"dateLastModified":"' + stamps[revision] + b'",' + text[1:] for revision, text in pairs]


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
