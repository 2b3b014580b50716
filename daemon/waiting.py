"""Waiting for a job to come to its end, as verbs do; and the exit code that says how it ended."""

import asyncio
import time
import uuid

from oneroster.refused import Refused
from sql import database, jobs, processes
from sql.database import Pool
from sql.jobs import Job

CODE_OF_STATE = {
    "applied": 0,
    "duplicate": 0,
    "superseded": 0,
    "rolled_back": 0,
    "held": 10,
    "rejected": 65,
    "failed": 75,
    "discarded": 1,
}
PATIENCE = 30.0
"""Seconds without any living worker before a waiting verb gives up."""


class NoWorker(Refused):
    """No worker lives that would load the bundle; it waits as it is."""

    hint = "Start the daemon with `rosterhub run`."
    exit_code = 69


async def ended(pool: Pool, number: uuid.UUID) -> Job:
    """The job when it has come to its end; raises NoWorker (69) when nobody has lived for 30 s."""
    last_seen = time.monotonic()
    while True:
        job = await now(pool, number)
        if not job.open:
            return job
        if await worked(pool):
            last_seen = time.monotonic()
        if time.monotonic() - last_seen > PATIENCE:
            raise NoWorker(f"Job {str(number)[:8]}.")
        await asyncio.sleep(0.2)


async def now(pool: Pool, number: uuid.UUID) -> Job:
    """The job as it is now."""
    async with database.hub(pool, "viewer", read_only=True) as conn:
        return await jobs.by_prefix(conn, str(number))


async def worked(pool: Pool) -> bool:
    """Whether any worker lives."""
    async with database.hub(pool, "viewer", read_only=True) as conn:
        return any(one.role == "ingest" for one in await processes.alive(conn))
