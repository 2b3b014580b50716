"""The way of a bundle into the roster, from its archive to a new revision, in one transaction.

    open -> manifest -> profile -> rows | problems -> COPY to staging -> checks in SQL -> diff -> guard -> apply

Nothing of it is kept unless all of it is: whatever ends a load early raises `Ended`, which rolls everything back and
carries what was found out.
"""

from collections.abc import Mapping, Sequence

import msgspec
import structlog

from daemon import basis, examine, guard
from daemon.basis import Reopen
from daemon.examine import Mark
from daemon.findings import SEALED_COLUMNS, Findings
from oneroster import entities
from oneroster.bundle import Bundle
from oneroster.entities import Entity
from oneroster.profiles import Profile
from oneroster.said import Said
from sql import apply, causes, claims, database, decisions, diff, jobs, merge, revisions, samples, settings, undo
from sql.claims import Claim
from sql.database import Connection
from sql.jobs import Count
from sql.samples import Sample
from sql.seal import Sealer
from sql.settings import Settings
from sql.staging import Staged
from sql.tenants import Tenant

log = structlog.get_logger()

ROLLED_BACK = Said("rolled-back", "取り消されたデータと同一のデータが再び届きました。")
"""The reason of a bundle held because its bytes were undone once."""

OVERTAKEN = Said(
    "Another bundle was applied since this rollback was asked for.", "取り消しの依頼後に、別のデータが反映されました。"
)


class Outcome(msgspec.Struct, frozen=True):
    """How a load ended and what it found out on the way."""

    state: str
    findings: Findings
    reason: Said | None = None
    profile: str | None = None
    profile_reason: str | None = None
    """How the profile was told."""
    rows: dict[str, int] = {}
    counts: Sequence[Count] = ()
    samples: Sequence[Sample] = ()
    bulk: bool = False
    """Whether it brought a file as the full truth."""
    content: str | None = None
    """What the bundle held (`Bundle.content`)."""
    read_as: str | None = None
    """How it was read, where nothing was wrong with any row and every file is the full truth (`basis.read_as`)."""


