"""rosterhub job: what became of the bundles."""

import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cyclopts import App

from daemon import comparing, onward, printing, waiting
from daemon.here import Here
from daemon.verbs import Given
from oneroster.refused import Refused
from sql import database, decisions, jobs, masking, shown
from sql import samples as kept_samples
from sql.database import Connection, Pool
from sql.jobs import Count, Fault, Job
from sql.samples import Sample

app = App(name="job", help="What became of each bundle.")
T = TypeVar("T")


class BadState(Refused):
    """There is no such state."""

    hint = f"States are {', '.join(jobs.STATES)}."
    exit_code = 64


def _of(here: Here, prefix: str, read: Callable[[Connection, Job], Awaitable[T]]) -> tuple[Job, T]:
    async def work(pool: Pool) -> tuple[Job, T]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            job = await jobs.by_prefix(conn, prefix)
            return job, await read(conn, job)

    return here.run(work)


@app.command(name="list")
def list_(
    *, tenant: str | None = None, state: str | None = None, limit: int = 100, json: bool = False, here: Given
) -> None:
    """Jobs, newest first.

    Example: rosterhub job list --state held

    Parameters
    ----------
    tenant
        Only this tenant's.
    state
        Only in this state.
    limit
        At most so many.
    json
        Print JSON.
    """
    if state is not None and state not in jobs.STATES:
        raise BadState(state)

    async def work(pool: Pool) -> list[Job]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            return await jobs.page(conn, tenant=tenant, states=[state] if state else None, limit=limit)

    found = here.run(work)
    if json:
        printing.data([shown.job(one) for one in found])
    else:
        printing.table(
            ("JOB", "TENANT", "VIA", "STATE", "RECEIVED", "BUNDLE", "+", "~", "-", "ERR", "WARN"),
            [
                (
                    str(one.id)[:8],
                    one.tenant,
                    one.via,
                    one.state,
                    shown.instant(one.received_at),
                    one.bundle,
                    one.inserted,
                    one.updated,
                    one.deleted,
                    one.errors,
                    one.warnings,
                )
                for one in found
            ],
        )


@app.command
def show(job: str, *, json: bool = False, here: Given) -> None:
    """One job.

    Example: rosterhub job show 7f3a91c2

    Parameters
    ----------
    job
        Its id, or the first 8 characters or more.
    json
        Print JSON.
    """

    async def nothing_more(conn: Connection, found: Job) -> None:
        return None

    found, _ = _of(here, job, nothing_more)
    if json:
        printing.data(shown.job(found))
    else:
        printing.table(
            ("FIELD", "VALUE"),
            [
                (name, ", ".join(f"{key} {count}" for key, count in value.items()) if name == "rows" else value)
                for name, value in (shown.job(found) | shown.more(found)).items()
            ],
        )
        printing.advice(onward.lines(found))


@app.command
def problems(
    job: str, *, limit: int = 10_000, unmask: bool = False, reason: str = "", json: bool = False, here: Given
) -> None:
    """What is wrong with a bundle: file, line, column, value. Names of persons are masked, but for admins.

    Example: rosterhub job problems 7f3a91c2

    Parameters
    ----------
    job
        The job's id, or the first 8 characters or more.
    limit
        At most so many.
    unmask
        Show names of persons, to operators and admins; this is noted in the audit log.
    reason
        Why; needed to unmask.
    json
        Print JSON.
    """

    async def work(pool: Pool) -> list[Fault]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            one = await jobs.by_prefix(conn, job)
            found = await jobs.problems(conn, one.tenant_id, one.id, limit=limit)
        if unmask:
            async with here.deed(pool, "record.unmask") as conn:
                await masking.unmask(conn, one.tenant_id, f"job/{one.id}", reason, here.actor)
        return masking.faults(found, here.person, unmasked=unmask)

    found = here.run(work)
    if json:
        printing.data([shown.problem(one) for one in found])
    else:
        printing.problems(found)
        if not found:
            printing.talk(f"No problem is known of this job. Why it is as it is: rosterhub job show {job}")


