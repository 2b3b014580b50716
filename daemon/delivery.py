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

from daemon import archive
from daemon.archive import Opener, Stored
from sql import audit, database, jobs, seal, tenants
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
    OSError, UnknownTenant, NotAllowed, and what an outage raises.
    """
    if isinstance(tenant, int):
        async with database.hub(pool, "ingest", read_only=True) as conn:
            tenant = await tenants.by_id(conn, tenant)
    stored = await _archive(state / "archive", tenant, tenant.sealer(master), source)
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


async def _archive(root: Path, tenant: Tenant, sealer: seal.Sealer, source: Source) -> Stored:
    if isinstance(source, Path):
        source = await asyncio.to_thread(_opened, source)
    if isinstance(source, Mapping):
        return await archive.pack(root, tenant.id, sealer, source)
    return await archive.store(root, tenant.id, sealer, source)


def _opened(source: Path) -> Path | Mapping[str, Opener]:
    source = source.resolve()  # whoever names a path may name a link; what lies in a folder may not be one
    if not source.is_dir():
        return source
    names = sorted(entry.name for entry in source.iterdir() if entry.suffix.lower() == ".csv" and entry.is_file())
    return {name: partial(archive.read_regular, source / name) for name in names}
