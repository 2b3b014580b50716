"""rosterhub export: a tenant's roster as a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from daemon import printing
from daemon.verbs import Given
from daemon.verbs.bundle import NoProfile
from oneroster import profiles
from sql import database, tenants
from sql.database import Pool

if TYPE_CHECKING:
    from daemon.export import Written


def export(
    tenant: str,
    bundle: Path,
    *,
    profile: str | None = None,
    since: int | None = None,
    json: bool = False,
    here: Given,
) -> None:
    """Write a tenant's roster as a OneRoster bundle: all that is active, or what changed since a revision.

    Example: rosterhub export sapporo /tmp/RO_20260401_011002.zip --profile jp-1.2.1

    Parameters
    ----------
    tenant
        The tenant.
    bundle
        A zip, or a folder to make. In a folder that exists, RO_YYYYMMDD_<code>.zip.
    profile
        base-1.2, jp-1.2, jp-1.2.1 or jp-k12-1.0; else the tenant's, else that of its last bundle.
    since
        A delta: only records that changed after this revision, with status and date.
    json
        Print what was written as JSON.
    """
    if profile is not None and profile not in profiles.BY_NAME:
        raise NoProfile(profile)
    from daemon import export as exporting

    async def work(pool: Pool) -> "Written":
        here.person.require("bundle.export")
        async with database.hub(pool, "viewer", read_only=True) as conn:
            owner = await tenants.by_code(conn, tenant)
        return await exporting.export(
            pool,
            owner,
            owner.sealer(here.master),
            bundle,
            profile=profiles.BY_NAME[profile] if profile is not None else None,
            since=since,
            actor=here.actor,
        )

    written = here.run(work)
    for sentence in written.left_out:
        printing.talk(f"rosterhub: {sentence}")
    if json:
        printing.data(msgspec.structs.asdict(written))
    else:
        rows = ", ".join(f"{name} {count:,}" for name, count in written.rows.items()) or "nothing changed"
        printing.line(f"{written.bundle}: revision {written.revision} in {written.profile}: {rows}")