class Ended(Exception):
    """The load is not to be kept."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.state)
        self.outcome = outcome


async def ingest(
    conn: Connection, job: Claim, tenant: Tenant, sealer: Sealer, bundle: Bundle, mark: Mark, reopen: Reopen
) -> Outcome:
    """Load a bundle whole or not at all; the outcome says which. `reopen` opens an earlier one by its SHA-256.

    A state of `applied` is committed, and its revision, if it made one, waits to be published; every other outcome
    left no trace.
    """
    try:
        async with database.tenant_transaction(conn, tenant.id, "ingest"):
            work, outcome = await prepare(conn, job, tenant, sealer, bundle, mark, reopen)
            await make_so(conn, work, job, sealer, outcome, mark)
    except Ended as ended:
        return ended.outcome
    return outcome


async def rehearse(conn: Connection, job: Claim, tenant: Tenant, sealer: Sealer, bundle: Bundle, mark: Mark) -> Outcome:
    """What would become of a bundle; nothing is kept. `job` need not be stored."""
    try:
        async with database.tenant_transaction(conn, tenant.id, "ingest"):
            _, outcome = await prepare(conn, job, tenant, sealer, bundle, mark)
            raise Ended(outcome)
    except Ended as ended:
        return ended.outcome


async def prepare(
    conn: Connection,
    job: Claim,
    tenant: Tenant,
    sealer: Sealer,
    bundle: Bundle,
    mark: Mark,
    reopen: Reopen | None = None,
) -> tuple[merge.Merge, Outcome]:
    """All of a load but the writing: what would be written, and its outcome. Raises Ended where it will not be."""
    findings = Findings()
    try:
        profile, why = examine.recognise(tenant, job.bundle, bundle, findings)
    except examine.Unreadable:
        raise Ended(Outcome("rejected", findings)) from None
    await revisions.lock(conn, tenant.id)
    await merge.mark(conn, "begun")
    found = None
    if reopen is not None:
        found = await examine_changes(conn, tenant, bundle, profile, sealer, findings, mark, reopen)
    if found is None:
        findings = Findings()
        examine.recognise(tenant, job.bundle, bundle, findings)
        found = await examine.examine(conn, tenant, bundle, profile, sealer, findings, mark)
    staged, modes = found
    outcome = Outcome("applied", findings, None, profile.name, why, staged.rows, content=bundle.content or None)
    # Parts without users may be those of removed ones, which count as no rows of a file.
    whole = entities.USERS in modes or not any(part in modes for part in entities.PARTS)
    if whole and findings.spotless and all(mode == "bulk" for mode in modes.values()):
        outcome = msgspec.structs.replace(outcome, read_as=basis.read_as(profile, bundle))
    await refuse_late(conn, job, modes, outcome)
    if findings.errors:
        raise Ended(msgspec.structs.replace(outcome, state="rejected"))
    await mark("diff")
    work = await merge.begin(conn, tenant.id, modes, staged)
    outcome = await compare(conn, work, outcome)
    return work, await judge(conn, work, job, settings.read(tenant.settings), outcome)


async def examine_changes(
    conn: Connection,
    tenant: Tenant,
    bundle: Bundle,
    profile: Profile,
    sealer: Sealer,
    findings: Findings,
    mark: Mark,
    reopen: Reopen,
) -> tuple[Staged, dict[Entity, str]] | None:
    """Examine by what differs from the bundle that the roster is of; None where it must be read whole.

    So it must where anything is wrong: what is said of it is of all rows, and each with its line.
    """
    async with basis.of(conn, tenant, sealer, profile, bundle, reopen) as before:
        if before is None:
            return None
        try:
            found = await examine.examine(conn, tenant, bundle, profile, sealer, findings, mark, before)
            if findings.spotless:
                log.info("compared", same=sorted(one.name for one in found[0].same))
                return found
        except basis.Unfit:
            pass
    await merge.go_back(conn, "begun")
    return None


async def roll_back(conn: Connection, job: Claim, tenant: Tenant, sealer: Sealer, mark: Mark) -> Outcome:
    """Restore the roster as it was before the revisions that the job undoes, as a new revision of the same kind."""
    assert job.undoes is not None
    async with database.tenant_transaction(conn, tenant.id, "ingest"):
        await revisions.lock(conn, tenant.id)
        if await revisions.newest(conn, tenant.id) != job.undoes_to:
            return Outcome("rejected", Findings(), OVERTAKEN)
        await merge.make_room(conn)
        await mark("stage", 0)
        modes = await undo.stage(conn, tenant.id, job.undoes - 1)
        await mark("diff")
        work = await merge.begin(conn, tenant.id, modes)
        outcome = await compare(conn, work, Outcome("applied", Findings()))
        await make_so(conn, work, job, sealer, outcome, mark)
        # Not before: what changes nothing is given up, and this is to be kept.
        await decisions.mark_undone(conn, job)
        await revisions.restore_current(conn, tenant.id, job.undoes)
    return outcome


async def refuse_late(conn: Connection, job: Claim, modes: Mapping[Entity, str], outcome: Outcome) -> None:
    """Ends here when the bundle has a bulk file and is of an earlier day than the applied one."""
    current = await revisions.current(conn, job.tenant_id)
    if "bulk" in modes.values() and current is not None and current.bulk_day is not None and job.day < current.bulk_day:
        reason = Said(
            f"A bundle of {current.bulk_day} is applied already; this one is of {job.day}.",
            f"{current.bulk_day} のデータを反映済みですが、これは {job.day} のデータです。",
        )
        raise Ended(msgspec.structs.replace(outcome, state="superseded", reason=reason))


async def compare(conn: Connection, work: merge.Merge, outcome: Outcome) -> Outcome:
    """What would change: counts, and some of the records."""
    counts = await diff.diff(conn, work)
    return msgspec.structs.replace(
        outcome,
        counts=counts,
        samples=await samples.take(conn, work),
        bulk="bulk" in work.modes.values() or bool(work.staged.same),
    )


async def judge(conn: Connection, work: merge.Merge, job: Claim, limits: Settings, outcome: Outcome) -> Outcome:
    """The outcome with the guard's word on each count; ends here when a person must look first."""
    bulk = frozenset(entity.name for entity, mode in work.modes.items() if mode == "bulk")
    counts = guard.judge(outcome.counts, outcome.rows, bulk, limits, job.day)
    outcome = msgspec.structs.replace(outcome, counts=counts)
    if not changes(counts):
        return outcome
    because = await held_because(conn, work, job, outcome)
    if because is not None:
        raise Ended(msgspec.structs.replace(outcome, state="held", reason=because))
    return outcome


