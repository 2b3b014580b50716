"""rosterhub job: what became of the bundles."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from cyclopts import App

from daemon import printing
from daemon.here import Here
from daemon.verbs import Given
from oneroster.refused import Refused
from sql import audit, database, jobs, shown
from sql.database import Connection, Pool
from sql.jobs import Job

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
                for name, value in shown.job(found).items()
            ],
        )


@app.command
def problems(job: str, *, limit: int = 10_000, json: bool = False, here: Given) -> None:
    """What is wrong with a bundle: file, line, column, value.

    Example: rosterhub job problems 7f3a91c2

    Parameters
    ----------
    job
        The job's id, or the first 8 characters or more.
    limit
        At most so many.
    json
        Print JSON.
    """
    _, found = _of(here, job, lambda conn, one: jobs.problems(conn, one.tenant_id, one.id, limit=limit))
    if json:
        printing.data([shown.problem(one) for one in found])
    else:
        printing.table(
            ("CODE", "FILE", "LINE", "COLUMN", "VALUE", "MESSAGE"),
            [(one.code, one.file, one.line or "", one.column, one.value, one.problem.message) for one in found],
        )


@app.command
def diff(job: str, *, json: bool = False, here: Given) -> None:
    """What a job changed, or would change, by entity.

    Example: rosterhub job diff 7f3a91c2

    Parameters
    ----------
    job
        The job's id, or the first 8 characters or more.
    json
        Print JSON.
    """
    _, found = _of(here, job, lambda conn, one: jobs.counts(conn, one.tenant_id, one.id))
    if json:
        printing.data([msgspec.structs.asdict(one) for one in found])
    else:
        printing.table(
            ("ENTITY", "BEFORE", "AFTER", "INSERT", "UPDATE", "DELETE", "GUARD"),
            [msgspec.structs.astuple(one) for one in found],
        )


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
        async with database.hub(pool, "operator") as conn:
            found = await jobs.by_prefix(conn, job)
            await jobs.retry(conn, found)
            await audit.write(conn, found.tenant_id, here.actor, "job.retry", str(found.id))
            return found

    printing.line(f"Job {str(here.run(work).id)[:8]} waits to be tried again.")
