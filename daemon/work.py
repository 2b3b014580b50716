"""The ingest role: takes jobs one after another, sees each to its end, publishes, answers the sender.

A job is believed to be in good hands while its lease is renewed. A worker that dies leaves a job whose lease runs out;
the next one finds either nothing done, or a committed load that only wants publishing: never half of it.
"""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack

import structlog

from daemon import archive, keys, presence, report
from daemon.child import Place
from daemon.config import Settings
from daemon.findings import Findings
from daemon.ingest import Outcome, Taken, describe, ingest, roll_back
from oneroster.bundle import Bundle, open_bundle
from oneroster.said import Said
from sql import audit, claims, database, decisions, jobs, processes, revisions, seal, settings, tenants
from sql.claims import Claim
from sql.database import Connection, Pool

log = structlog.get_logger()

IDLE = 0.25
"""Seconds between looks for a job when there is none: the poll that works behind any pooler."""
KNOWN_EVERYWHERE = 0.3
"""Seconds after publishing until every API process must know: only then does a job read `applied`."""
MOST_ATTEMPTS = 3
DIED = f"The process that loaded this bundle died {MOST_ATTEMPTS} times, so it is not tried again."
"""Of a bundle that crashes us, and of one that three outages in a row have met."""
BEAT = 3.0
"""Seconds between signs of life."""
RENEWAL = 4.0
"""Seconds between renewals of a lease, and the least between two notes of progress."""
PROGRESS = 1.0
AWAY = Said("the database went away", "データベースに接続できませんでした。")


async def serve(settings: Settings, place: Place) -> None:
    """Work until told to stop; the job in hand is seen to its end, or abandoned whole."""
    async with database.open_pool(place.conninfo, size=3) as pool:
        worker = Worker(settings, pool, f"{presence.home(settings.state)}{place.name}")
        await worker.begin()
        place.ready()
        try:
            while not place.stop.is_set():
                try:
                    busy = await worker.turn(place.conninfo)
                except database.OUTAGE as error:
                    log.warning("database away", error=type(error).__name__)
                    busy = False
                if not busy:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(place.stop.wait(), IDLE)
        finally:
            await worker.end()