@app.command
def diff(job: str, *, samples: bool = False, json: bool = False, here: Given) -> None:
    """What a job changed, or would change: counts by entity, and some of the records. Persons are masked.

    Example: rosterhub job diff 7f3a91c2

    Parameters
    ----------
    job
        The job's id, or the first 8 characters or more.
    samples
        With the records in the JSON, too.
    json
        Print JSON.
    """

    async def read(conn: Connection, one: Job) -> tuple[list[Count], list[Sample]]:
        return await jobs.counts(conn, one.tenant_id, one.id), await kept_samples.of_job(conn, one.tenant_id, one.id)

    _, (counts, found) = _of(here, job, read)
    if json:
        printing.data(shown.diff(counts, found if samples else None))
    else:
        comparing.say(counts, found)


@app.command
def approve(job: str, *, confirm: int | None = None, reason: str, json: bool = False, here: Given) -> int:
    """Let a held bundle be applied: it is loaded again, and held again if its removals differ from --confirm.

    Example: rosterhub job approve 7f3a90aa --confirm 10403 --reason "school merger, ticket 118"

    Parameters
    ----------
    job
        The job's id, or the first 8 characters or more.
    confirm
        How many records will be removed, as `job diff` says; needed when there are any.
    reason
        Why; kept in the audit log.
    json
        Print the job as JSON.
    """

    async def decide(conn: Connection, found: Job) -> uuid.UUID:
        await decisions.approve(conn, found, confirm, reason, here.actor)
        return found.id

    return _decided(here, "job.approve", job, decide, json=json)


@app.command
def reject(job: str, *, reason: str, json: bool = False, here: Given) -> None:
    """Discard a held bundle: nothing of it is applied.

    Example: rosterhub job reject 7f3a90aa --reason "the export was cut off"

    Parameters
    ----------
    job
        The job's id, or the first 8 characters or more.
    reason
        Why; kept in the audit log and told to the sender.
    json
        Print the job as JSON.
    """

    async def decide(conn: Connection, found: Job) -> uuid.UUID:
        await decisions.reject(conn, found, reason, here.actor)
        return found.id

    _decided(here, "job.reject", job, decide, json=json)


@app.command
def rollback(job: str, *, reason: str, cascade: bool = False, json: bool = False, here: Given) -> int:
    """Restore the roster as it was before a job. Prints the rollback's own job, which can be rolled back like any.

    Example: rosterhub job rollback 7f3a8d10 --reason "wrong school year"

    Parameters
    ----------
    job
        The job's id, or the first 8 characters or more.
    reason
        Why; kept in the audit log.
    cascade
        Undo the jobs applied since, too.
    json
        Print the rollback's job as JSON.
    """

    async def decide(conn: Connection, found: Job) -> uuid.UUID:
        return await decisions.roll_back(conn, found, reason, here.actor, cascade=cascade)

    return _decided(here, "job.rollback", job, decide, json=json)


def _decided(
    here: Here, what: str, prefix: str, decide: Callable[[Connection, Job], Awaitable[uuid.UUID]], *, json: bool
) -> int:
    """Decide, and wait until the work that follows is done, as long as there is a worker to do it."""

    async def work(pool: Pool) -> Job:
        async with here.deed(pool, what) as conn:
            number = await decide(conn, await jobs.by_prefix(conn, prefix))
        if await waiting.worked(pool):
            return await waiting.ended(pool, number)
        return await waiting.now(pool, number)

    found = here.run(work)
    if json:
        printing.data(shown.job(found))
    else:
        printing.line(f"Job {str(found.id)[:8]}: {found.state}" + (f" - {found.reason}" if found.reason else ""))
        printing.advice(onward.lines(found))
        if found.open:
            printing.talk("No worker runs now; it is done as soon as one does (rosterhub run).")
    return 0 if found.open else waiting.CODE_OF_STATE.get(found.state, 0)


@app.command
def retry(job: str, *, here: Given) -> None:
    """Try a failed or rejected job once more.

    Example: rosterhub job retry 7f3a91c2

    Parameters
    ----------
    job
        The job's id, or the first 8 characters or more.
    """

    async def work(pool: Pool) -> Job:
        async with here.deed(pool, "job.retry") as conn:
            found = await jobs.by_prefix(conn, job)
            await decisions.retry(conn, found, here.actor)
            return found

    printing.line(f"Job {str(here.run(work).id)[:8]} waits to be tried again.")
