"""The doors role: all doors of the database, opened and closed as they come and go."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import paramiko
import psycopg
import pytest

from daemon.child import Place
from daemon.config import Doors, Passwords, Settings
from daemon.doors import role
from daemon.passwords import Hasher
from sql import database, processes
from sql.inboxes import Door
from tests.daemon.conftest import MASTER, Site, until, zipped


@pytest.fixture
async def place(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """The role at work, ready."""
    monkeypatch.setattr(role, "REFRESH", 0.2)
    (site.state / "keys").mkdir(parents=True)
    (site.state / "keys" / "master.key").write_bytes(MASTER)
    ready = asyncio.Event()
    place = Place(
        role="doors",
        name="doors-0",
        conninfo=site.conninfo,
        sockets={"sftp": socket.create_server(("127.0.0.1", 0))},
        stop=asyncio.Event(),
        ready=ready.set,
    )
    settings = Settings(state=site.state, doors=Doors(settle=0.2, scan=0.5))
    serving = asyncio.create_task(role.serve(settings, place))
    await asyncio.wait([serving, asyncio.ensure_future(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
    assert not serving.done()
    yield place
    place.stop.set()
    await asyncio.wait_for(serving, 15)
    async with database.hub(site.pool, "ingest") as conn:
        assert await processes.alive(conn) == []


async def test_the_role_says_that_it_lives_and_where(site: Site, place: Place) -> None:
    port = place.sockets["sftp"].getsockname()[1]

    async def alive() -> bool:
        async with database.hub(site.pool, "ingest") as conn:
            found = [(one.name, one.role, one.detail) for one in await processes.alive(conn)]
        return found == [("doors-0", "doors", f"sftp 127.0.0.1:{port}")]

    await until(alive)


@pytest.mark.parametrize("round", range(12))
async def test_who_is_told_to_leave_while_still_beginning_leaves(site: Site, round: int) -> None:
    """Several times, since it once depended on where the first sign of life stood."""
    (site.state / "keys").mkdir(parents=True)
    (site.state / "keys" / "master.key").write_bytes(MASTER)
    stop = asyncio.Event()
    if round % 2:
        stop.set()
    place = Place(role="doors", name="doors-0", conninfo=site.conninfo, sockets={}, stop=stop, ready=stop.set)
    await asyncio.wait_for(role.serve(Settings(state=site.state), place), 10)
    async with database.hub(site.pool, "ingest") as conn:
        assert await processes.alive(conn) == []


async def test_a_new_inbox_works_at_once_and_a_removed_one_ends(site: Site, place: Place) -> None:
    port = place.sockets["sftp"].getsockname()[1]
    inbox = await site.inbox(Door(kind="sftp", user_name="minato", password_hash=Hasher(Passwords()).hash("password")))

    def put() -> paramiko.Transport:
        transport = paramiko.Transport(socket.create_connection(("127.0.0.1", port)))
        transport.connect(username="minato", password="password")
        client = transport.open_sftp_client()
        assert client is not None
        client.putfo(io.BytesIO(zipped()), "a.zip")
        return transport

    transport = await asyncio.to_thread(put)
    try:
        assert len(await site.jobs()) == 1
        async with await psycopg.AsyncConnection.connect(site.conninfo) as conn:
            await conn.execute("UPDATE inboxes SET removed_at = now() WHERE id = %s", [inbox.id])

        async def ended() -> bool:
            return not transport.is_active()

        await until(ended)
    finally:
        await asyncio.to_thread(transport.close)


async def test_doors_of_all_kinds_stand_side_by_side_and_a_bad_one_harms_no_other(
    site: Site, place: Place, tmp_path: Path
) -> None:
    bad = await site.inbox(
        Door(kind="pull", url="http://not.sftp/", host_key="nonsense", key_file="/nowhere", every_seconds=1)
    )
    (tmp_path / "share").mkdir()
    await site.inbox(Door(kind="drop", path=str(tmp_path / "share")))
    (tmp_path / "share" / "a.zip").write_bytes(zipped())
    await site.arrived()

    async def troubled() -> bool:
        return (await site.look_up(bad.id)).trouble is not None

    await until(troubled)
