"""What the first line of every screen says of the hub."""

import shutil
from pathlib import Path

import msgspec

from sql import processes, tenants
from sql.database import Connection


class Surroundings(msgspec.Struct, frozen=True):
    """Of the hub, whatever is shown of it."""

    sftp: bool = False
    disk: int | None = None
    """Per cent of the state folder's file system in use."""
    tenant: str = ""
    """The name of the one tenant shown."""


async def look(conn: Connection, state: Path | None, tenant: str | None, before: Surroundings) -> Surroundings:
    """How they are now. Raises UnknownTenant."""
    alive = await processes.alive(conn)
    named = "" if tenant is None else (await tenants.by_code(conn, tenant)).name
    return Surroundings(any(one.role == "doors" for one in alive), _used(state, before.disk), named)


def _used(folder: Path | None, before: int | None) -> int | None:
    """Per cent of the file system in use; None where the folder lies elsewhere, on the daemon's machine.

    The figure `before` stays until it is wrong by one: at the edge between two it would change with every look.
    """
    if folder is None:
        return None
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return None
    used = 100 * disk.used / disk.total
    return before if before is not None and abs(used - before) < 1 else round(used)
