"""What a person decides about a job: approve it, reject it, undo it. Every decision has its entry in the audit log."""

import datetime
import uuid

import msgspec

from oneroster.refused import NoReason, Refused
from oneroster.said import Said
from sql import audit, claims, database, jobs, statements
from sql.audit import Actor
from sql.database import Connection
from sql.jobs import Job, NotNow

STATEMENTS = statements.load("decisions")


class Unconfirmed(Refused):
    """The number of removals must be confirmed."""

    hint = "Look at `rosterhub job diff`, then say --confirm with the number of records that will be removed."
    exit_code = 64


class NothingToUndo(Refused):
    """The job changed nothing that could be undone."""

    hint = "See `rosterhub job list`: jobs with a revision and changes can be rolled back."
    exit_code = 73


class LaterRevisions(Refused):
    """Later bundles changed the roster since."""

    hint = "Roll those back first, or undo them too with --cascade."
    exit_code = 73


class Made(msgspec.Struct, frozen=True):
    """The revision a job made, and the newest one of its tenant."""

    revision: int
    newest: int


class Later(msgspec.Struct, frozen=True):
    """A revision that came later, with its job."""

    revision: int
    id: uuid.UUID
    bundle: str


async def approve(conn: Connection, job: Job, confirm: int | None, reason: str, actor: Actor) -> None:
    """Let a held job be applied if it removes exactly as many records as it said.

    Raises NotNow (73) unless it is held, Unconfirmed (64) when `confirm` is not its number of removals, NoReason (64).
    """
    _give_reason(reason)
    if job.state != "held" or job.approved_at is not None:
        raise NotNow(f"It is {'approved already' if job.approved_at else job.state}.")
    if (confirm is None and job.deleted) or (confirm is not None and confirm != job.deleted):
        said = "" if confirm is None else f", not {confirm:,}"
        raise Unconfirmed(
            f"The bundle would remove {job.deleted:,} {'record' if job.deleted == 1 else 'records'}{said}."
        )
    if not await database.run(conn, STATEMENTS["approve"], _key(job) | {"deletes": job.deleted}):
        raise NotNow("It was decided about a moment ago.")
    detail = {"reason": reason, "deleted": job.deleted}
    await audit.write(conn, job.tenant_id, actor, "job.approve", str(job.id), detail=detail)


async def reject(conn: Connection, job: Job, reason: str, actor: Actor) -> None:
    """Discard a held job. Raises NotNow (73) unless it is held, NoReason (64)."""
    _give_reason(reason)
    if not await database.run(conn, STATEMENTS["discard"], _key(job) | {"reason": reason}):
        raise NotNow(f"It is {'approved already' if job.approved_at else job.state}.")
    await audit.write(conn, job.tenant_id, actor, "job.reject", str(job.id), detail={"reason": reason})


async def retry(conn: Connection, job: Job, actor: Actor) -> None:
    """Try a failed or rejected job once more. Raises NotNow (73) in any other state."""
    await jobs.retry(conn, job)
    await audit.write(conn, job.tenant_id, actor, "job.retry", str(job.id))


async def supersede(conn: Connection, tenant_id: int, job: uuid.UUID, day: datetime.date) -> int:
    """A bulk bundle was applied or is held: older held ones are not worth a decision any more."""
    params = {
        "tenant": tenant_id,
        "job": job,
        "day": day,
        **jobs.because(
            Said(
                f"The newer bundle of job {str(job)[:8]} has come.",
                f"新しいデータ（ジョブ {str(job)[:8]}）が届きました。",
            )
        ),
    }
    return await database.run(conn, STATEMENTS["supersede"], params)


async def roll_back(conn: Connection, job: Job, reason: str, actor: Actor, *, cascade: bool) -> uuid.UUID:
    """Enter the job that will restore the roster as it was before `job`; returns its id.

    Raises NotNow (73) unless the job is applied, NothingToUndo (73), LaterRevisions (73) without `cascade`, and
    NoReason (64).
    """
    _give_reason(reason)
    if job.state != "applied":
        raise NotNow(f"It is {job.state}.")
    made = await made_by(conn, job)
    if made.newest > made.revision and not cascade:
        later = await later_than(conn, job, made)
        named = ", ".join(f"{one.revision} (job {str(one.id)[:8]}, {one.bundle})" for one in later)
        raise LaterRevisions(f"It made revision {made.revision}; later ones are {named}.")
    params = {
        "tenant": job.tenant_id,
        "bundle": f"rollback of {str(job.id)[:8]}" + f" {job.bundle}" * (job.kind == "bundle"),
        "first": made.revision,
        "last": made.newest,
    }
    number: uuid.UUID = await database.fetch_value(conn, STATEMENTS["enter_rollback"], params)
    detail = {"reason": reason, "revisions": [made.revision, made.newest], "job": str(number)}
    await audit.write(conn, job.tenant_id, actor, "job.rollback", str(job.id), detail=detail)
    return number


async def made_by(conn: Connection, job: Job) -> Made:
    """The revision that a job made. Raises NothingToUndo (73) where it made none."""
    made = await database.fetch_one(conn, STATEMENTS["made_by"], Made, _key(job))
    if made is None:
        raise NothingToUndo(f"It only confirmed revision {job.revision}." if job.revision else "")
    return made


async def later_than(conn: Connection, job: Job, made: Made) -> list[Later]:
    """The first ten of the revisions that came since."""
    params = {"tenant": job.tenant_id, "revision": made.revision}
    return await database.fetch_all(conn, STATEMENTS["later"], Later, params)


async def mark_undone(conn: Connection, claim: claims.Claim) -> None:
    """In the transaction of a rollback: the jobs of the revisions it undoes are rolled back."""
    params = {
        "tenant": claim.tenant_id,
        "job": claim.id,
        "first": claim.undoes,
        "last": claim.undoes_to,
        **jobs.because(
            Said(f"Rolled back by job {str(claim.id)[:8]}.", f"ジョブ {str(claim.id)[:8]} により取り消されました。")
        ),
    }
    cursor = await conn.execute(STATEMENTS["undone"], params)
    for (number,) in await cursor.fetchall():
        detail = {"by": str(claim.id)}
        await audit.write(conn, claim.tenant_id, audit.SYSTEM, "job.rolled_back", str(number), detail=detail)


async def rolled_back_bytes(conn: Connection, tenant_id: int, sha256: str, content: str | None) -> uuid.UUID | None:
    """The job that last applied these very bytes, or the same files packed anew, when that was undone; else None."""
    params = {"tenant": tenant_id, "sha256": sha256, "content": content}
    found: uuid.UUID | None = await database.fetch_value(conn, STATEMENTS["rolled_back_bytes"], params)
    return found


def _give_reason(reason: str) -> None:
    if not reason.strip():
        raise NoReason


def _key(job: Job) -> dict[str, object]:
    return {"tenant": job.tenant_id, "job": job.id}
