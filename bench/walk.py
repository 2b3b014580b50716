"""Walks through all enrollments, and deltas: against a COPY of the same JSON, and against a page of as many rows.

One API process that keeps nothing in memory, one client that asks for a page at a time.
"""

import hashlib
import http.client
import re
import shutil
import statistics
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
from psycopg.sql import SQL

from bench import bundles, load, service
from bench.hub import Hub
from bench.service import BASE
from oneroster import entities, sample
from sql import documents, server

LIMIT = 10_000
DELTA = 1_000
"""Rows of a page of a delta."""
TIMES = 30
"""Requests of which the median counts."""
PATH = f"{BASE}/enrollments?limit="

_NEXT = re.compile(r'<http://[^/]*(/[^>]*)>; rel="next"')


class Walk(msgspec.Struct, frozen=True):
    """One way through everything."""

    pages: list[float]
    """Seconds of each."""
    records: int
    digest: str
    """Of all records, in order."""

    @property
    def seconds(self) -> float:
        return sum(self.pages)


class Client:
    """One connection."""

    def __init__(self, port: int, token: str) -> None:
        self._conn = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> tuple[bytes, http.client.HTTPMessage, float]:
        """Body, headers and seconds of an answer."""
        began = time.perf_counter()
        self._conn.request("GET", path, headers=self._headers)
        answer = self._conn.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:500]!r}")
        return body, answer.headers, time.perf_counter() - began

    def median(self, path: Callable[[int], str]) -> float:
        """Milliseconds of an answer. `path` gives another address each time, so that nothing is remembered of it."""
        return 1000 * statistics.median(self.get(path(number))[2] for number in range(TIMES))


Way = Callable[[Client], Iterator[tuple[bytes, float]]]


def measure(users: int, rounds: int, programs: Path | None) -> None:
    """Print the walks of each round, a walk that is disturbed, and deltas."""
    folder = Path(tempfile.mkdtemp(prefix="rosterhub-walk-"))
    folder.chmod(0o711)
    try:
        name = sample.bundle_name(users, day=bundles.DAY)
        full, few = folder / "full" / name, folder / "few" / name
        for path, change in ((full, 0.0), (few, 0.1)):
            path.parent.mkdir()
            sample.write_sample(path, users, profile=bundles.PROFILE, change=change)
        with server.using(folder / "pg", binaries=programs) as running:
            load.show_settings(running.conninfo)
            hub = Hub(folder, running)
            print(f"{hub.load(full).job.rows['enrollments']:,} enrollments", flush=True)
            who, secret = service.client(running.conninfo, folder)
            with service.running(folder, running.conninfo, 0) as api:
                client = Client(api.port, service.token(api.port, who, secret))
                for number in range(1, rounds + 1):
                    _turn(client, running.conninfo, number)
                _disturbed(client, hub, few)
                _deltas(client)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _turn(client: Client, conninfo: str, number: int) -> None:
    copied = _copied(conninfo)
    linked, counted = walk(client, _by_next), walk(client, _by_offset)
    if linked.digest != counted.digest:
        raise RuntimeError("the two ways lead to other records")
    slowest = max(linked.pages)
    worst, which = slowest / statistics.median(linked.pages), linked.pages.index(slowest) + 1
    print(
        f"round {number}: COPY {copied:.1f} s; {linked.records:,} by next {linked.seconds:.1f} s"
        f" = {linked.seconds / copied:.2f} x COPY (at most 3), slowest page, number {which}, {worst:.1f} x the median"
        f" (at most 3); by offset {counted.seconds:.1f} s = {counted.seconds / linked.seconds:.2f} x by next"
        " (at most 2)",
        flush=True,
    )


def _copied(conninfo: str) -> float:
    """Seconds of a COPY of the same JSON, but for its date."""
    with psycopg.connect(conninfo) as conn:
        conn.execute("SET LOCAL ROLE rosterhub_api; SET LOCAL rosterhub.tenant = '1'")
        document = documents.document(entities.ENROLLMENTS, "t")
        statement = SQL("COPY (SELECT {} FROM enrollments t WHERE tenant_id = 1) TO STDOUT").format(document)
        began = time.perf_counter()
        with conn.cursor().copy(statement) as rows:
            for _ in rows:
                pass
        return time.perf_counter() - began


def _disturbed(client: Client, hub: Hub, few: Path) -> None:
    """A bundle is applied in the middle of a walk."""
    loaded, before = [], walk(client, _by_next)

    def disturbed(client: Client) -> Iterator[tuple[bytes, float]]:
        for place, page in enumerate(_by_next(client)):
            if place == len(before.pages) // 2:
                loaded.append(hub.load(few).job)
            yield page

    during = walk(client, disturbed)
    said = "the same records" if before.digest == during.digest else "OTHER RECORDS"
    print(f"a bundle with {loaded[0].updated:,} updates applied in the middle of a walk: {said}", flush=True)


def _deltas(client: Client) -> None:
    """What that bundle changed is asked for, and what nothing has changed since."""
    body, _, _ = client.get(f"{PATH}1&sort=dateLastModified&fields=dateLastModified")
    (first,) = msgspec.json.decode(body)["enrollments"]
    clause = urllib.parse.quote(f"dateLastModified>'{first['dateLastModified']}'")
    _, headers, began = client.get(f"{PATH}{DELTA}&filter={clause}")
    delta = client.median(lambda number: f"{PATH}{DELTA}&filter={clause}&n={number}")
    plain = client.median(lambda number: f"{PATH}{DELTA}&n={number}")
    empty = client.median(lambda number: f"{PATH}{DELTA}&filter=dateLastModified%3E'2999-01-01T00:00:{number:02}Z'")
    print(
        f"first {DELTA:,} of {int(headers['X-Total-Count']):,} changed: {delta:.1f} ms = {delta / plain:.2f} x a page"
        f" of as many rows, {plain:.1f} ms (at most 3); the first time, with their number, {1000 * began:.1f} ms;"
        f" an empty poll {empty:.2f} ms",
        flush=True,
    )


def walk(client: Client, way: Way) -> Walk:
    """Every enrollment, but for addresses that begin with the service's own."""
    digest, pages, records = hashlib.blake2b(), [], 0
    for body, seconds in way(client):
        pages.append(seconds)
        digest.update(body[body.index(b"[") + 1 : -2])
        records += body.count(b'"dateLastModified"')
    return Walk(pages, records, digest.hexdigest())


def _by_next(client: Client) -> Iterator[tuple[bytes, float]]:
    path = f"{PATH}{LIMIT}"
    while path:
        body, headers, seconds = client.get(path)
        yield body, seconds
        found = _NEXT.search(headers["Link"])
        path = found[1] if found else ""


def _by_offset(client: Client) -> Iterator[tuple[bytes, float]]:
    offset = total = 0
    while offset <= total:
        body, headers, seconds = client.get(f"{PATH}{LIMIT}&offset={offset}")
        yield body, seconds
        offset, total = offset + LIMIT, int(headers["X-Total-Count"]) - 1