async def held_because(conn: Connection, work: merge.Merge, job: Claim, outcome: Outcome) -> Said | None:
    """Why a person must look first, None when the load may go on."""
    counts = outcome.counts
    if job.approved_deletes is not None:
        removals = jobs.sums(counts)["deleted"]
        if removals == job.approved_deletes:
            return None
        return Said(
            f"Approved with {job.approved_deletes:,} removals, but now {removals:,} records would go.",
            f"削除{job.approved_deletes:,}件として承認されましたが、現在は{removals:,}件になります。",
        )
    if await decisions.rolled_back_bytes(conn, job.tenant_id, job.sha256, outcome.content):
        return ROLLED_BACK
    sentence = guard.held_because(counts)
    if sentence is None:
        return None
    cause = await causes.likely(conn, work, counts, outcome.rows)
    return sentence + cause if cause else sentence


def changes(counts: Sequence[Count]) -> bool:
    """Whether any record changes at all."""
    return any(one.inserted or one.updated or one.deleted for one in counts)


async def make_so(
    conn: Connection, work: merge.Merge, job: Claim, sealer: Sealer, outcome: Outcome, mark: Mark
) -> None:
    """Apply what was compared. What changes nothing makes no revision; it names the one it confirms."""
    revision: int | None = work.revision
    if changes(outcome.counts):
        await mark("apply")
        await apply.apply(conn, work, job.id)
    else:
        if work.staged.placed:  # first rows, that are none of a record, lie in their place already
            await merge.go_back(conn, "begun")
            outcome = msgspec.structs.replace(outcome, read_as=None)
        else:
            await diff.keep_unseen(conn, work)
        revision = work.revision - 1 or None
    if changes(outcome.counts) or not work.staged.placed:  # else nothing is staged any more
        await apply.note_dates(conn, work)
    # Before the job's row is ours: marks are written by another connection.
    await mark("commit")
    await enter(conn, job, sealer, outcome, revision)


async def enter(conn: Connection, job: Claim, sealer: Sealer, outcome: Outcome, revision: int | None) -> None:
    """In the transaction of the load: the bundle's state is current, and the job did this. Raises Taken."""
    if job.kind == "bundle":
        await revisions.set_current(
            conn,
            job.tenant_id,
            job.id,
            job.sha256,
            job.day,
            bulk=outcome.bulk,
            revision=revision,
            read_as=outcome.read_as,
        )
        if outcome.bulk:
            await decisions.supersede(conn, job.tenant_id, job.id, job.day)
    kept = await claims.settle(
        conn,
        job,
        revision=revision,
        profile=outcome.profile,
        profile_reason=outcome.profile_reason,
        rows=outcome.rows,
        counts=outcome.counts,
        warnings=outcome.findings.total["warning"],
        content=outcome.content,
    )
    if not kept:
        raise Taken
    # With the load and not after it: whoever ends the job after a kill does not know this any more.
    await describe(conn, job, sealer, outcome)


async def describe(conn: Connection, job: Claim, sealer: Sealer, outcome: Outcome) -> None:
    """Keep what was found out about the bundle."""
    await jobs.describe(
        conn,
        job.tenant_id,
        job.id,
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
