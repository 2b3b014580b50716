"""The way of a bundle into the roster, from its archive to a new revision, in one transaction.

    open -> manifest -> profile -> rows | problems -> COPY to staging -> checks in SQL -> diff -> guard -> apply

Nothing of it is kept unless all of it is: whatever ends a load early raises `Ended`, which rolls everything back and
carries what was found out.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing

import msgspec

from daemon import guard
from daemon.ahead import ahead
from daemon.findings import Findings
from oneroster import dialects, entities, profiles
from oneroster.bundle import Broken, Bundle
from oneroster.entities import Entity
from oneroster.problems import Problem
from oneroster.profiles import Profile
from oneroster.rows import Rows
from sql import apply, checks, database, diff, jobs, merge, revisions, staging
from sql.database import Connection
from sql.jobs import Claim, Count
from sql.seal import Sealer
from sql.tenants import Tenant

Mark = Callable[[str, int | None], Awaitable[None]]
"""Says which phase has begun and how many rows are behind it; a load that has been taken away ends there."""

SEALED_COLUMNS = frozenset(
    (entity.file, field.name) for entity in entities.ALL for field in entity.fields if field.sealed or field.dropped
)
"""Columns whose values are not to be shown, not even where they are wrong."""


class Outcome(msgspec.Struct, frozen=True):
    """How a load ended and what it found out on the way."""

    state: str
    findings: Findings
    reason: str | None = None
    profile: str | None = None
    rows: dict[str, int] = {}
    counts: Sequence[Count] = ()
    profile_reason: str | None = None
    """How the profile was told."""


class Ended(Exception):
    """The load is not to be kept."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.state)
        self.outcome = outcome


async def ingest(
    conn: Connection, job: Claim, tenant: Tenant, sealer: Sealer, bundle: Bundle, limits: guard.Limits, mark: Mark
) -> Outcome:
    """Load a bundle whole or not at all; the outcome says which.

    A state of `applied` with a revision is committed and waits to be published; every other outcome left no trace.
    """
    findings = Findings()
    why: str | None = None
    try:
        profile, why = recognise(tenant, job, bundle, findings)
        async with database.tenant_transaction(conn, tenant.id, "ingest"):
            await revisions.lock(conn, tenant.id)
            await refuse_late(conn, job, bundle, findings)
            await mark("stage", 0)
            rows = await stage(conn, bundle, profile, sealer, findings, mark, hint=misfit(tenant, bundle))
            await mark("check", None)
            modes = await check(conn, tenant, bundle, profile, rows, findings)
            await mark("diff", None)
            work = await merge.begin(conn, tenant.id, modes)
            counts = await judge(conn, work, rows, limits, profile, findings)
            if any(one.inserted or one.updated or one.deleted for one in counts):
                await mark("apply", None)
                await apply.apply(conn, work, job.id)
                # Before the job's row is ours: marks are written by another connection.
                await mark("commit", None)
                outcome = Outcome("applied", findings, None, profile.name, rows, counts, why)
                await enter(conn, job, sealer, outcome, work.revision, bulk="bulk" in modes.values())
            else:
                raise Ended(Outcome("applied", findings, None, profile.name, rows, counts))
    except Ended as ended:
        outcome = msgspec.structs.replace(ended.outcome, profile_reason=why)
        if outcome.state == "applied":
            await confirm(conn, job, sealer, bundle, outcome)
    return outcome


def recognise(tenant: Tenant, job: Claim, bundle: Bundle, findings: Findings) -> tuple[Profile, str]:
    """The profile the tenant says, or the one the headers tell, and how it was told.

    Ends here when there is nothing to read by: no zip, no manifest, or another format than OneRoster 1.2.
    """
    headers = bundle.headers()
    foreign = dialects.foreign(headers, bundle.manifest)
    if foreign is not None:
        # What a manifest of 1.2 would have to say is of no interest then.
        findings.add([one for one in bundle.problems if one.code.startswith("E-ZIP")] + [foreign])
        raise Ended(Outcome("rejected", findings))
    findings.add(bundle.problems)
    if bundle.manifest is None:
        raise Ended(Outcome("rejected", findings))
    version = bundle.manifest.version
    if tenant.profile != "auto":
        profile, why = profiles.BY_NAME[tenant.profile], "The tenant's setting."
    else:
        profile, why = dialects.recognise(headers, version)
    findings.add(dialects.strange_version(bundle.manifest, profile))
    if profile.japanese and job.bundle.lower().endswith(".zip") and not dialects.is_japanese_name(job.bundle):
        findings.add([Problem("W-ZIP-NAME", "", 0, "", job.bundle)])
    return profile, why


