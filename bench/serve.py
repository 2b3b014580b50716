"""The API against what aiohttp itself costs: pages and records cold, kept and unchanged, as ratios in one run.

One API process, everything on: tokens, row security, audit, sealed members opened. The load comes from another process.
"""

import contextlib
import http.client
import itertools
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from bench import bundles, load, rungs, service, wire
from bench.hub import Hub
from bench.service import BASE
from bench.wire import Figures, Task
from oneroster import profiles, sample
from sql import server

PAGE = 100
SECONDS = 3.0
CONNECTIONS = (1, 10, 100)
CLIENTS = 5
"""So many, as one may not have 100 requests under way."""
LADDER_AT = 10
"""Connections at which the service is also measured without its parts."""

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
            _copy(running.conninfo)
            for number in range(1, rounds + 1):
                print(f"round {number}")
                turn(folder, running.conninfo)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def turn(folder: Path, conninfo: str) -> None:
    """Every kind of answer once, beside the two constants."""
    ids = _ids(conninfo)
    clients = [service.client(conninfo, folder) for _ in range(CLIENTS)]
    with contextlib.ExitStack() as stack:
        warm = stack.enter_context(service.running(folder, conninfo, 64)).port
        cold = stack.enter_context(service.running(folder, conninfo, 0)).port
        tokens = [service.token(warm, *one) for one in clients]
        tag, size = _look(warm, tokens[0])
        plain = stack.enter_context(_plain(size))
        pages = [f"{BASE}/users?limit={PAGE}&offset={at}" for at in range(0, len(ids) - PAGE, PAGE)]
        records = [f"{BASE}/users/{urllib.parse.quote(one)}" for one in ids[:500]]
        for connections in CONNECTIONS:
            print(f"  {connections} connections{'answers/s':>23}{'p50':>9}{'p95':>9}{'p99 ms':>9}   of constant")

            def take(
                name: str, port: int, paths: Sequence[str], floor: float = 0, at: int = connections, **headers: str
            ) -> float:
                given = _requests(port, paths, tokens if port != plain else [""], **headers)
                found = wire.run(Task("127.0.0.1", port, given, at, SECONDS))
                _show(name, found, floor, TARGETS.get(name) if at == 10 else None)
                return found.rate

            hello = take("hello", plain, ["/hello"])
            constant = take(f"constant of {size:,} B", plain, ["/constant"])
            take("cold page", cold, pages, constant)
            if connections == LADDER_AT:
                for rung in rungs.RUNGS:
                    with _rung(folder, conninfo, rung, clients[0][0]) as port:
                        take(f"  {rung}", port, pages, constant)
            take("kept page", warm, pages[:50], constant)
            take("kept page by zstd", warm, pages[:50], constant, **{"Accept-Encoding": "zstd"})
            take("cold page by zstd", cold, pages, constant, **{"Accept-Encoding": "zstd"})
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


def _requests(port: int, paths: Sequence[str], tokens: Sequence[str], **headers: str) -> list[str]:
    """The paths as they are asked for by one client after the other."""
    return [
        service.request(port, path, token, **headers)
        for path, token in zip(paths, itertools.cycle(tokens), strict=False)
    ]


def _ids(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo) as conn:
        conn.execute("SET LOCAL ROLE rosterhub_owner; SET LOCAL rosterhub.tenant = '1'")
        return [row[0] for row in conn.execute("SELECT sourced_id FROM users_t1 ORDER BY sourced_id")]


def _look(port: int, token: str) -> tuple[str, int]:
    """The ETag of a page and its size."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    conn.request("GET", f"{BASE}/users?limit={PAGE}", headers={"Authorization": f"Bearer {token}"})
    answer = conn.getresponse()
    return answer.headers["ETag"], len(answer.read())


@contextlib.contextmanager
def _rung(folder: Path, conninfo: str, rung: str, who: str) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.rungs", str(folder / "state"), conninfo, rung, who]
    with _answering(command) as port:
        yield port


def _copy(conninfo: str) -> None:
    """The documents in a table without row security, numbered in the order of the pages."""
    with psycopg.connect(conninfo) as conn:
        conn.execute("SET LOCAL ROLE rosterhub_owner; SET LOCAL rosterhub.tenant = '1'")
        conn.execute(
            f"CREATE TABLE {rungs.TABLE} AS"
            " SELECT row_number() OVER (ORDER BY sourced_id) - 1 AS place, document FROM users_t1"
        )
        conn.execute(f"CREATE UNIQUE INDEX ON {rungs.TABLE} (place)")
        conn.execute(f"GRANT SELECT ON {rungs.TABLE} TO PUBLIC")


@contextlib.contextmanager
def _plain(size: int) -> Iterator[int]:
    with _answering([sys.executable, "-m", "bench.plain", str(size)]) as port:
        yield port


@contextlib.contextmanager
def _answering(command: Sequence[str]) -> Iterator[int]:
    """A process that prints its port and answers there until its input ends."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