class Worker:
    """One ingest process."""

    def __init__(self, settings: Settings, pool: Pool, name: str) -> None:
        self.settings, self.pool, self.name = settings, pool, name
        self.master = keys.master(settings.state)
        self._beat: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._looked = 0.0

    async def begin(self) -> None:
        """Free what an earlier life of this worker left behind, and say that it lives."""
        async with database.hub(self.pool, "ingest") as conn:
            await self._free(conn, self.name)
            await processes.beat(conn, self.name, "ingest")
        self._beat = asyncio.create_task(self._beats())

    async def end(self) -> None:
        """Say that it ends."""
        self._over.set()
        if self._beat is not None:
            await asyncio.gather(self._beat, return_exceptions=True)
        with contextlib.suppress(*database.OUTAGE):
            async with database.hub(self.pool, "ingest") as conn:
                await processes.leave(conn, self.name)

    async def _beats(self) -> None:
        async for _ in _every(BEAT, self._over):
            with contextlib.suppress(*database.OUTAGE):
                async with database.hub(self.pool, "ingest") as conn:
                    await processes.beat(conn, self.name, "ingest")

    async def turn(self, conninfo: str) -> bool:
        """What others left undone, then one job if there is one; whether there was a job."""
        await self._tidy()  # first, as a long queue must not keep it waiting
        async with database.hub(self.pool, "ingest") as conn:
            job = await claims.claim(conn, self.name)
        if job is None:
            return False
        with structlog.contextvars.bound_contextvars(job=str(job.id)[:8], tenant=job.tenant_id):
            async with database.connect(conninfo) as conn:
                await self._handle(conn, job)
        return True

    async def _tidy(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._looked < 1.0:
            return
        self._looked = now
        async with database.hub(self.pool, "ingest") as conn:
            await self._free(conn)
            orphans = await revisions.orphans(conn)
        for tenant_id in orphans:
            await self._publish(tenant_id)
        await self._answer_all()

    async def _free(self, conn: Connection, worker: str | None = None) -> None:
        """Jobs whose worker is gone wait again; a bundle that has killed three is not tried on a fourth."""
        for lost in await claims.give_up(conn, worker, MOST_ATTEMPTS, DIED):
            log.error("job given up", job=str(lost.id)[:8], tenant=lost.tenant_id)
            await audit.write(conn, lost.tenant_id, audit.SYSTEM, "job.failed", str(lost.id), ok=False)
        await claims.release(conn, worker)

    async def _handle(self, conn: Connection, job: Claim) -> None:
        log.info("job taken", bundle_bytes=job.bytes, attempt=job.attempts)
        try:
            outcome = await self._examine(conn, job)
            await self._conclude(job, outcome)
        except Taken:
            log.warning("job taken away")
        except database.OUTAGE:
            await self._put_back(job, AWAY)
            raise
        except Exception as error:  # a bundle that trips us harms only itself
            log.exception("job failed")
            name = type(error).__name__
            await self._put_back(job, Said(f"{name}: see the log", f"内部エラー（{name}）が発生しました。"))

    async def _examine(self, conn: Connection, job: Claim) -> Outcome | None:
        """Load the bundle; None when an earlier attempt did so and only did not live to say it."""
        async with database.hub(self.pool, "ingest", read_only=True) as side:
            tenant = await tenants.by_id(side, job.tenant_id)
            current = await revisions.current(side, job.tenant_id)
        if job.revision is not None:
            return None
        sealer = tenant.sealer(self.master)
        if job.kind == "rollback":
            async with Marks(self.pool, job) as marks:
                return await roll_back(conn, job, tenant, sealer, marks.mark)
        # Its own bytes are current where it was killed after a load that made no first revision.
        if current is not None and current.sha256 == job.sha256 and current.job_id != job.id:
            same = str(current.job_id)[:8]
            reason = Said(f"The same bytes as job {same}.", f"ジョブ {same} と同一のデータです。")
            return Outcome("duplicate", Findings(), reason)
        encoding = settings.read(tenant.settings).encoding

        def reopen(sha256: str) -> AbstractContextManager[Bundle]:
            return self._opened(job.tenant_id, sealer, sha256, encoding)

        with ExitStack() as stack:
            bundle = await asyncio.to_thread(stack.enter_context, reopen(job.sha256))
            async with Marks(self.pool, job) as marks:
                return await ingest(conn, job, tenant, sealer, bundle, marks.mark, reopen)

    @contextlib.contextmanager
    def _opened(self, tenant_id: int, sealer: seal.Sealer, sha256: str, encoding: str) -> Iterator[Bundle]:
        with (
            archive.open(self.settings.state / "archive", tenant_id, sealer, sha256) as stream,
            open_bundle(stream, encoding) as bundle,
        ):
            yield bundle

    async def _conclude(self, job: Claim, outcome: Outcome | None) -> None:
        state = "applied" if outcome is None else outcome.state
        if state == "applied":
            log.info("phase", phase="publish")
            if await self._publish(job.tenant_id):
                await asyncio.sleep(KNOWN_EVERYWHERE)
        async with database.hub(self.pool, "ingest") as conn:
            if outcome is not None and state != "applied":  # that one was described with its load
                await self._describe(conn, job, outcome)
            kept = await claims.finish(conn, job, state, outcome.reason if outcome else None)
            if kept:
                await audit.write(conn, job.tenant_id, audit.SYSTEM, f"job.{state}", str(job.id))
            if kept and outcome is not None and outcome.bulk and state == "held":  # else done with the load
                await decisions.supersede(conn, job.tenant_id, job.id, job.day)
        if not kept:
            raise Taken
        log.info("job ended", state=state)
        log.info("phase", phase="report")
        await report.answer(self.pool, self.settings.state, job.tenant_id, job.id)

    async def _describe(self, conn: Connection, job: Claim, outcome: Outcome) -> None:
        tenant = await tenants.by_id(conn, job.tenant_id)
        await describe(conn, job, tenant.sealer(self.master), outcome)

    async def _publish(self, tenant_id: int) -> int:
        async with self.pool.connection() as conn, database.tenant_transaction(conn, tenant_id, "ingest"):
            return await revisions.publish(conn, tenant_id)

    async def _put_back(self, job: Claim, reason: Said) -> None:
        """An outage or a bug: try again a little later, three times in all."""
        with contextlib.suppress(*database.OUTAGE):
            async with database.hub(self.pool, "ingest") as conn:
                if job.attempts < MOST_ATTEMPTS:
                    await claims.retry_later(conn, job, reason.english, datetime.timedelta(seconds=2**job.attempts))
                else:
                    await claims.finish(conn, job, "failed", reason)
                    await audit.write(conn, job.tenant_id, audit.SYSTEM, "job.failed", str(job.id), ok=False)

    async def _answer_all(self) -> None:
        async with database.hub(self.pool, "ingest", read_only=True) as conn:
            waiting = await jobs.unreported(conn)
        for one in waiting:
            await report.answer(self.pool, self.settings.state, one.tenant_id, one.id)


async def _every(seconds: float, over: asyncio.Event) -> AsyncIterator[None]:
    """Time and again, until it is over. Not until it is cancelled: a pool that hands out a connection just then may
    swallow that, and whoever waits for the end would wait for ever."""
    while not over.is_set():
        try:
            await asyncio.wait_for(over.wait(), seconds)
        except TimeoutError:
            yield


class Marks:
    """Tells how far a load is, on a connection of its own, and keeps the lease alive meanwhile."""

    def __init__(self, pool: Pool, job: Claim) -> None:
        self._pool, self._job = pool, job
        self._phase: str | None = None
        self._rows: int | None = None
        self._of: int | None = None
        self._told = 0.0
        self._lost = False
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def __aenter__(self) -> "Marks":
        self._task = asyncio.create_task(self._renew())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._over.set()
        await asyncio.gather(self._task, return_exceptions=True)

    async def mark(self, phase: str, rows: int | None = None, of: int | None = None) -> None:
        """A phase begins, or so many rows are behind it. Raises Taken when the job has been given to another."""
        now = asyncio.get_running_loop().time()
        if phase != self._phase:
            log.info("phase", phase=phase)
        elif now - self._told < PROGRESS:
            return
        self._phase, self._rows, self._of, self._told = phase, rows, of, now
        await self._tell()
        if self._lost:
            raise Taken

    async def _renew(self) -> None:
        async for _ in _every(RENEWAL, self._over):
            with contextlib.suppress(*database.OUTAGE):
                await self._tell()

    async def _tell(self) -> None:
        async with database.hub(self._pool, "ingest") as conn:
            self._lost = not await claims.renew(conn, self._job, self._phase, self._rows, self._of)
