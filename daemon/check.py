"""A bundle looked at without a hub: a private server, thrown away afterwards, runs the staging and checks of a load."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from daemon import examine
from daemon.findings import SEALED_COLUMNS, Findings
from oneroster.bundle import Bundle, open_bundle
from oneroster.profiles import Profile
from sql import database, interrupts, jobs, migrate, seal, server
from sql.jobs import Fault
from sql.tenants import Tenant

PREFIX = "rosterhub-check-"
FORGOTTEN = 600.0
"""Seconds after which a folder that nobody holds was left by a process that was killed."""


class Verdict(msgspec.Struct, frozen=True):
    """What a hub would say of the bundle, were it the first one."""

    verdict: str
    """ok or rejected."""
    profile: str | None
    """None when the bundle could not be read so far."""
    reason: str
    """How the profile was told."""
    problems: list[Fault]
    """Errors first; values of sealed columns are masked, as in a job's problems: outputs are passed on."""
    rows: dict[str, int]
    errors: int
    warnings: int


def check(path: Path, *, profile: str = "auto", encoding: str = "auto") -> Verdict:
    """Judge a zip or a folder. Raises OSError when it cannot be opened, Refused when no server starts."""
    with throwaway() as conninfo:
        asyncio.run(migrate.migrate(conninfo))
        return judge(conninfo, path, profile=profile, encoding=encoding)


def judge(conninfo: str, path: Path, *, profile: str = "auto", encoding: str = "auto") -> Verdict:
    """The same on a server at hand, of which nothing is kept."""
    master = os.urandom(seal.KEY_BYTES)
    settings = {} if encoding == "auto" else {"encoding": encoding}
    tenant = Tenant(1, "check", "check", profile, "active", settings, seal.new_tenant_key(master))
    findings = Findings()
    found: str | None = None
    why, rows = "", dict[str, int]()
    with contextlib.suppress(examine.Unreadable), open_bundle(path, encoding) as bundle:
        recognised, why = examine.recognise(tenant, path.name, bundle, findings)
        found = recognised.name
        rows = asyncio.run(_examine(conninfo, tenant, bundle, recognised, tenant.sealer(master), findings))
    problems = jobs.faults(findings.kept, SEALED_COLUMNS)
    total = findings.total
    verdict = "rejected" if findings.errors else "ok"
    return Verdict(verdict, found, why, problems, rows, total["error"], total["warning"])


async def _examine(
    conninfo: str, tenant: Tenant, bundle: Bundle, profile: Profile, sealer: seal.Sealer, findings: Findings
) -> dict[str, int]:
    async with database.connect(conninfo) as conn, database.tenant_transaction(conn, tenant.id, "ingest"):
        staged, _ = await examine.examine(conn, tenant, bundle, profile, sealer, findings, examine.unmarked, alone=True)
        await conn.rollback()
        return staged.rows


@contextlib.contextmanager
def throwaway() -> Iterator[str]:
    """The conninfo of a server of our own without fsync, which leaves nothing behind."""
    _clear_what_the_killed_left()
    with contextlib.ExitStack() as last:
        with interrupts.held():
            home = Path(tempfile.mkdtemp(prefix=PREFIX))
            last.callback(_discard, home)
        home.chmod(0o711)  # of root's server, `nobody` goes through here to its data
        yield last.enter_context(server.using(home / "pg", durable=False)).conninfo


def _clear_what_the_killed_left() -> None:
    for home in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, server.Busy):
            stat = home.stat()
            if stat.st_uid == os.geteuid() and time.time() - stat.st_mtime > FORGOTTEN:
                _discard(home)


def _discard(home: Path) -> None:
    with interrupts.held():
        server.discard(home / "pg")
        shutil.rmtree(home)
