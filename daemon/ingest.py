"""The way of a bundle into the roster, from its archive to a new revision, in one transaction.

    open -> manifest -> profile -> rows | problems -> COPY to staging -> checks in SQL -> diff -> guard -> apply

Nothing of it is kept unless all of it is: whatever ends a load early raises `Ended`, which rolls everything back and
carries what was found out.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing

import msgspec

from daemon import guard
from daemon.ahead import ahead
from oneroster import entities, profiles
from oneroster.bundle import Broken, Bundle
from oneroster.entities import Entity
from oneroster.problems import CODES, Problem
from oneroster.profiles import Profile
from oneroster.rows import Rows
from sql import (
    apply,
    causes,
    checks,
    database,
    decisions,
    diff,
    jobs,
    merge,
    revisions,
    samples,
    settings,
    staging,
    undo,
)
from sql.database import Connection
from sql.jobs import Claim, Count
from sql.samples import Sample
from sql.seal import Sealer
from sql.settings import Settings
from sql.tenants import Tenant

Mark = Callable[[str, int | None], Awaitable[None]]
"""Says which phase has begun and how many rows are behind it; a load that has been taken away ends there."""
ROLLED_BACK = "rolled-back"
"""The reason of a bundle held because its bytes were undone once."""

SEALED_COLUMNS = frozenset(
    (entity.file, field.name) for entity in entities.ALL for field in entity.fields if field.sealed or field.dropped
)
"""Columns whose values are not to be shown, not even where they are wrong."""


class Findings:
    """What is wrong with a bundle: everything is counted, and so many of each code are kept."""

    MOST = checks.MOST

    def __init__(self) -> None:
        self.kept: list[Problem] = []
        self.total: Counter[str] = Counter()
        self.faulty: set[str] = set()
        """Files with an error in them: whoever refers to a row of theirs is not blamed."""
        self._by_code: Counter[str] = Counter()

    def add(self, problems: Sequence[Problem], total: int | None = None) -> None:
        """Add problems; `total` is their number where only the first of them are given."""
        for one in problems:
            self._by_code[one.code] += 1
            if self._by_code[one.code] <= self.MOST:
                self.kept.append(one)
            if one.severity == "error":
                self.faulty.add(one.file)
        if problems:
            self.total[CODES[problems[0].code].severity] += (total or len(problems)) - len(problems)
        self.total.update(one.severity for one in problems)

    @property
    def errors(self) -> bool:
        return self.total["error"] > 0


class Outcome(msgspec.Struct, frozen=True):
    """How a load ended and what it found out on the way."""

    state: str
    findings: Findings
    reason: str | None = None
    profile: str | None = None
    rows: dict[str, int] = {}
    counts: Sequence[Count] = ()
    samples: Sequence[Sample] = ()
    profile_reason: str | None = None
    bulk: bool = False
    """Whether it brought a file as the full truth."""


class Ended(Exception):
    """The load is not to be kept."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.state)
        self.outcome = outcome


async def ingest(conn: Connection, job: Claim, tenant: Tenant, sealer: Sealer, bundle: Bundle, mark: Mark) -> Outcome:
    """Load a bundle whole or not at all; the outcome says which.

    A state of `applied` is committed, and its revision, if it made one, waits to be published; every other outcome
    left no trace.
    """
    findings = Findings()
    try:
        profile = recognise(tenant, bundle, findings)
        async with database.tenant_transaction(conn, tenant.id, "ingest"):
            await revisions.lock(conn, tenant.id)
            await mark("stage", 0)
            rows = await stage(conn, bundle, profile, sealer, findings, mark)
            await mark("check", None)
            modes = await check(conn, job, tenant, bundle, profile, rows, findings)
            await mark("diff", None)
            work = await merge.begin(conn, tenant.id, modes)
            outcome = await compare(conn, work, Outcome("applied", findings, None, profile.name, rows))
            outcome = await judge(conn, work, job, settings.read(tenant.settings), outcome)
            await make_so(conn, work, job, sealer, outcome, mark)
    except Ended as ended:
        return ended.outcome
    except Broken as broken:
        findings.add([broken.problem])
        return Outcome("rejected", findings)
    return outcome


