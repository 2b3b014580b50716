"""The way of a bundle into the roster, from its archive to a new revision, in one transaction.

    open -> manifest -> profile -> rows | problems -> COPY to staging -> checks in SQL -> diff -> guard -> apply

Nothing of it is kept unless all of it is: whatever ends a load early raises `Ended`, which rolls everything back and
carries what was found out.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
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
from sql import apply, checks, columns, database, diff, jobs, merge, revisions, staging
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
    try:
        profile = recognise(tenant, bundle, findings)
        async with database.tenant_transaction(conn, tenant.id, "ingest"):
            await revisions.lock(conn, tenant.id)
            await refuse_late(conn, job, bundle, findings)
            await merge.make_room(conn)
            await mark("stage", 0)
            staged = await stage(conn, tenant, bundle, profile, sealer, findings, mark)
            rows = staged.rows
            await mark("check", None)
            modes = await check(conn, tenant, bundle, profile, staged, findings)
            await mark("diff", None)
            work = await merge.begin(conn, tenant.id, modes, staged.placed)
            counts = await judge(conn, work, rows, limits, profile, findings)
            if any(one.inserted or one.updated or one.deleted for one in counts):
                await mark("apply", None)
                await apply.apply(conn, work, job.id)
                # Before the job's row is ours: marks are written by another connection.
                await mark("commit", None)
                outcome = Outcome("applied", findings, None, profile.name, rows, counts)
                await enter(conn, job, sealer, outcome, work.revision, bulk="bulk" in modes.values())
            else:
                raise Ended(Outcome("applied", findings, None, profile.name, rows, counts))
    except Ended as ended:
        if ended.outcome.state == "applied":
            await confirm(conn, job, sealer, bundle, ended.outcome)
        return ended.outcome
    except Broken as broken:
        findings.add([broken.problem])
        return Outcome("rejected", findings)
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


async def refuse_late(conn: Connection, job: Claim, bundle: Bundle, findings: Findings) -> None:
    """A bulk bundle of an earlier day than the applied one is superseded."""
    current = await revisions.current(conn, job.tenant_id)
    assert bundle.manifest is not None
    bulk = "bulk" in bundle.manifest.modes.values()
    if bulk and current is not None and current.bulk_day is not None and job.day < current.bulk_day:
        reason = f"A bundle of {current.bulk_day} is applied already; this one is of {job.day}."
        raise Ended(Outcome("superseded", findings, reason))


class Staged(msgspec.Struct, frozen=True):
    """What the files of a bundle brought: data rows by entity name, and entities whose rows are in place already."""

    rows: dict[str, int]
    placed: set[Entity]


async def stage(
    conn: Connection,
    tenant: Tenant,
    bundle: Bundle,
    profile: Profile,
    sealer: Sealer,
    findings: Findings,
    mark: Mark,
) -> Staged:
    """Read, check and COPY every file."""
    found = Staged({}, set())
    revision = await revisions.newest(conn, tenant.id) + 1
    done = 0
    for entity in brought(bundle):
        with bundle.open(entity.file) as stream:
            reader = Rows(stream, entity.file, entity, profile)
            found.rows[entity.name] = 0
            if reader.usable:
                if entity not in columns.DOCUMENTED and not await merge.has_rows(conn, tenant.id, entity):
                    place = await staging.create_first(conn, entity, revision)
                    found.placed.add(entity)
                else:
                    place = await staging.create(conn, entity)
                encoder = staging.Encoder(entity, reader.columns, sealer, first=place.first)
                tally = Tally(reader, encoder, findings)

                # Closed before the file is: the thread reads it.
                async with aclosing(marked(tally, done, mark)) as chunks:
                    staged = await staging.fill(conn, place, encoder.names, chunks)
                if staged != tally.good:
                    raise RuntimeError(f"{entity.file}: {tally.good} rows read, {staged} staged")
                await staging.analyze(conn, place)
                found.rows[entity.name] = tally.rows
                done += tally.rows
            findings.add(reader.problems)
    return found


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
    conn: Connection, tenant: Tenant, bundle: Bundle, profile: Profile, staged: Staged, findings: Findings
) -> dict[Entity, str]:
    """What can only be seen with all rows staged; ends here when anything is an error. Returns each file's mode."""
    # As they are now: what is found below leaves all rows in their places, so that who refers to them can be judged.
    faulty = frozenset(findings.faulty)
    judged = [entity for entity in brought(bundle) if entity.file not in faulty or staged.rows[entity.name]]
    whole = [entity for entity in judged if entity.file not in faulty]
    modes = {entity: await mode_of(conn, bundle, entity, findings) for entity in judged}
    by_name = {entity.name: mode for entity, mode in modes.items()}
    for entity in judged:
        findings.add(*await checks.duplicates(conn, entity))
        findings.add(*await checks.references(conn, tenant.id, entity, profile, by_name, faulty))
    if entities.USERS in whole and entities.ROLES in whole:
        findings.add(*await checks.roleless(conn))
    if findings.errors:
        raise Ended(Outcome("rejected", findings, None, profile.name, staged.rows))
    return modes


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
