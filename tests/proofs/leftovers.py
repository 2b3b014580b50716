"""S2: pooled connections carry nothing over. Two tenants share four connections, and much goes wrong on the way.

The API runs in our process, over a pool as the daemon opens it, so that at each check-in we can ask the connection
itself for its role and its tenant. aiohttp lets a handler go on whose client has hung up, so that hang-ups alone would
cancel nothing: before the service stands one that cancels the handler after so many milliseconds as the request says.
Besides, somebody cancels statements and ends backends. Only what the service itself answered is counted.
"""

import asyncio
import contextlib
import logging
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import structlog
from aiohttp import web

from api import app as service
from api.status import Handler
from sql import database as pools
from sql import server
from sql.database import Connection
from tests.proofs.standing import database, standing
from tests.proofs.twins import Twins
from tests.proofs.verdict import Report, Verdict, judged
from tests.proofs.wire import Wire
from tests.story.bundles import write
from tests.story.hub import Hub

REQUESTS = {"short": 2000, "full": 10_000}
CONNECTIONS = 4
CLIENTS = 12
BASE = "/ims/oneroster/rostering/v1p2"
CANCELLED = 499
STUDENTS = 200


class Probe:
    """Looks at each connection that comes back to the pool."""

    def __init__(self) -> None:
        self.looks = 0
        self.left: list[str] = []
        self.backends: set[int] = set()

    async def look(self, conn: Connection) -> None:
        """The pool calls this when it has ended what transaction there was."""
        self.backends.add(conn.info.backend_pid)
        cursor = await conn.execute(
            "SELECT current_setting('role'), coalesce(current_setting('rosterhub.tenant', true), ''),"
            " current_user = session_user, current_setting('statement_timeout')"
        )
        found = await cursor.fetchone()
        self.looks += 1
        if found != ("none", "", True, "0"):
            self.left.append(f"left on a connection: {found}")