async def roll_back(conn: Connection, job: Claim, tenant: Tenant, sealer: Sealer, mark: Mark) -> Outcome:
    """Restore the roster as it was before the revisions that the job undoes, as a new revision of the same kind."""
    assert job.undoes is not None
    async with database.tenant_transaction(conn, tenant.id, "ingest"):
        await revisions.lock(conn, tenant.id)
        if await revisions.newest(conn, tenant.id) != job.undoes_to:
            return Outcome("rejected", Findings(), "Another bundle was applied since this rollback was asked for.")
        await mark("stage", 0)
        modes = await undo.stage(conn, tenant.id, job.undoes - 1)
        await mark("diff", None)
        work = await merge.begin(conn, tenant.id, modes)
        outcome = await compare(conn, work, Outcome("applied", Findings()))
        await make_so(conn, work, job, sealer, outcome, mark)
        # Not before: what changes nothing is given up, and this is to be kept.
        await decisions.mark_undone(conn, job)
        await revisions.restore_current(conn, tenant.id, job.undoes)
    return outcome


def recognise(tenant: Tenant, bundle: Bundle, findings: Findings) -> Profile:
    """The profile the tenant says, or the one the headers tell; ends here when the bundle cannot be read at all."""
    findings.add(bundle.problems)
    if findings.errors or bundle.manifest is None:
        raise Ended(Outcome("rejected", findings))
    if tenant.profile != "auto":
        profile = profiles.BY_NAME[tenant.profile]
    else:
        profile = profiles.recognise({entity.name: bundle.header(entity.file) for entity in brought(bundle)})
    if bundle.manifest.version not in profile.versions:
        findings.add(
            [Problem("W-VERSION", "manifest.csv", 0, "oneroster.version", bundle.manifest.version, profile.name)]
        )
    return profile


def brought(bundle: Bundle) -> list[Entity]:
    """The entities whose file the manifest announces, in the order of dependence."""
    assert bundle.manifest is not None
    modes = bundle.manifest.modes
    return [entity for entity in entities.ALL if modes.get(entity.name, "absent") != "absent"]


async def stage(
    conn: Connection, bundle: Bundle, profile: Profile, sealer: Sealer, findings: Findings, mark: Mark
) -> dict[str, int]:
    """Read, check and COPY every file; returns the data rows of each."""
    rows: dict[str, int] = {}
    done = 0
    for entity in brought(bundle):
        with bundle.open(entity.file) as stream:
            reader = Rows(stream, entity.file, entity, profile)
            rows[entity.name] = 0
            if reader.usable:
                await staging.create(conn, entity)
                encoder = staging.Encoder(entity, reader.columns, sealer)
                tally = Tally(reader, encoder, findings)

                # Closed before the file is: the thread reads it.
                async with aclosing(marked(tally, done, mark)) as chunks:
                    staged = await staging.fill(conn, entity, encoder.names, chunks)
                if staged != tally.good:
                    raise RuntimeError(f"{entity.file}: {tally.good} rows read, {staged} staged")
                await staging.analyze(conn, entity)
                rows[entity.name] = tally.rows
                done += tally.rows
            findings.add(reader.problems)
    return rows


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
        self.good = 0

    def chunks(self) -> Iterator[bytes]:
        """COPY text, a batch at a time."""
        for batch in self._reader.batches():
            bad = {problem.line for problem in batch.problems if problem.severity == "error"}
            self.rows += len(batch.cells) + len(bad)
            self.good += len(batch.cells)
            self._findings.add(batch.problems)
            if batch.cells:
                yield self._encoder.encode(batch)


async def check(
    conn: Connection,
    job: Claim,
    tenant: Tenant,
    bundle: Bundle,
    profile: Profile,
    rows: dict[str, int],
    findings: Findings,
) -> dict[Entity, str]:
    """What can only be seen with all rows staged; ends here when anything is an error. Returns each file's mode."""
    # As they are now: what is found below leaves all rows in their places, so that who refers to them can be judged.
    faulty = frozenset(findings.faulty)
    staged = [entity for entity in brought(bundle) if entity.file not in faulty or rows[entity.name]]
    whole = [entity for entity in staged if entity.file not in faulty]
    modes = {entity: await mode_of(conn, bundle, entity, findings) for entity in staged}
    await refuse_late(conn, job, modes, Outcome("superseded", findings, None, profile.name, rows))
    by_name = {entity.name: mode for entity, mode in modes.items()}
    for entity in staged:
        findings.add(*await checks.duplicates(conn, entity))
        findings.add(*await checks.references(conn, tenant.id, entity, profile, by_name, faulty))
    if entities.USERS in whole and entities.ROLES in whole:
        findings.add(*await checks.roleless(conn))
    if findings.errors:
        raise Ended(Outcome("rejected", findings, None, profile.name, rows))
    return modes


async def refuse_late(conn: Connection, job: Claim, modes: Mapping[Entity, str], late: Outcome) -> None:
    """Ends here when the bundle has a bulk file and is of an earlier day than the applied one."""
    current = await revisions.current(conn, job.tenant_id)
    if "bulk" in modes.values() and current is not None and current.bulk_day is not None and job.day < current.bulk_day:
        reason = f"A bundle of {current.bulk_day} is applied already; this one is of {job.day}."
        raise Ended(msgspec.structs.replace(late, reason=reason))


