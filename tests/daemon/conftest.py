"""A hub with one tenant, for what stands around the database: doors, archive, reports."""

import asyncio
import datetime
import io
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon import archive, report
from daemon.doors.take import Hub
from oneroster.problems import Problem
from oneroster.said import Said
from sql import audit, claims, database, inboxes, jobs, tenants
from sql.database import Pool
from sql.inboxes import Door, Inbox
from sql.jobs import Count, Job
from sql.tenants import Tenant

MASTER = bytes(range(32))

FILES = {
    "manifest.csv": b"propertyName,value\r\nmanifest.version,1.0\r\noneroster.version,1.2\r\nfile.orgs,bulk\r\n"
    b"file.users,bulk\r\n",
    "orgs.csv": b"sourcedId,name,type\r\no1,Minato,district\r\n",
    "users.csv": b"sourcedId,givenName\r\nu1,Hanako\r\n",
}


def zipped(files: Mapping[str, bytes] = FILES) -> bytes:
    """A zip of files, as a sender would make it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return stream.getvalue()


class Site:
    """The hub of a test."""

    def __init__(self, pool: Pool, conninfo: str, tenant: Tenant, state: Path) -> None:
        self.pool, self.conninfo, self.tenant, self.state = pool, conninfo, tenant, state
        self.hub = Hub(pool, MASTER, state, settle=0.3, scan=0.3, broken=1.0, listed=0.5)

    async def inbox(self, door: Door) -> Inbox:
        """A new inbox."""
        async with database.hub(self.pool, "admin") as conn:
            number = await inboxes.add(conn, self.tenant.id, door, audit.SYSTEM)
        return await self.look_up(number)

    async def look_up(self, number: int) -> Inbox:
        async with database.hub(self.pool, "ingest") as conn:
            return next(one for one in await inboxes.in_use(conn) if one.id == number)

    async def jobs(self) -> list[Job]:
        """All jobs, oldest first."""
        async with database.hub(self.pool, "ingest") as conn:
            return (await jobs.page(conn))[::-1]

    async def arrived(self, count: int = 1) -> list[Job]:
        """The jobs once there are so many."""
        found: list[Job] = []

        async def enough() -> bool:
            found[:] = await self.jobs()
            return len(found) >= count

        await until(enough)
        assert len(found) == count
        return found

    async def quiet(self, seconds: float = 1.0) -> list[Job]:
        """The jobs after a while in which nothing should happen."""
        await asyncio.sleep(seconds)
        return await self.jobs()

    def content(self, job: Job) -> dict[str, bytes]:
        """The files of the bundle of a job."""
        sealer = self.tenant.sealer(MASTER)
        opened = archive.open(self.state / "archive", self.tenant.id, sealer, job.sha256)
        with opened as stream, zipfile.ZipFile(stream) as bundle:
            return {name: bundle.read(name) for name in bundle.namelist()}

    async def end(
        self,
        job: Job,
        state: str = "rejected",
        *,
        reason: str | None = None,
        found: Sequence[Problem] = (),
        counts: Sequence[Count] = (),
    ) -> None:
        """See the next job to an end, as a worker does, and answer its sender."""
        async with database.hub(self.pool, "ingest") as conn:
            claim = await claims.claim(conn, "test")
            assert claim is not None
            assert claim.id == job.id
            await jobs.describe(
                conn,
                claim.tenant_id,
                claim.id,
                self.tenant.sealer(MASTER),
                profile="base-1.2",
                profile_reason="no metadata.jp. column",
                rows={"users": 1, "orgs": 1},
                found=found,
                total={"error": sum(one.severity == "error" for one in found)},
                counts=counts,
                sealed_columns=frozenset({("users.csv", "email")}),
            )
            assert await claims.finish(conn, claim, state, Said(reason, f"{reason}（和）") if reason else None)
        await report.answer(self.pool, self.state, job.tenant_id, job.id)

    async def audited(self, action: str) -> list[dict[str, Any]]:
        """Who, origin, target and ok of the entries of an action, oldest first."""
        async with await psycopg.AsyncConnection.connect(self.conninfo, row_factory=psycopg.rows.dict_row) as conn:
            cursor = await conn.execute(
                "SELECT tenant_id, who, origin, target, ok FROM audit WHERE action = %s ORDER BY id", [action]
            )
            return await cursor.fetchall()


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.03)


@pytest.fixture
async def site(pool: Pool, conninfo: str, tmp_path: Path) -> Site:
    """A hub with a tenant and a state folder."""
    async with database.hub(pool, "admin") as conn:
        tenant = await tenants.add(conn, "minato", "Minato Ward", "auto", MASTER, audit.SYSTEM)
    return Site(pool, conninfo, tenant, tmp_path / "state")


Keep = Callable[[asyncio.Event], Awaitable[None]]


@pytest.fixture
async def kept_open() -> AsyncIterator[Callable[[Keep], None]]:
    """Keeps doors open until the test ends."""
    stop = asyncio.Event()
    tasks: list[asyncio.Future[None]] = []

    def keep(door: Keep) -> None:
        tasks.append(asyncio.ensure_future(door(stop)))

    yield keep
    stop.set()
    await asyncio.gather(*tasks)


def today() -> datetime.date:
    return datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))).date()