def misfit(tenant: Tenant, bundle: Bundle) -> str:
    """What to say of columns that are missing when the tenant's setting is not what the headers tell; else ""."""
    assert bundle.manifest is not None
    return dialects.misfit(tenant.profile, bundle.headers(), bundle.manifest.version)


def brought(bundle: Bundle) -> list[Entity]:
    """The entities whose file is there, in the order of dependence; also where the manifest says otherwise."""
    return [entity for entity in entities.ALL if entity.file in bundle.names]


async def refuse_late(conn: Connection, job: Claim, bundle: Bundle, findings: Findings) -> None:
    """A bulk bundle of an earlier day than the applied one is superseded."""
    current = await revisions.current(conn, job.tenant_id)
    assert bundle.manifest is not None
    bulk = "bulk" in bundle.manifest.modes.values()
    if bulk and current is not None and current.bulk_day is not None and job.day < current.bulk_day:
        reason = f"A bundle of {current.bulk_day} is applied already; this one is of {job.day}."
        raise Ended(Outcome("superseded", findings, reason))


async def stage(
    conn: Connection,
    bundle: Bundle,
    profile: Profile,
    sealer: Sealer,
    findings: Findings,
    mark: Mark,
    *,
    hint: str = "",
) -> dict[str, int]:
    """Read, check and COPY every file; returns the data rows of each. `hint` goes with faults of headers."""
    assert bundle.manifest is not None
    rows: dict[str, int] = {}
    for entity in brought(bundle):
        try:
            with bundle.open(entity.file) as stream:
                reader = Rows(stream, entity.file, entity, profile, bundle.encoding, hint)
                findings.add(reader.problems)
                rows[entity.name] = await fill(conn, entity, reader, sealer, findings, mark, sum(rows.values()))
                findings.read(reader)
        except Broken as broken:
            findings.add([broken.problem])
            findings.faulty.add(entity.file)
            continue
        if (
            reader.usable
            and reader.whole
            and rows[entity.name] == 0
            and bundle.manifest.modes.get(entity.name) == "bulk"
        ):
            findings.add([Problem("W-NO-ROWS", entity.file, 1, "", "")])
    # Files that are announced and not there, or not to be read, have no rows to find either.
    announced = {entity.file for entity in entities.ALL if bundle.manifest.modes.get(entity.name) in ("bulk", "delta")}
    findings.faulty |= announced - bundle.names
    return rows


async def fill(
    conn: Connection, entity: Entity, reader: Rows, sealer: Sealer, findings: Findings, mark: Mark, done: int
) -> int:
    """COPY the rows of a file into its staging table; returns how many data rows it has."""
    if not reader.usable:
        return 0
    await staging.create(conn, entity)
    encoder = staging.Encoder(entity, reader.columns, sealer)
    tally = Tally(reader, encoder, findings)
    # Closed before the file is: the thread reads it.
    async with aclosing(marked(tally, done, mark)) as chunks:
        staged = await staging.fill(conn, entity, encoder.names, chunks)
    if staged != tally.staged:
        raise RuntimeError(f"{entity.file}: {tally.staged} rows read, {staged} staged")
    await staging.analyze(conn, entity)
    return tally.rows


async def marked(tally: "Tally", done: int, mark: Mark) -> AsyncGenerator[bytes, None]:
    """The chunks of a file, made ahead in a thread, with the progress told as they pass."""
    async with aclosing(ahead(tally.chunks())) as chunks:
        async for chunk in chunks:
            yield chunk
            await mark("stage", done + tally.rows)


class Tally:
    """Encodes the batches of a file, in a thread, and counts what went by."""

    def __init__(self, reader: Rows, encoder: staging.Encoder, findings: Findings) -> None:
        self._reader, self._encoder, self._findings = reader, encoder, findings
        self.rows = 0
        """Data rows of the file, whether they could be read or not."""
        self.staged = 0

    def chunks(self) -> Iterator[bytes]:
        """COPY text, a batch at a time."""
        for batch in self._reader.batches():
            self.rows += len(batch.cells) + batch.lost
            self.staged += len(batch.cells)
            self._findings.add(batch.problems)
            if batch.cells:
                yield self._encoder.encode(batch)


