"""The API against what aiohttp itself costs: pages and records cold, kept and unchanged, as ratios in one run.

One API process, everything on: tokens, row security, audit, sealed members opened. The load comes from another process.
"""

import asyncio
import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from bench import bundles, load, wire
from bench.hub import Hub
from bench.wire import Figures, Task
from oneroster import profiles, sample
from sql import audit, clients, database, seal, server, tenants

BASE = "/ims/oneroster/rostering/v1p2"
PAGE = 100
SECONDS = 3.0
CONNECTIONS = (1, 10, 100)

TARGETS = {"cold page": 0.06, "kept page": 0.85, "page unchanged": 0.9, "cold record": 0.05, "kept record": 0.25}
"""At 10 connections: pages in parts of a constant body of their size, what is unchanged and records of `hello`."""


def measure(users: int, rounds: int, programs: Path | None) -> None:
    """Print settings, each round, and the ratios of the last."""
    folder = Path(tempfile.mkdtemp(prefix="rosterhub-serve-"))
    folder.chmod(0o711)
    try:
        bundle = folder / sample.bundle_name(users, day=bundles.DAY)
        sample.write_sample(bundle, users, profile=profiles.BY_NAME["jp-1.2.1"])
        with server.using(folder / "pg", binaries=programs) as running:
            load.show_settings(running.conninfo)
            hub = Hub(folder, running)
            job = hub.load(bundle).job
            print(f"{job.rows['users']:,} users, {job.rows['enrollments']:,} enrollments")
            for number in range(1, rounds + 1):
                print(f"round {number}")
                turn(folder, running.conninfo)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def turn(folder: Path, conninfo: str) -> None:
    """Every kind of answer once, beside the two constants."""
    ids = _ids(conninfo)
    who, secret = asyncio.run(_client(conninfo, folder))
    with contextlib.ExitStack() as stack:
        warm = stack.enter_context(_service(folder, conninfo, 64))
        cold = stack.enter_context(_service(folder, conninfo, 0))
        token, tag, size = _look(warm, who, secret)
        plain = stack.enter_context(_plain(size))
        pages = [f"{BASE}/users?limit={PAGE}&offset={at}" for at in range(0, len(ids) - PAGE, PAGE)]
        records = [f"{BASE}/users/{urllib.parse.quote(one)}" for one in ids[:500]]
        for connections in CONNECTIONS:
            print(f"  {connections} connections{'answers/s':>23}{'p50':>9}{'p95':>9}{'p99 ms':>9}   of constant")

            def take(
                name: str, port: int, paths: Sequence[str], floor: float = 0, at: int = connections, **headers: str
            ) -> float:
                given = _requests(port, paths, token if port != plain else "", **headers)
                found = wire.run(Task("127.0.0.1", port, given, at, SECONDS))
                _show(name, found, floor, TARGETS.get(name) if at == 10 else None)
                return found.rate

            hello = take("hello", plain, ["/hello"])
            constant = take(f"constant of {size:,} B", plain, ["/constant"])
            take("cold page", cold, pages, constant)
            take("kept page", warm, pages[:50], constant)
            take("page unchanged", warm, pages[:1], hello, **{"If-None-Match": tag})
            take("cold record", cold, records, hello)
            take("kept record", warm, records[:100], hello)


def _show(name: str, found: Figures, floor: float, target: float | None) -> None:
    share = f"{found.rate / floor:9.3f}" if floor else ""
    wanted = f" (target {target})" if target else ""
    other = {status: count for status, count in found.statuses.items() if status not in ("200", "304")}
    print(
        f"    {name:24}{found.rate:10,.0f}{found.p50:9.2f}{found.p95:9.2f}{found.p99:9.2f}{share}{wanted}"
        + (f"  {other}" if other else ""),
        flush=True,
    )


def _requests(port: int, paths: Sequence[str], token: str, **headers: str) -> list[str]:
    own = {"Host": f"127.0.0.1:{port}", "Authorization": f"Bearer {token}", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in own.items() if token or name == "Host")
    return [f"GET {path} HTTP/1.1\r\n{lines}\r\n" for path in paths]


def _ids(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo) as conn:
        conn.execute("SET LOCAL ROLE rosterhub_owner; SET LOCAL rosterhub.tenant = '1'")
        return [row[0] for row in conn.execute("SELECT sourced_id FROM users_t1 ORDER BY sourced_id")]


async def _client(conninfo: str, folder: Path) -> tuple[str, str]:
    master = seal.master_key(folder / "state" / "keys" / "master.key")
    async with database.open_pool(conninfo, size=1) as pool, database.hub(pool, "admin") as conn:
        tenant = await tenants.by_code(conn, "bench")
        who, secret = await clients.add(conn, tenant.id, "bench", ["roster.readonly"], master, audit.SYSTEM)
        await clients.change(conn, await clients.by_id(conn, who), audit.SYSTEM, rate=0)
        return who, secret


def _look(port: int, who: str, secret: str) -> tuple[str, str, int]:
    """A token, the ETag of a page and its size."""
    basic = base64.b64encode(f"{who}:{secret}".encode()).decode()
    form = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    conn.request("POST", "/token", "grant_type=client_credentials", form)
    token = json.loads(conn.getresponse().read())["access_token"]
    conn.request("GET", f"{BASE}/users?limit={PAGE}", headers={"Authorization": f"Bearer {token}"})
    answer = conn.getresponse()
    return token, answer.headers["ETag"], len(answer.read())


@contextlib.contextmanager
def _service(folder: Path, conninfo: str, cache: int) -> Iterator[int]:
    """An API process of its own tree; its port."""
    port = _free_port()
    config = folder / f"{port}.toml"
    config.write_text(f'[api]\nlisten = "127.0.0.1:{port}"\ncache = {cache}\n[health]\nlisten = "127.0.0.1:0"\n')
    state = folder / f"state-{port}"  # of its own, with the hub's keys: two trees may not share one
    shutil.copytree(folder / "state" / "keys", state / "keys")
    environ = {**os.environ, "ROSTERHUB_DATABASE_URL": conninfo, "ROSTERHUB_STATE": str(state)}
    command = [sys.executable, "-m", "daemon.cli", "--config", str(config), "run", "--only", "api"]
    with (folder / f"{port}.log").open("wb") as out:
        daemon = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
        try:
            _wait(port)
            yield port
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)


@contextlib.contextmanager
def _plain(size: int) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.plain", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            conn = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            conn.request("GET", "/readyz")
            if conn.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("the API does not come up")
