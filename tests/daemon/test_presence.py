"""API processes as others know them: what a kill may have lost is told by the next one that starts, nothing else."""

import asyncio
import contextlib
import datetime
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psycopg

from daemon import child, config, web
from daemon.presence import Presence
from sql.database import Pool

ROLE = """
import asyncio, socket, sys
from pathlib import Path
from daemon import child, config, web

async def serve():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(15, stop.set)
    sock = socket.create_server(("127.0.0.1", 0))
    said = lambda: print(sock.getsockname()[1], flush=True)
    place = child.Place("api", sys.argv[2], sys.argv[3], {"api": sock}, stop, said)
    await web.serve(config.Settings(state=Path(sys.argv[1])), place)

asyncio.run(serve())
"""


@contextlib.contextmanager
def serving(state: Path, conninfo: str, name: str = "api-0") -> Iterator[tuple[subprocess.Popen[str], int]]:
    """An API process of its own, and its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", ROLE, str(state), name, conninfo], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        with process.stdout:
            yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def gaps(conninfo: str) -> list[tuple[str, dict[str, str], bool]]:
    with psycopg.connect(conninfo) as conn:
        return conn.execute("SELECT target, detail, ok FROM audit WHERE action = 'audit.gap' ORDER BY id").fetchall()


def names(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo) as conn:
        return [name for (name,) in conn.execute("SELECT name FROM processes WHERE role = 'api'").fetchall()]


def known(conninfo: str, count: int) -> None:
    """Wait until so many have shown that they live."""
    end = time.monotonic() + 15
    while len(names(conninfo)) != count:
        assert time.monotonic() < end, names(conninfo)
        time.sleep(0.05)


def told(conninfo: str, *places: str) -> None:
    """Wait until gaps of processes at these places are told, and see that there are no others."""
    end = time.monotonic() + 15
    while len(gaps(conninfo)) < len(places):
        assert time.monotonic() < end, gaps(conninfo)
        time.sleep(0.05)
    assert [target.split("/")[2] for target, _, _ in gaps(conninfo)] == list(places)


def read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(b"GET /ims/oneroster/rostering/v1p2/users HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
        assert sock.makefile("rb").read().startswith(b"HTTP/1.1 401")


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def test_a_killed_process_leaves_a_gap_that_the_next_one_tells(conninfo: str, tmp_path: Path) -> None:
    with serving(tmp_path, conninfo) as (process, port):
        known(conninfo, 1)
        read(port)
        time.sleep(1.5)
        (killed,) = names(conninfo)
        at = datetime.datetime.now(datetime.UTC)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert gaps(conninfo) == []
        with serving(tmp_path, conninfo) as (successor, _):
            told(conninfo, "api-0")
            ((target, detail, ok),) = gaps(conninfo)
            assert (target, ok) == (killed, False)
            assert at - datetime.timedelta(seconds=2.5) < moment(detail["from"]) <= at <= moment(detail["to"])
            assert killed not in names(conninfo)
            known(conninfo, 1)
            successor.terminate()
            assert successor.wait(15) == 0
    with serving(tmp_path, conninfo):
        known(conninfo, 1)
        told(conninfo, "api-0")  # once and for all


def test_an_orderly_end_leaves_none_and_all_that_was_done_is_written(conninfo: str, tmp_path: Path) -> None:
    for _ in range(2):
        with serving(tmp_path, conninfo) as (process, port):
            known(conninfo, 1)
            read(port)
            process.terminate()
            assert process.wait(15) == 0
        assert names(conninfo) == []
    assert gaps(conninfo) == []
    with psycopg.connect(conninfo) as conn:
        assert conn.execute("SELECT count(*) FROM audit WHERE action = 'api.read users'").fetchone() == (2,)
    assert list((tmp_path / "run").iterdir()) == []


def test_of_several_only_the_killed_are_told(conninfo: str, tmp_path: Path) -> None:
    with serving(tmp_path, conninfo, "api-0") as (first, _), serving(tmp_path, conninfo, "api-1") as (second, _):
        known(conninfo, 2)
        second.kill()
        second.wait()
        with serving(tmp_path, conninfo, "api-1"):
            told(conninfo, "api-1")
            known(conninfo, 2)
            first.kill()
            first.wait()
            with serving(tmp_path, conninfo, "api-2"):
                told(conninfo, "api-1", "api-0")
                known(conninfo, 2)


async def test_one_that_was_killed_before_its_first_sign_of_life_is_told(pool: Pool, conninfo: str, tmp_path: Path):
    early = Presence(pool, tmp_path, "api-0")
    early.close()  # as the kernel does for the killed
    late = Presence(pool, tmp_path, "api-0")
    await late.settle()
    await late.settle()
    ((target, _, _),) = gaps(conninfo)
    assert target == early.name
    await late.end()
    late.close()


async def test_a_hub_beside_it_on_the_same_database_is_none_of_its_own(pool: Pool, conninfo: str, tmp_path: Path):
    other = Presence(pool, tmp_path / "other", "api-0")
    await other.beat(lambda: 0.0)
    other.close()
    ours = Presence(pool, tmp_path / "ours", "api-0")
    await ours.settle()
    assert gaps(conninfo) == []
    ours.close()


async def test_what_could_not_be_written_at_the_end_is_a_gap(conninfo: str, tmp_path: Path):
    """The database refuses the last batch: the process must not leave as if all were well."""
    sock = socket.create_server(("127.0.0.1", 0))
    ready, stop = asyncio.Event(), asyncio.Event()
    place = child.Place("api", "api-0", conninfo, {"api": sock}, stop, ready.set)
    role = asyncio.create_task(web.serve(config.Settings(state=tmp_path), place))
    await ready.wait()
    await asyncio.to_thread(known, conninfo, 1)
    with psycopg.connect(conninfo) as conn, psycopg.connect(conninfo, autocommit=True) as other:
        conn.execute("LOCK TABLE audit IN EXCLUSIVE MODE")
        address = f"http://127.0.0.1:{sock.getsockname()[1]}/ims/oneroster/rostering/v1p2/users"
        async with aiohttp.ClientSession() as session, session.get(address) as response:
            assert response.status == 401
        stop.set()
        while not role.done():
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND query LIKE '%INSERT INTO audit%' AND pid <> pg_backend_pid()"
            )
            await asyncio.sleep(0.1)
        await role
    assert len(names(conninfo)) == 1
    with serving(tmp_path, conninfo):
        await asyncio.to_thread(told, conninfo, "api-0")
