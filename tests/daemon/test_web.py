"""The role `api` as a whole: it answers on its sockets, shows that it lives, and leaves without a trace."""

import asyncio
import socket
from pathlib import Path

import aiohttp

from api import app as apps
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


async def test_who_has_just_been_let_in_is_heard_at_the_end(pool: database.Pool):
    service = apps.make_app(pool, bytes(32), public_url=None, build="b1")
    up, stop = asyncio.Event(), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        role = asyncio.create_task(apps.serve(service, [sock], stop, ready=up.set))
        await up.wait()
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        await asyncio.sleep(0.1)  # until it is taken up
        stop.set()
        await asyncio.sleep(0.1)
        writer.write(b"GET /docs HTTP/1.1\r\nHost: hub\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await asyncio.wait_for(role, 5)


async def test_who_says_nothing_keeps_nobody_waiting(pool: database.Pool):
    service = apps.make_app(pool, bytes(32), public_url=None, build="b1")
    up, stop = asyncio.Event(), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        role = asyncio.create_task(apps.serve(service, [sock], stop, ready=up.set))
        await up.wait()
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        await asyncio.sleep(0.1)
        stop.set()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await asyncio.wait_for(role, 5)


async def alive(pool: database.Pool) -> list[str]:
    async with database.hub(pool, "viewer") as conn:
        return [one.name for one in await processes.alive(conn)]


def test_the_build_stays_the_same_for_the_same_code():
    assert web.build() == web.build()
    assert len(web.build()) == 8
