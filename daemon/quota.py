"""How much of our disk a tenant's bundles take, in the archive and in its doors, and how much more they may."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from oneroster.refused import Refused
from sql import amounts, database, inboxes, settings
from sql.database import Pool
from sql.tenants import Tenant


class OverQuota(Refused, OSError):
    """The tenant's bundles have taken all the room that is theirs."""

    hint = "Wait until older ones are retired, or allow more: `rosterhub tenant set CODE --quota 4GB`."
    exit_code = 73

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.errno = errno.EDQUOT


def over(limit: int) -> OverQuota:
    """What is raised where a bundle finds no room."""
    return OverQuota(f"The quota is {amounts.said_size(limit)}.")


def archived(state: Path, tenant_id: int) -> int:
    """Bytes on the disk of the tenant's archive."""
    return _blocks(state / "archive" / str(tenant_id))


def spooled(state: Path, doors: Sequence[int]) -> int:
    """Bytes on the disk of what is being delivered through these doors of a tenant."""
    return sum(_blocks(state / "doors" / str(number)) for number in doors)


async def free(pool: Pool, state: Path, tenant: Tenant) -> int | None:
    """Bytes that may still come through the doors of a tenant; None where there is no limit."""
    limit = settings.read(tenant.settings).quota
    if limit is None:
        return None
    async with database.hub(pool, "ingest", read_only=True) as conn:
        doors = [one.id for one in await inboxes.in_use(conn, tenant.code)]
    return limit - archived(state, tenant.id) - spooled(state, doors)


def _blocks(folder: Path) -> int:
    """What lies below a folder, however it changes meanwhile. A released upload has a size, but no bytes."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(place, name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total