async def mode_of(conn: Connection, bundle: Bundle, entity: Entity, findings: Findings) -> str:
    """Bulk or delta: the manifest says it, but the rows win (CSV binding sections 1 and 4)."""
    assert bundle.manifest is not None
    said = bundle.manifest.modes[entity.name]
    found = await checks.modes(conn, entity)
    if found.rows == 0:
        return said
    if found.blank == found.rows:
        seen = "bulk"
    elif found.filled == found.rows:
        seen = "delta"
    else:
        findings.add([Problem("E-STATUS", entity.file, found.half or found.first_odd, "status", "")])
        return said
    if seen != said:
        findings.add([Problem("W-MODE", entity.file, 0, "", said, f"Read as {seen}.")])
    return seen


async def compare(conn: Connection, work: merge.Merge, outcome: Outcome) -> Outcome:
    """What would change: counts, and some of the records."""
    await merge.mark_start(conn)
    counts = await diff.diff(conn, work)
    return msgspec.structs.replace(
        outcome,
        counts=counts,
        samples=await samples.take(conn, work),
        bulk="bulk" in work.modes.values(),
    )


async def judge(conn: Connection, work: merge.Merge, job: Claim, limits: Settings, outcome: Outcome) -> Outcome:
    """The outcome with the guard's word on each count; ends here when a person must look first."""
    bulk = frozenset(entity.name for entity, mode in work.modes.items() if mode == "bulk")
    counts = guard.judge(outcome.counts, outcome.rows, bulk, limits, job.day)
    outcome = msgspec.structs.replace(outcome, counts=counts)
    if not changes(counts):
        return outcome
    because = await held_because(conn, work, job, counts, outcome.rows)
    if because is not None:
        raise Ended(msgspec.structs.replace(outcome, state="held", reason=because))
    return outcome


async def held_because(
    conn: Connection, work: merge.Merge, job: Claim, counts: Sequence[Count], rows: dict[str, int]
) -> str | None:
    """Why a person must look first, None when the load may go on."""
    if job.approved_deletes is not None:
        removals = jobs.sums(counts)["deleted"]
        if removals == job.approved_deletes:
            return None
        return f"Approved with {job.approved_deletes:,} removals, but now {removals:,} records would go."
    if await decisions.rolled_back_bytes(conn, job.tenant_id, job.sha256):
        return ROLLED_BACK
    sentence = guard.held_because(counts)
    if sentence is None:
        return None
    cause = await causes.likely(conn, work, counts, rows)
    return f"{sentence} {cause}" if cause else sentence


def changes(counts: Sequence[Count]) -> bool:
    """Whether any record changes at all."""
    return any(one.inserted or one.updated or one.deleted for one in counts)


async def make_so(
    conn: Connection, work: merge.Merge, job: Claim, sealer: Sealer, outcome: Outcome, mark: Mark
) -> None:
    """Apply what was compared. What changes nothing makes no revision; it names the one it confirms."""
    revision: int | None = work.revision
    if changes(outcome.counts):
        await mark("apply", None)
        await apply.apply(conn, work, job.id)
    else:
        # Parts may have moved without being seen in any record.
        await merge.back_to_start(conn)
        revision = work.revision - 1 or None
    await apply.note_dates(conn, work)
    # Before the job's row is ours: marks are written by another connection.
    await mark("commit", None)
    await enter(conn, job, sealer, outcome, revision)


async def enter(conn: Connection, job: Claim, sealer: Sealer, outcome: Outcome, revision: int | None) -> None:
    """In the transaction of the load: the bundle's state is current, and the job did this. Raises Taken."""
    if job.kind == "bundle":
        await revisions.set_current(conn, job.tenant_id, job.id, job.sha256, job.day, bulk=outcome.bulk)
        if outcome.bulk:
            await decisions.supersede(conn, job.tenant_id, job.id, job.day)
    kept = await jobs.settle(
        conn,
        job,
        revision=revision,
        profile=outcome.profile,
        profile_reason=outcome.profile_reason,
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
        profile_reason=outcome.profile_reason,
        rows=outcome.rows,
        found=outcome.findings.kept,
        total=outcome.findings.total,
        counts=outcome.counts,
        sealed_columns=SEALED_COLUMNS,
    )
    await samples.keep(conn, job.tenant_id, job.id, outcome.samples)


class Taken(Exception):
    """Another worker has the job now; what this one did is rolled back."""