@web.middleware
async def cancels(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Cancel the handler after the time that the request says."""
    after = request.headers.get("X-Cancel-After")
    if after is None:
        return await handler(request)
    handling = asyncio.ensure_future(handler(request))
    await asyncio.wait([handling], timeout=float(after))
    handling.cancel()
    try:
        return await handling
    except asyncio.CancelledError:
        return web.Response(status=CANCELLED)


@contextlib.contextmanager
def _served(hub: Hub, probe: Probe) -> Iterator[str]:
    """The service on a socket of its own, in a thread; where it is."""
    running = server.running(hub.state / "pg")
    assert running is not None
    master = (hub.state / "keys" / "master.key").read_bytes()
    sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with pools.open_pool(running.conninfo, size=CONNECTIONS, patience=3.0) as pool:
            pool._reset = probe.look  # what `reset=` sets
            made = service.make_app(pool, master, public_url=None, build="proof")
            made.middlewares.insert(0, cancels)
            await service.serve(made, [sock], stop, ready=ready.set)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="service")
    thread.start()
    try:
        assert ready.wait(30)
        yield "{}:{}".format(*sock.getsockname())
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        sock.close()


@contextlib.contextmanager
def _sabotage(hub: Hub, probe: Probe, chance: random.Random) -> Iterator[Counter[str]]:
    """Meanwhile statements are cancelled and backends ended, of that pool alone; how often."""
    done, over = Counter[str](), threading.Event()

    def work() -> None:
        with database(hub) as conn:
            while not over.wait(0.02):
                if not probe.backends:
                    continue
                deed = "ended" if chance.random() < 0.1 else "cancelled"
                call = "pg_terminate_backend" if deed == "ended" else "pg_cancel_backend"
                found = conn.execute(
                    f"SELECT {call}(pid) FROM pg_stat_activity WHERE state <> 'idle' AND pid = ANY (%s) LIMIT 1",
                    [list(probe.backends)],
                ).fetchall()
                done[deed] += len(found)

    thread = threading.Thread(target=work, name="sabotage")
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()


class Client:
    """Asks as both tenants in turn, well and badly."""

    def __init__(self, place: str, tokens: dict[str, str], chance: random.Random, mark: str) -> None:
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.amiss: list[str] = []
        self._place, self._chance = place, chance
        self._wires = {code: Wire(place, token) for code, token in tokens.items()}
        self._tokens = tokens
        self._foreign = {"ours": mark.encode(), "theirs": b'"ours"'}

    def ask(self, count: int) -> None:
        """Until so many are answered."""
        while self.statuses.total() < count:
            self._once()
        for wire in self._wires.values():
            wire.close()

    def _once(self) -> None:
        chance = self._chance
        code = chance.choice(("ours", "theirs"))
        target, dice = self._target(), chance.random()
        if dice < 0.15:
            self._hang_up(code, target)
            return
        headers = {"X-Cancel-After": f"{chance.expovariate(200):.4f}"} if dice < 0.4 else {}
        answer = self._wires[code].ask(target, headers)
        if answer.status == CANCELLED:
            self.counts["cancelled"] += 1
            return
        self.statuses[answer.status] += 1
        if self._foreign[code] in answer.body:
            self.amiss.append(f"{target} as {code}: foreign rows")
            self.counts["foreign"] += 1
        if answer.status == 200:
            self.counts["own"] += answer.body.count(self._foreign["theirs" if code == "ours" else "ours"])
        elif answer.status not in (400, 404, 503):
            self.amiss.append(f"{target}: {answer.status}")

    def _target(self) -> str:
        """What has not been asked before, so that it is not in memory; some of it wrong."""
        chance = self._chance
        number = chance.randrange(10**9)
        clauses = (
            ("/users", f"username!='{number}'"),
            ("/enrollments", f"role!='{number}'"),
            ("/demographics", f"birthDate!='2000-01-{number % 28 + 1:02d}' AND sex!='{number}'"),
            ("/users", f"email~'{number}'"),
            ("/classes/c-000/students", f"username!='{number}'"),
            ("/users", f"unknown='{number}'"),
            ("/users", f"dateLastModified>'{number}'"),
        )
        if chance.random() < 0.3:
            person = chance.choice((f"st-{chance.randrange(STUDENTS):05d}", f"nobody-{number}"))
            return f"{BASE}/users/{person}?fields=sourcedId,metadata&n={number}"
        path, clause = chance.choice(clauses)
        return f"{BASE}{path}?limit={chance.randint(1, 200)}&filter={quote(clause)}"

    def _hang_up(self, code: str, target: str) -> None:
        """Send, and leave a moment later, with an end or a reset."""
        host, _, port = self._place.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=30) as sock:
            bearer = f"Authorization: Bearer {self._tokens[code]}"
            sock.sendall(f"GET {target} HTTP/1.1\r\nHost: {self._place}\r\n{bearer}\r\n\r\n".encode())
            time.sleep(self._chance.expovariate(200))
            if self._chance.random() < 0.5:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.counts["hung up"] += 1


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """From a dozen clients at once; in the end each connection that lives is looked at once more by use."""
    # The service tells of each statement that we cancel; here nobody wants to hear it.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    chance = random.Random(seed)
    made = Twins(STUDENTS, chance)
    probe = Probe()
    with standing(folder) as hub:
        tokens = {}
        for code, files in (("ours", made.ours), ("theirs", made.theirs)):
            hub.tenant(code)
            bundle = write(folder / f"{code}.zip", files)
            assert hub.shown("ingest", code, str(bundle), "--wait")["state"] == "applied"
            tokens[code] = hub.client(code).token
        with _served(hub, probe) as place, ThreadPoolExecutor(CLIENTS) as threads:
            clients = [Client(place, tokens, random.Random(seed + one), made.mark) for one in range(CLIENTS)]
            with _sabotage(hub, probe, chance) as sabotage:
                list(threads.map(lambda one: one.ask(-(-REQUESTS[scale] // CLIENTS)), clients))
            report(f"{probe.looks} check-ins on {len(probe.backends)} backends, {dict(sabotage)}")
    counts = sum((one.counts for one in clients), Counter[str]())
    statuses = sum((one.statuses for one in clients), Counter[int]())
    amiss = probe.left + [text for one in clients for text in one.amiss]
    said = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    figures = (
        f"{statuses.total()} requests answered ({said}) over {CONNECTIONS} connections, besides {counts['cancelled']}"
        f" handlers cancelled, {counts['hung up']} clients that hung up, {sabotage['cancelled']} statements cancelled"
        f" and {sabotage['ended']} backends ended: {counts['foreign']} foreign rows among {counts['own']};"
        f" {probe.looks} check-ins, {len(probe.left)} with a role or a tenant left"
    )
    good = not amiss and counts["cancelled"] > 0 and sabotage["ended"] > 0 and probe.looks >= REQUESTS[scale]
    return judged(good, figures, amiss[:20])
