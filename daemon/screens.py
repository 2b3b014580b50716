"""What the admin screens need of the daemon's side: the archive, the master key, the log.

Imported when it is needed: the screens are to stand at once.
"""

import asyncio
import datetime
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from daemon import journal
from daemon.here import Here
from sql import audit, clients, database, tenants
from sql.clients import Client
from sql.database import Connection
from sql.jobs import Job
from sql.search import Asked
from sql.tenants import Tenant
from tui.hands import Hands, Raw, Rehearsal

PATIENCE = 3.0
"""Seconds that somebody before the screens waits for the database."""


def hands(here: Here, conninfo: str) -> Hands:
    """All of it, for screens on this database."""
    state = here.settings.state

    async def read_raw(job: Job, file: str, line: int, column: str) -> Raw | None:
        from daemon import raw

        async with (
            database.open_pool(conninfo, size=1, patience=PATIENCE) as pool,
            database.hub(pool, "viewer", read_only=True) as conn,
        ):
            owner = await tenants.by_id(conn, job.tenant_id)
        bare = here.person.role == "admin"  # who answers for the export, as with the values of problems
        return await asyncio.to_thread(raw.read, state, here.master, owner, job, file, line, column, bare=bare)

    async def rehearse(code: str, path: Path) -> Rehearsal:
        from daemon import rehearsal

        await asyncio.to_thread(path.stat)
        async with database.open_pool(conninfo, size=2) as pool:
            async with database.hub(pool, "viewer", read_only=True) as conn:
                owner = await tenants.by_code(conn, code)
            found = await rehearsal.rehearse(pool, here.master, owner, path)
        reason = found.reason
        return Rehearsal(
            found.state,
            reason.english if reason else "",
            reason.japanese if reason else "",
            rehearsal.problems(found),
            list(found.counts),
            list(found.samples),
        )

    async def deliver(code: str, path: Path, actor: audit.Actor) -> uuid.UUID:
        from daemon import delivery

        async with database.open_pool(conninfo, size=2) as pool:
            async with database.hub(pool, "viewer", read_only=True) as conn:
                owner = await tenants.by_code(conn, code)
            return await delivery.by_hand(pool, here.master, state, owner, path, actor, here.person.role)

    async def rotate(conn: Connection, client: Client, overlap: datetime.timedelta, actor: audit.Actor) -> str:
        return await clients.rotate(conn, client, overlap, here.master, actor)

    async def make(
        conn: Connection, owner: Tenant, name: str, allowed: Sequence[str], actor: audit.Actor
    ) -> tuple[str, str]:
        return await clients.add(conn, owner.id, name, allowed, here.master, actor)

    async def export(asked: Asked, file: Path, format: Literal["csv", "jsonl"]) -> int:
        from daemon import auditing

        async with database.open_pool(conninfo, size=1, patience=PATIENCE) as pool:
            return await auditing.export(pool, asked, file, format, here.actor)

    def used(tenant_id: int, doors: Sequence[int]) -> int:
        from daemon import quota

        return quota.archived(state, tenant_id) + quota.spooled(state, doors)

    return Hands(
        here.actor,
        read_raw,
        rehearse,
        deliver,
        rotate,
        make,
        export,
        here.api,
        used,
        journal.follow if journal.there() else None,
    )
