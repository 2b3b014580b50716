"""What can be done to a job: approve, reject, retry, roll back."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sql import decisions, jobs
from sql.jobs import Job
from tui import times, words
from tui.deeds import Deed
from tui.dialog import Ask, Done, Field, confirmed, reason
from tui.words import say

if TYPE_CHECKING:
    from tui.app import RosterHub


def deeds(app: "RosterHub", job: uuid.UUID, state: str, *, approved: bool = False) -> list[Deed]:
    """All four, those that its state does not allow with the reason."""
    named = words.state(state)
    waits = say("Only a held bundle can be decided about; this one is {state}.", state=named)
    if approved:
        waits = say("It is approved already and waits for a worker.")
    held = "" if state == "held" and not approved else waits
    ended = say("Only a failed or rejected job can be tried again; this one is {state}.", state=named)
    applied = say("Only an applied job can be rolled back; this one is {state}.", state=named)
    return [
        Deed("approve", say("Approve the held bundle"), "job.approve", lambda: _approve(app, job), "A", held),
        Deed("reject", say("Reject the held bundle"), "job.reject", lambda: _reject(app, job), "X", held),
        Deed(
            "retry",
            say("Try the job once more"),
            "job.retry",
            lambda: _retry(app, job),
            "R",
            "" if state in ("failed", "rejected") else ended,
        ),
        Deed(
            "rollback",
            say("Roll back to before this job"),
            "job.rollback",
            lambda: _roll_back(app, job),
            "B",
            "" if state == "applied" else applied,
        ),
    ]


def of(app: "RosterHub", job: Job) -> list[Deed]:
    """Those of a job that is shown."""
    return deeds(app, job.id, job.state, approved=job.approved_at is not None)


async def _now(app: "RosterHub", job: uuid.UUID) -> Job:
    async with app.source.reading() as conn:
        return await jobs.by_prefix(conn, str(job))


def _named(one: Job) -> str:
    """What the deed is about; the code of the tenant is there to be typed."""
    return say("Tenant {tenant} ({code}), bundle {bundle}.", tenant=one.tenant_name, code=one.tenant, bundle=one.bundle)


async def _approve(app: "RosterHub", job: uuid.UUID) -> Ask:
    async with app.source.reading() as conn:
        one = await jobs.by_prefix(conn, str(job))
        counts = await jobs.counts(conn, one.tenant_id, one.id)
    going = [
        f"{words.entity(count.entity)} {count.deleted:,}"
        for count in counts
        if count.deleted and count.entity not in ("students", "teachers")
    ]
    if going:
        effect = say("This will soft-delete {number:,}: {counts}.", number=one.deleted, counts=", ".join(going))
    else:
        effect = say("No record will be removed; {updated:,} will change.", updated=one.updated)
    fields = (
        (Field("confirm", say("Type the number of removals to go on:"), wanted=str(one.deleted)),)
        if one.deleted
        else (confirmed(one.tenant),)
    )

    async def do(typed: Mapping[str, str]) -> Done:
        async with app.source.acting() as conn:
            found = await jobs.by_prefix(conn, str(job))
            number = int(typed["confirm"].replace(",", "")) if one.deleted else None
            await decisions.approve(conn, found, number, typed["reason"], app.actor)
        return Done(say("Approved: {job} is loaded again, with exactly that many removals.", job=str(job)[:8]))

    number = f" --confirm {one.deleted}" if one.deleted else ""
    return Ask(
        say("Approve held bundle {job}", job=str(job)[:8]),
        (
            _named(one),
            effect,
            say("Undo: roll back to the state before this bundle, for as long as history is kept (30 days)."),
        ),
        (*fields, reason()),
        say("Approve"),
        do,
        f'rosterhub job approve {str(job)[:8]}{number} --reason "..."',
    )


async def _reject(app: "RosterHub", job: uuid.UUID) -> Ask:
    one = await _now(app, job)

    async def do(typed: Mapping[str, str]) -> Done:
        async with app.source.acting() as conn:
            found = await jobs.by_prefix(conn, str(job))
            await decisions.reject(conn, found, typed["reason"], app.actor)
        return Done(say("Rejected: nothing of {job} was applied.", job=str(job)[:8]))

    return Ask(
        say("Reject held bundle {job}", job=str(job)[:8]),
        (
            _named(one),
            say("Nothing of it will be applied, and its sender is told the reason. The roster stays as it is."),
            say("Undo: deliver the bundle again; it is looked at anew."),
        ),
        (confirmed(one.tenant), reason()),
        say("Reject"),
        do,
        f'rosterhub job reject {str(job)[:8]} --reason "..."',
    )


async def _retry(app: "RosterHub", job: uuid.UUID) -> Ask:
    one = await _now(app, job)

    async def do(typed: Mapping[str, str]) -> Done:
        async with app.source.acting() as conn:
            await decisions.retry(conn, await jobs.by_prefix(conn, str(job)), app.actor)
        return Done(say("{job} waits to be tried again.", job=str(job)[:8]))

    return Ask(
        say("Try {job} once more", job=str(job)[:8]),
        (
            _named(one),
            say("The same bytes are read again with today's settings. If they are good, they are applied."),
            say("Undo: once applied, it can be rolled back."),
        ),
        (confirmed(one.tenant),),
        say("Try again"),
        do,
        f"rosterhub job retry {str(job)[:8]}",
    )


async def _roll_back(app: "RosterHub", job: uuid.UUID) -> Ask:
    async with app.source.reading() as conn:
        one = await jobs.by_prefix(conn, str(job))
        made = await decisions.made_by(conn, one)
        later = await decisions.later_than(conn, one, made)
    number = made.newest - made.revision
    effect = [
        _named(one),
        say(
            "The roster becomes what it was before {time} (revision {revision:,}).",
            time=times.day(one.finished_at, app.zone),
            revision=made.revision,
        ),
        say(
            "Undone: {inserted:,} new, {updated:,} changed, {deleted:,} removed.",
            inserted=one.inserted,
            updated=one.updated,
            deleted=one.deleted,
        ),
    ]
    fields = [confirmed(one.tenant)]
    if number:
        bundles = ", ".join(f"{each.revision} {each.bundle}" for each in later)
        effect.append(say("Later bundles are undone, too: {bundles}.", bundles=bundles))
        fields.append(Field("later", say("Type how many later ones that are:"), wanted=str(number)))
    effect.append(say("Undo: the rollback is a job of its own, and can be rolled back like any."))

    async def do(typed: Mapping[str, str]) -> Done:
        async with app.source.acting() as conn:
            found = await jobs.by_prefix(conn, str(job))
            newest = (await decisions.made_by(conn, found)).newest
            cascade = number > 0 and newest == made.newest
            made_job = await decisions.roll_back(conn, found, typed["reason"], app.actor, cascade=cascade)
        return Done(say("Job {job} rolls it back.", job=str(made_job)[:8]))

    cascade = " --cascade" if number else ""
    return Ask(
        say("Roll back job {job}", job=str(job)[:8]),
        tuple(effect),
        (*fields, reason()),
        say("Roll back"),
        do,
        f'rosterhub job rollback {str(job)[:8]}{cascade} --reason "..."',
    )
