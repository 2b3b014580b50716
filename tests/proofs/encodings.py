"""R21: Japanese exports load. Each file of the corpus of encodings, loaded by a worker and read back from the database.

The corpus, tests/oneroster/encoded.py, says in typed bytes and code points what must come of it.
"""

import asyncio
from pathlib import Path

import msgspec
import structlog

from daemon import check, config, delivery, work
from sql import audit, database, jobs, migrate, tenants
from sql.database import Pool
from tests.oneroster.encoded import CORPUS, Case
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import write

NAME = "RO_20260401_239930.zip"


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """A tenant for each file; both scales are alike."""
    with check.throwaway() as conninfo, structlog.testing.capture_logs():
        asyncio.run(migrate.migrate(conninfo))
        return asyncio.run(_all(conninfo, folder, report))


async def _all(conninfo: str, folder: Path, report: Report) -> Verdict:
    (folder / "state").mkdir(mode=0o711)
    kept = [case for case in CORPUS if case.value is not None]
    troubles: list[str] = []
    async with database.open_pool(conninfo) as pool:
        worker = work.Worker(config.load(None, folder / "state", {}), pool, "encodings")
        for number, case in enumerate(CORPUS):
            job, told, names = await _loaded(pool, worker, conninfo, number, case, folder)
            troubles += [f"{case.name}: {one}" for one in _deviations(case, job, told, names)]
        report(f"{len(CORPUS)} files")
    figures = (
        f"{len(CORPUS)} files in UTF-8, UTF-16, CP932 and what only looks like it: {len(kept)} loaded and read back"
        f" true to the byte, {len(CORPUS) - len(kept)} refused with line and byte, {len(troubles)} otherwise"
    )
    return judged(not troubles, figures, troubles)


async def _loaded(
    pool: Pool, worker: work.Worker, conninfo: str, number: int, case: Case, folder: Path
) -> tuple[jobs.Job, list[jobs.Fault], dict[str, bytes]]:
    """The file in a bundle of a tenant's own: the job as it ended, what was told, and the bytes of the names stored."""
    bundle = write(folder / NAME, {}, raw={"orgs": case.data})
    async with database.hub(pool, "admin") as conn:
        tenant = await tenants.add(conn, f"t{number}", case.name, "base-1.2", worker.master, audit.SYSTEM)
        tenant = await tenants.change(
            conn, tenant, None, None, lambda old: msgspec.structs.replace(old, encoding=case.setting), audit.SYSTEM
        )
    job_id = await delivery.deliver(
        pool, worker.master, worker.settings.state, tenant,
        inbox=None, via="hand", bundle=NAME, source=bundle, actor=audit.SYSTEM,
    )  # fmt: skip
    while await worker.turn(conninfo):
        pass
    async with database.hub(pool, "viewer", read_only=True) as conn:
        job = await jobs.by_prefix(conn, str(job_id))
        told = await jobs.problems(conn, tenant.id, job.id)
    async with database.tenant(pool, tenant.id) as conn:
        found = await conn.execute("SELECT sourced_id, convert_to(name, 'UTF8') FROM orgs")
        return job, told, dict(await found.fetchall())


def _deviations(case: Case, job: jobs.Job, told: list[jobs.Fault], names: dict[str, bytes]) -> list[str]:
    """What did not come of a file as the corpus says."""
    expected = [("warning", code, 1, "") for code in case.warnings]
    if case.value is not None:
        state, kept = "applied", {"o0": b"North", "o1": case.value.encode()}
    else:
        assert case.place is not None
        line, value, at = case.place
        expected.append(("error", "E-ENC", line, value))
        state, kept = "rejected", {}
        if not any(f"Byte {at} of the line is {value}." in one.detail for one in told):
            return [f"byte {at} of line {line} is not named"]
    found = [(one.severity, one.code, one.line, one.value) for one in told]
    return [
        f"{said!r} instead of {wanted!r}"
        for said, wanted in ((job.state, state), (names, kept), (sorted(found), sorted(expected)))
        if said != wanted
    ]
