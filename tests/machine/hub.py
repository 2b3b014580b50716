"""A real hub for the machine: database, archive, worker, and the API on a socket; a tenant for each example.

A worker can be struck: a trap in the database ends the load's connection, or the one that publishes or ends the job,
at the moment it gets to a given place. Or it hangs, its lease runs out, and another takes the job from it.
"""

import asyncio
import itertools
import json
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
from aiohttp import web

from api import app as apps
from daemon import config, delivery, work
from oneroster import scopes
from sql import audit, claims, clients, database, decisions, jobs, tenants
from sql.database import Pool
from tests.machine.records import COLLECTIONS

BASE = "/ims/oneroster/rostering/v1p2"
RESOURCES = "/ims/oneroster/resources/v1p2"
LOCK = 1919906418
"""The class of the advisory lock that a load holds on its tenant (sql/revisions.sql)."""

POINTS = ("stage", "check", "diff", "apply", "commit", "settle", "published", "finish")
"""Where a worker can be struck: at the marks of a load, in its last statement, in publishing, in ending the job."""

TRAP = f"""
CREATE TABLE trap (point text NOT NULL);
CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE reached text := tg_argv[0];
BEGIN
    IF reached = 'mark' THEN
        reached := CASE WHEN NEW.state NOT IN ('loading', 'received') THEN 'finish'
                        WHEN NEW.phase = 'publish' THEN 'settle' ELSE NEW.phase END;
    END IF;
    IF EXISTS (SELECT FROM trap WHERE point = reached) THEN
        IF reached IN ('published', 'settle', 'finish') THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
        ELSE
            PERFORM pg_terminate_backend(pid, 5000) FROM pg_locks
              WHERE locktype = 'advisory' AND classid = {LOCK} AND objid = NEW.tenant_id AND granted;
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER trap AFTER UPDATE ON jobs FOR EACH ROW
  WHEN (NEW.phase IS DISTINCT FROM OLD.phase OR NEW.state <> OLD.state) EXECUTE FUNCTION spring('mark');
CREATE TRIGGER trap AFTER UPDATE ON revisions FOR EACH ROW EXECUTE FUNCTION spring('published');
"""

Seen = dict[str, dict[str, tuple[dict[str, Any], str]]]
"""Of each record by id by collection: its JSON without date, and the date."""


