"""A delivery rehearsed: what would become of a bundle that came now, beside the tenant's roster. Nothing is kept."""

import datetime
import hashlib
import uuid
from pathlib import Path

from daemon import delivery, examine, ingest
from daemon.findings import SEALED_COLUMNS
from daemon.ingest import Outcome
from oneroster.bundle import open_bundle
from sql import jobs, settings
from sql.claims import Claim
from sql.database import Pool
from sql.jobs import Fault
from sql.tenants import Tenant


async def rehearse(pool: Pool, master: bytes, tenant: Tenant, path: Path) -> Outcome:
    """The outcome of a load that is given up at its end. Waits for a load of the tenant that is under way."""
    with open_bundle(path, settings.read(tenant.settings).encoding) as bundle:
        async with pool.connection() as conn:
            return await ingest.rehearse(
                conn, _claim(tenant, path), tenant, tenant.sealer(master), bundle, examine.unmarked
            )


def problems(outcome: Outcome) -> list[Fault]:
    """What is wrong with the bundle, values of sealed columns masked."""
    return jobs.faults(outcome.findings.kept, SEALED_COLUMNS)


def _claim(tenant: Tenant, path: Path) -> Claim:
    """The job that the bundle would be; a folder gets its bytes only when it is packed."""
    today = datetime.datetime.now(delivery.JAPAN).date()
    sha256 = ""
    if path.is_file():
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    day = delivery.day_of(path.name, today)
    return Claim(tenant.id, uuid.uuid4(), "bundle", None, "hand", path.name, sha256, 0, day, 0, None, "rehearsal")
