"""The role `api` as a whole: it answers on its sockets, shows that it lives, and leaves without a trace."""

import asyncio
import socket
from pathlib import Path

import aiohttp

from daemon import child, config, web
from sql import database, processes


async def test_the_role_answers_beats_and_leaves(conninfo: str, pool: database.Pool, tmp_path: Path):
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in ("api", "health")}
    ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    ready, stop = asyncio.Event(), asyncio.Event()
    place = child.Place("api", "api-0", conninfo, sockets, stop, ready.set)
    role = asyncio.create_task(web.serve(config.Settings(state=tmp_path), place))
    await ready.wait()
    async with aiohttp.ClientSession() as session:
        for address, status in {
            f"http://127.0.0.1:{ports['health']}/healthz": 200,
            f"http://127.0.0.1:{ports['health']}/readyz": 200,
            f"http://127.0.0.1:{ports['api']}/readyz": 200,
            f"http://127.0.0.1:{ports['api']}/ims/oneroster/rostering/v1p2/users": 401,
        }.items():
            async with session.get(address) as response:
                assert response.status == status, address
    assert await alive(pool) == ["api-0"]
    assert (tmp_path / "keys" / "master.key").stat().st_mode & 0o777 == 0o600
    stop.set()
    await asyncio.wait_for(role, 5)
    assert await alive(pool) == []


async def alive(pool: database.Pool) -> list[str]:
    async with database.hub(pool, "viewer") as conn:
        return [one.name for one in await processes.alive(conn)]


def test_the_build_stays_the_same_for_the_same_code():
    assert web.build() == web.build()
    assert len(web.build()) == 8
