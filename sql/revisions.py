"""Revisions: the tenant's roster after each bundle that changed something, and the moment it is published.

A revision is committed with its load and published by a second, tiny transaction, which gives it a time above every
`Date` that any answer has borne. So whoever asks for what changed since such a date misses nothing.
"""

import datetime
import uuid

import msgspec
from psycopg.sql import SQL, Composable

from sql import database, statements
from sql.database import Connection

STATEMENTS = statements.load("revisions")

MOST_LISTED = 20_000
"""Records of an entity that changed at a revision, or since one: if there are more, looking through all is as fast."""


class Current(msgspec.Struct, frozen=True):
    """The bundle whose state is current."""

    job_id: uuid.UUID
    sha256: str
    day: datetime.date
    bulk_day: datetime.date | None


class Basis(msgspec.Struct, frozen=True):
    """The bundle whose rows the roster holds, and no others."""

    sha256: str
    rows: dict[str, int]
    """By file."""


class Snapshot(msgspec.Struct, frozen=True):
    """What a reader stands on: it shows `published`, and needs history when more is committed."""

    published: int
    committed: int
    published_at: datetime.datetime | None
    dated: datetime.datetime
    """The time of the snapshot, never above the hub's clock: the answer's `Date`."""


async def lock(conn: Connection, tenant_id: int) -> None:
    """Wait for other loads of the tenant; held until the transaction ends."""
    await database.fetch_value(conn, STATEMENTS["lock"], {"tenant": tenant_id})


async def newest(conn: Connection, tenant_id: int) -> int:
    """The newest committed revision, 0 when there is none."""
    found: int = await database.fetch_value(conn, STATEMENTS["newest"], {"tenant": tenant_id})
    return found


async def add(conn: Connection, tenant_id: int, revision: int, job: uuid.UUID) -> None:
    """Enter a revision within its load's transaction; totals start as those of the one before."""
    key = {"tenant": tenant_id, "revision": revision}
    await database.run(conn, STATEMENTS["add"], {**key, "job": job})
    await database.run(conn, STATEMENTS["carry_totals"], key)


async def set_total(
    conn: Connection, tenant_id: int, revision: int, collection: str, records: int, active: int
) -> None:
    """Note how many records a collection of the API holds at a revision."""
    params = {"tenant": tenant_id, "revision": revision, "collection": collection, "records": records, "active": active}
    await database.run(conn, STATEMENTS["set_total"], params)


async def log_changes(
    conn: Connection, tenant_id: int, revision: int, entity: str, source: Composable, count: int
) -> None:
    """List the records of an entity that a revision changes, `sourced_id` of `source`, unless there are too many."""
    key = {"tenant": tenant_id, "revision": revision, "entity": entity}
    if count > MOST_LISTED:
        await database.run(conn, STATEMENTS["log_many"], key)
        return
    statement = SQL(
        "INSERT INTO changes (tenant_id, entity, revision, sourced_id)"
        " SELECT %(tenant)s, %(entity)s, %(revision)s, n.sourced_id FROM {} n"
    ).format(source)
    await database.run(conn, statement, key)


async def log_all(conn: Connection, tenant_id: int, revision: int, entity: str) -> None:
    """All records of an entity are new at a revision."""
    await database.run(conn, STATEMENTS["log_many"], {"tenant": tenant_id, "revision": revision, "entity": entity})


async def current(conn: Connection, tenant_id: int) -> Current | None:
    """The bundle whose state is current, None before the first."""
    return await database.fetch_one(conn, STATEMENTS["current"], Current, {"tenant": tenant_id})


async def set_current(
    conn: Connection,
    tenant_id: int,
    job: uuid.UUID,
    sha256: str,
    day: datetime.date,
    *,
    bulk: bool,
    revision: int | None,
    read_as: str | None,
) -> None:
    """The state is now that of this bundle. `read_as`: its rows are all there is, at this revision."""
    params = {
        "tenant": tenant_id,
        "job": job,
        "sha256": sha256,
        "day": day,
        "bulk_day": day if bulk else None,
        "revision": revision,
        "read_as": read_as,
    }
    await database.run(conn, STATEMENTS["set_current"], params)


async def basis(conn: Connection, tenant_id: int, read_as: str) -> Basis | None:
    """What a bundle may be compared with that is read in the same way."""
    return await database.fetch_one(conn, STATEMENTS["basis"], Basis, {"tenant": tenant_id, "read_as": read_as})


async def restore_current(conn: Connection, tenant_id: int, revision: int) -> None:
    """The bundle that was current before this revision is current again, or none where it was the first."""
    key = {"tenant": tenant_id, "revision": revision}
    await database.run(conn, STATEMENTS["drop_current"], key)
    await database.run(conn, STATEMENTS["restore_current"], key)


async def publish(conn: Connection, tenant_id: int) -> int:
    """Publish the unpublished revisions of the tenant in order; returns how many. Wants a transaction of its own."""
    await database.fetch_value(conn, STATEMENTS["lock"], {"tenant": tenant_id})
    await database.fetch_value(conn, STATEMENTS["hold_clock"], {})
    published = 0
    while await database.run(conn, STATEMENTS["publish"], {"tenant": tenant_id}):
        published += 1
    return published


async def orphans(conn: Connection) -> list[int]:
    """Tenants with a revision whose worker did not live to publish it."""
    cursor = await conn.execute(STATEMENTS["orphans"])
    return [row[0] for row in await cursor.fetchall()]


async def snapshot(conn: Connection, tenant_id: int) -> Snapshot:
    """Where the tenant stands, in the snapshot of this transaction."""
    found = await database.fetch_one(conn, STATEMENTS["snapshot"], Snapshot, {"tenant": tenant_id})
    assert found is not None
    return found


class Published(msgspec.Struct, frozen=True):
    """A revision that readers see."""

    tenant_id: int
    revision: int
    published_at: datetime.datetime


class Newest(msgspec.Struct, frozen=True):
    """What was published since a moment, newest revision of each tenant, as seen at one time."""

    dated: str
    """That time, as HTTP writes it, never above the hub's clock."""
    newest: list[Published]


async def published(conn: Connection, since: datetime.datetime) -> Newest:
    """Look across tenants, in one statement and so in one snapshot."""
    cursor = await conn.execute(STATEMENTS["published"], {"since": since})
    rows = await cursor.fetchall()
    return Newest(rows[0][0], [Published(*row[1:]) for row in rows if row[1] is not None])


async def raise_clock(conn: Connection) -> datetime.datetime:
    """Allow answers to be dated up to a second from now."""
    found: datetime.datetime = await database.fetch_value(conn, STATEMENTS["raise_clock"], {})
    return found