async def check(
    conn: Connection, tenant: Tenant, bundle: Bundle, profile: Profile, rows: dict[str, int], findings: Findings
) -> dict[Entity, str]:
    """What can only be seen with all rows staged; ends here when anything is an error. Returns each file's mode."""
    # As they are now: what is found below leaves all rows in their places, so that who refers to them can be judged.
    faulty, imperfect = frozenset(findings.faulty), frozenset(findings.imperfect)
    staged = [entity for entity in brought(bundle) if entity.file not in faulty or rows.get(entity.name)]
    whole = [entity for entity in staged if entity.file not in faulty | imperfect]
    modes = {entity: await mode_of(conn, bundle, entity, findings) for entity in staged}
    by_name = {entity.name: mode for entity, mode in modes.items()}
    for entity in staged:
        findings.add(*await checks.duplicates(conn, entity))
        findings.add(*await checks.references(conn, tenant.id, entity, profile, by_name, faulty))
    if entities.USERS in whole and entities.ROLES in whole:
        findings.add(*await checks.roleless(conn))
    if findings.errors:
        raise Ended(Outcome("rejected", findings, None, profile.name, rows))
    return modes


async def mode_of(conn: Connection, bundle: Bundle, entity: Entity, findings: Findings) -> str:
    """Bulk or delta: the rows say it; where they say both, the manifest (CSV binding sections 1 and 4)."""
    assert bundle.manifest is not None
    said = bundle.manifest.modes.get(entity.name, "absent")
    found = await checks.modes(conn, entity)
    if found.blank and not found.filled:
        mode = "bulk"
    elif found.filled and not found.blank:
        mode = "delta"
    else:
        mode = "delta" if said == "delta" else "bulk"
    if found.half or (found.blank and found.filled):
        findings.add(*await checks.unfitting(conn, entity, mode))
    elif said != "absent" and mode != said and found.rows:
        findings.add([Problem("W-MODE", entity.file, 0, "", said, f"Read as {mode}.")])
    return mode


async def judge(
    conn: Connection,
    work: merge.Merge,
    rows: dict[str, int],
    limits: guard.Limits,
    profile: Profile,
    findings: Findings,
) -> list[Count]:
    """What would change, with the guard's word; ends here when a person must look first."""
    bulk = frozenset(entity.name for entity, mode in work.modes.items() if mode == "bulk")
    counts = guard.judge(await diff.diff(conn, work), rows, bulk, limits)
    because = guard.held_because(counts)
    if because is not None:
        raise Ended(Outcome("held", findings, because, profile.name, rows, counts))
    return counts


async def confirm(conn: Connection, job: Claim, sealer: Sealer, bundle: Bundle, outcome: Outcome) -> None:
    """A bundle that changes nothing makes no revision; it names the one it confirms."""
    assert bundle.manifest is not None
    bulk = "bulk" in bundle.manifest.modes.values()
    async with database.tenant_transaction(conn, job.tenant_id, "ingest"):
        await revisions.lock(conn, job.tenant_id)
        newest = await revisions.newest(conn, job.tenant_id)
        await enter(conn, job, sealer, outcome, newest or None, bulk=bulk)


async def enter(
    conn: Connection, job: Claim, sealer: Sealer, outcome: Outcome, revision: int | None, *, bulk: bool
) -> None:
    """In the transaction of the load: the bundle's state is current, and the job did this. Raises Taken."""
    assert outcome.profile is not None
    await revisions.set_current(conn, job.tenant_id, job.id, job.sha256, job.day, bulk=bulk)
    kept = await jobs.settle(
        conn,
        job,
        revision=revision,
        profile=outcome.profile,
        rows=outcome.rows,
        counts=outcome.counts,
        warnings=outcome.findings.total["warning"],
    )
    if not kept:
        raise Taken
    # With the load and not after it: whoever ends the job after a kill does not know this any more.
    await describe(conn, job, sealer, outcome)


async def describe(conn: Connection, job: Claim, sealer: Sealer, outcome: Outcome) -> None:
    """Keep what was found out about the bundle."""
    await jobs.describe(
        conn,
        job,
        sealer,
        profile=outcome.profile,
        rows=outcome.rows,
        found=outcome.findings.kept,
        total=outcome.findings.total,
        counts=outcome.counts,
        sealed_columns=SEALED_COLUMNS,
    )


class Taken(Exception):
    """Another worker has the job now; what this one did is rolled back."""
