"""Delivery: the one path of a bundle whose bytes are complete, whatever door it came through.

Archive (write, fsync, rename), hash, job row and audit entry in one transaction; after that, and not before, the
caller may acknowledge and remove what it was given. A crash in between delivers twice: a duplicate, never a loss.
"""

import asyncio
import datetime
import re
import uuid
import zoneinfo
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

from daemon import archive, quota
from daemon.archive import Opener, Room, Stored
from sql import audit, database, jobs, seal, settings, tenants
from sql.database import Pool, Role
from sql.tenants import Tenant

JAPAN = zoneinfo.ZoneInfo("Asia/Tokyo")
DATED = re.compile(r"RO_([0-9]{4})([0-9]{2})([0-9]{2})_")
"""How a bundle's name tells the day of its roster (Japan sheet section 2)."""

Source = Path | BinaryIO | Mapping[str, Opener]
"""A zip or a folder of CSV files by path, a zip that is open already, or loose files by name."""


class Changed(Exception):
    """The files changed while they were read: nothing was delivered."""


async def deliver(
    pool: Pool,
    master: bytes,
    state: Path,
    tenant: Tenant | int,
    *,
    inbox: int | None,
    via: str,
    bundle: str,
    source: Source,
    actor: audit.Actor,
    role: Role = "ingest",
    still: Callable[[], bool] | None = None,
) -> uuid.UUID:
    """Archive a bundle and enter its job; returns the job's id.

    `via` is sftp, drop, pull, http or hand; `bundle` the file name the sender gave; `role` that of the person at a
    terminal; `still`, asked after reading, tells whether the files are what they were. Raises Changed when not,
    OverQuota, OSError, UnknownTenant, NotAllowed, and what an outage raises.
    """
    if isinstance(tenant, int):
        async with database.hub(pool, "ingest", read_only=True) as conn:
            tenant = await tenants.by_id(conn, tenant)
    room = await asyncio.to_thread(_room, state, tenant)
    stored = await _archive(state / "archive", tenant, tenant.sealer(master), source, room)
    if still is not None and not await asyncio.to_thread(still):
        raise Changed(bundle)
    async with database.hub(pool, role) as conn:
        job = await jobs.receive(
            conn,
            tenant.id,
            inbox=inbox,
            via=via,
            bundle=bundle,
            sha256=stored.sha256,
            size=stored.size,
            day=day_of(bundle, datetime.datetime.now(JAPAN).date()),
        )
        detail = {"via": via, "sha256": stored.sha256, "bytes": stored.size}
        await audit.write(conn, tenant.id, actor, "bundle.receive", str(job), detail=detail)
    return job


async def by_hand(
    pool: Pool, master: bytes, state: Path, tenant: Tenant, bundle: Path, actor: audit.Actor, role: Role
) -> uuid.UUID:
    """Deliver what an operator names; returns the job's id. Raises as `deliver` does."""
    given = {"via": "hand", "bundle": bundle.name, "actor": actor, "role": role}
    try:
        return await deliver(pool, master, state, tenant, inbox=None, source=bundle, **given)  # type: ignore[arg-type]
    except quota.OverQuota as error:
        await refuse(pool, tenant.id, error=error, **given)  # type: ignore[arg-type]
        raise


def day_of(bundle: str, today: datetime.date) -> datetime.date:
    """The day a bundle tells of: that of RO_YYYYMMDD_ at the start of its name when there is such a day, else today."""
    found = DATED.match(bundle)
    if found is not None:
        year, month, day = map(int, found.groups())
        try:
            return datetime.date(year, month, day)
        except ValueError:
            return today
    return today


def _room(state: Path, tenant: Tenant) -> Room | None:
    """The room in the tenant's archive; what lies in its doors leaves them when it is taken, so it does not count."""
    limit = settings.read(tenant.settings).quota
    if limit is None:
        return None
    left = limit - quota.archived(state, tenant.id)

    def ask(size: int) -> None:
        if size > left:
            raise quota.over(limit)

    return ask


async def refuse(
    pool: Pool, tenant_id: int, actor: audit.Actor, via: str, bundle: str, error: Exception, role: Role = "ingest"
) -> None:
    """Enter in the log that a bundle was not taken."""
    async with database.hub(pool, role) as conn:
        detail = {"via": via, "bundle": bundle, "error": str(error)}
        await audit.write(conn, tenant_id, actor, "bundle.receive", ok=False, detail=detail)


async def _archive(root: Path, tenant: Tenant, sealer: seal.Sealer, source: Source, room: Room | None) -> Stored:
    if isinstance(source, Path):
        source = await asyncio.to_thread(_opened, source)
    if isinstance(source, Mapping):
        return await archive.pack(root, tenant.id, sealer, source, room)
    return await archive.store(root, tenant.id, sealer, source, room)


def _opened(source: Path) -> Path | Mapping[str, Opener]:
    source = source.resolve()  # whoever names a path may name a link; what lies in a folder may not be one
    if not source.is_dir():
        return source
    names = sorted(entry.name for entry in source.iterdir() if entry.suffix.lower() == ".csv" and entry.is_file())
    return {name: partial(archive.read_regular, source / name) for name in names}
