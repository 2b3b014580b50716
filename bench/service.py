"""An API process of its own tree beside a hub, and a client of it."""

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
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.hub import descendants
from sql import audit, clients, database, seal, tenants

BASE = "/ims/oneroster/rostering/v1p2"


def client(conninfo: str, folder: Path) -> tuple[str, str]:
    """A new client without a limit: id and secret."""
    return asyncio.run(_client(conninfo, folder))


async def _client(conninfo: str, folder: Path) -> tuple[str, str]:
    master = seal.master_key(folder / "state" / "keys" / "master.key")
    async with database.open_pool(conninfo, size=1) as pool, database.hub(pool, "admin") as conn:
        tenant = await tenants.by_code(conn, "bench")
        who, secret = await clients.add(conn, tenant.id, "bench", ["roster.readonly"], master, audit.SYSTEM)
        await clients.change(conn, await clients.by_id(conn, who), audit.SYSTEM, rate=0)
        return who, secret


def token(port: int, who: str, secret: str) -> str:
    """A token of the client."""
    basic = base64.b64encode(f"{who}:{secret}".encode()).decode()
    form = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    conn.request("POST", "/token", "grant_type=client_credentials", form)
    return str(json.loads(conn.getresponse().read())["access_token"])


def request(port: int, path: str, token: str = "", **headers: str) -> str:
    """A whole request for `wire`."""
    own = {"Host": f"127.0.0.1:{port}", **({"Authorization": f"Bearer {token}"} if token else {}), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n"


class Running(msgspec.Struct, frozen=True):
    """An API process."""

    port: int
    process: int


@contextlib.contextmanager
def running(folder: Path, conninfo: str, cache: int) -> Iterator[Running]:
    """An API process of its own tree; `cache`: MB of answers that it keeps."""
    port = free_port()
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
            (process,) = descendants(daemon.pid)
            yield Running(port, process)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)


def free_port() -> int:
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
