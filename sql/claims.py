"""Jobs in the hands of a worker: taken, kept by a lease that runs out when he dies, ended or put back."""

import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from oneroster.said import Said
from sql import database, statements
from sql.database import Connection
from sql.jobs import Count, because, sums

STATEMENTS = statements.load("claims")

LEASE = datetime.timedelta(seconds=15)
"""How long a worker is believed to live since it last said so."""


class Claim(msgspec.Struct, frozen=True):
    """A job in the hands of a worker; `attempts` tells this claim from earlier ones of the same job."""

    tenant_id: int
    id: uuid.UUID
    kind: str
    """bundle, or rollback."""
    inbox_id: int | None
    via: str
    bundle: str
    sha256: str
    bytes: int
    day: datetime.date
    attempts: int
    revision: int | None
    """Set when an earlier attempt committed the load and did not live to publish it."""
    worker: str
    undoes: int | None = None
    """Of a rollback: the first revision it undoes ..."""
    undoes_to: int | None = None
    """... and the last, which was the newest when it was asked for."""
    approved_deletes: int | None = None
    """A person approved so many removals, and no other number."""

    @property
    def key(self) -> dict[str, Any]:
        return {"tenant": self.tenant_id, "job": self.id, "worker": self.worker, "attempts": self.attempts}


async def claim(conn: Connection, worker: str) -> Claim | None:
    """The next job to load, or None when there is none or another worker was faster."""
    try:
        return await database.fetch_one(conn, STATEMENTS["claim"], Claim, {"worker": worker, "lease": LEASE})
    except psycopg.errors.UniqueViolation:
        return None


async def renew(
    conn: Connection, job: Claim, phase: str | None = None, rows: int | None = None, of: int | None = None
) -> bool:
    """Extend the lease and say how far the load is; False when the job has been taken away."""
    params = {**job.key, "lease": LEASE, "phase": phase, "phase_rows": rows, "phase_of": of}
    return await database.run(conn, STATEMENTS["renew"], params) == 1


async def release(conn: Connection, worker: str | None = None) -> int:
    """Free the jobs whose lease has run out, and those of an earlier life of `worker`."""
    return await database.run(conn, STATEMENTS["release"], {"worker": worker})


class Lost(msgspec.Struct, frozen=True):
    """A job whose worker is gone for the last time."""

    tenant_id: int
    id: uuid.UUID


async def give_up(conn: Connection, worker: str | None, most: int, reason: str) -> list[Lost]:
    """End as failed, before they are released, the jobs that a worker has died over for the `most`-th time."""
    params = {"worker": worker, "most": most, "reason": reason}
    return await database.fetch_all(conn, STATEMENTS["give_up"], Lost, params)


async def settle(
    conn: Connection,
    job: Claim,
    *,
    revision: int | None,
    profile: str | None,
    profile_reason: str | None,
    rows: Mapping[str, int],
    counts: Sequence[Count],
    warnings: int,
    content: str | None,
) -> bool:
    """Within the load's transaction: what it did; False when the job was taken away, and then nothing may be kept."""
    params = {
        **job.key,
        "revision": revision,
        "profile": profile,
        "profile_reason": profile_reason,
        "rows": Jsonb(dict(rows)),
        "warnings": warnings,
        "content": content,
        **sums(counts),
    }
    return await database.run(conn, STATEMENTS["settle"], params) == 1


async def finish(conn: Connection, job: Claim, state: str, reason: Said | None = None) -> bool:
    """End the job; False when it was taken away."""
    return await database.run(conn, STATEMENTS["finish"], {**job.key, "state": state, **because(reason)}) == 1


async def retry_later(conn: Connection, job: Claim, reason: str, wait: datetime.timedelta) -> None:
    """Put the job back, to be tried again after a while."""
    await database.run(conn, STATEMENTS["retry_later"], {**job.key, "reason": reason, "wait": wait})