class Hub:
    """The hub, and the tenant that an example has."""

    def __init__(self, pool: Pool, conninfo: str, folder: Path, own: psycopg.AsyncConnection[Any]) -> None:
        self.pool, self.conninfo, self.folder = pool, conninfo, folder
        self.settings = config.load(None, folder / "state", {})
        self.tenant: tenants.Tenant
        self._own = own
        self._names = itertools.count(1)
        self._session: aiohttp.ClientSession
        self._origin = ""
        self._token = ""
        self.crashes = 0
        """Workers that were struck, were never heard of again, or hung until another had their job."""
        self.worker = self._new_worker()

    def _new_worker(self) -> work.Worker:
        return work.Worker(self.settings, self.pool, f"worker-{next(self._names)}")

    async def begin(self) -> None:
        """A tenant, and a client of it with its token."""
        number = next(self._names)
        async with database.hub(self.pool, "admin") as conn:
            self.tenant = await tenants.add(
                conn, f"board-{number}", f"Board {number}", "auto", self.worker.master, audit.SYSTEM
            )
            who, secret = await clients.add(
                conn, self.tenant.id, "machine", scopes.ALL, self.worker.master, audit.SYSTEM
            )
            await clients.change(conn, await clients.by_id(conn, who), audit.SYSTEM, rate=0)
        form = {"grant_type": "client_credentials", "client_id": who, "client_secret": secret}
        async with self._session.post(f"{self._origin}/token", data=form) as response:
            self._token = (await response.json())["access_token"]

    async def deliver(self, bundle: Path, name: str) -> uuid.UUID:
        """A bundle comes to the door."""
        return await delivery.deliver(
            self.pool, self.worker.master, self.settings.state, self.tenant,
            inbox=None, via="hand", bundle=name, source=bundle, actor=audit.SYSTEM,
        )  # fmt: skip

    async def work(self) -> None:
        """All there is to do."""
        while await self.worker.turn(self.conninfo):
            pass

    async def work_struck(self, point: str, times: int) -> None:
        """The same, but the first workers are struck at that point, if they get there."""
        for _ in range(times):
            await self._own.execute("INSERT INTO trap VALUES (%s)", [point])
            try:
                await self.work()
            except database.OUTAGE:
                self.crashes += 1
            await self._own.execute("DELETE FROM trap")
            await self._own.execute("UPDATE jobs SET not_before = NULL WHERE not_before IS NOT NULL")
            self.worker = self._new_worker()
        await self.work()

    async def work_abandoned(self) -> None:
        """A worker took the job and was never heard of again."""
        async with database.hub(self.pool, "ingest") as conn:
            await claims.claim(conn, "gone")
        self.crashes += 1
        await self._run_out()
        self.worker = self._new_worker()
        await self.work()

    async def work_hung(self) -> None:
        """A worker hangs in the midst of its load, another takes the job, and then the first one goes on."""
        async with self._own.transaction():
            await self._own.execute("LOCK TABLE totals IN ACCESS EXCLUSIVE MODE")
            hung = asyncio.create_task(self.worker.turn(self.conninfo))
            if await self._waits(hung, "relation"):
                await self._run_out()
                self.worker = self._new_worker()
                other = asyncio.create_task(self.worker.turn(self.conninfo))
                assert await self._waits(other, "advisory")
                self.crashes += 1
            else:
                other = hung
        await asyncio.gather(hung, other)
        await self.work()

    async def _waits(self, task: "asyncio.Task[bool]", kind: str) -> bool:
        """Whether the task comes to wait for a lock of that kind, rather than to its end."""
        while not task.done():
            cursor = await self._own.execute(
                "SELECT FROM pg_locks WHERE locktype = %s AND NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", [kind]
            )  # fmt: skip
            if await cursor.fetchone() is not None:
                return True
            await asyncio.sleep(0.005)
        return False

    async def _run_out(self) -> None:
        async with database.hub(self.pool, "owner") as conn:
            await conn.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE state = 'loading'")

    async def approve(self, job: jobs.Job, confirm: int | None) -> None:
        async with database.hub(self.pool, "operator") as conn:
            await decisions.approve(conn, job, confirm, "meant", audit.SYSTEM)

    async def reject(self, job: jobs.Job) -> None:
        async with database.hub(self.pool, "operator") as conn:
            await decisions.reject(conn, job, "not meant", audit.SYSTEM)

    async def retry(self, job: jobs.Job) -> None:
        async with database.hub(self.pool, "operator") as conn:
            await jobs.retry(conn, job)

    async def roll_back(self, job: jobs.Job, *, cascade: bool) -> uuid.UUID:
        async with database.hub(self.pool, "operator") as conn:
            return await decisions.roll_back(conn, job, "wrong", audit.SYSTEM, cascade=cascade)

    async def all_jobs(self) -> list[jobs.Job]:
        """The tenant's jobs, oldest first."""
        async with database.hub(self.pool, "viewer", read_only=True) as conn:
            return (await jobs.page(conn, tenant=self.tenant.code, limit=1000))[::-1]

    async def problems(self, job: jobs.Job) -> list[jobs.Fault]:
        async with database.hub(self.pool, "viewer", read_only=True) as conn:
            return await jobs.problems(conn, job.tenant_id, job.id)

    async def counts(self, job: jobs.Job) -> list[jobs.Count]:
        async with database.hub(self.pool, "viewer", read_only=True) as conn:
            return await jobs.counts(conn, job.tenant_id, job.id)

    async def everything(self, limit: int) -> Seen:
        """All that the API shows, page by page."""
        return {name: await self._walk(name, limit) for name in COLLECTIONS}

    async def _walk(self, name: str, limit: int) -> dict[str, tuple[dict[str, Any], str]]:
        found: dict[str, tuple[dict[str, Any], str]] = {}
        address: str | None = f"{self._origin}{BASE}/{name}?limit={limit}"
        total = 0
        while address is not None:
            async with self._session.get(address, headers={"Authorization": f"Bearer {self._token}"}) as response:
                text = await response.text()
                assert response.status == 200, text
                total = int(response.headers["X-Total-Count"])
                following = response.links.get("next")
                address = None if following is None else str(following["url"])
            (page,) = json.loads(text.replace(self._origin + BASE, "").replace(self._origin + RESOURCES, "")).values()
            for record in page:
                assert record["sourcedId"] not in found
                found[record["sourcedId"]] = (record, record.pop("dateLastModified"))
        assert list(found) == sorted(found)
        assert total == len(found)
        return found


@asynccontextmanager
async def running(conninfo: str, folder: Path) -> AsyncIterator[Hub]:
    """A hub whose API answers."""
    async with (
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as own,
        database.open_pool(conninfo) as pool,
        aiohttp.ClientSession() as session,
    ):
        await own.execute(TRAP)
        hub = Hub(pool, conninfo, folder, own)
        app: web.Application = apps.make_app(pool, hub.worker.master, public_url=None, build="b1")
        stop, up = asyncio.Event(), asyncio.Event()
        sock = socket.create_server(("127.0.0.1", 0))
        serving = asyncio.create_task(apps.serve(app, [sock], stop, ready=up.set))
        await up.wait()
        host, port = sock.getsockname()
        hub._origin, hub._session = f"http://{host}:{port}", session
        yield hub
        stop.set()
        await serving
