"""rosterhub ingest, sample, explain: bundles by hand."""

import datetime
from pathlib import Path

import msgspec

from daemon import onward, printing, waiting
from daemon.here import Here
from daemon.verbs import Given
from oneroster import profiles
from oneroster.problems import CODES
from oneroster.refused import Refused
from sql import database, shown, tenants
from sql.database import Pool
from sql.jobs import Job


class NoBundle(Refused):
    """There is no such bundle."""

    hint = "A bundle is a zip, or a folder of CSV files with manifest.csv."
    exit_code = 66


class NoProfile(Refused):
    """There is no such profile."""

    hint = f"Profiles are {', '.join(profiles.BY_NAME)}."
    exit_code = 64


class NoCode(Refused):
    """There is no such code of a problem."""

    hint = "`rosterhub explain` without a code lists all of them."
    exit_code = 64


def ingest(
    tenant: str, bundle: Path, *, wait: bool = False, dry_run: bool = False, json: bool = False, here: Given
) -> int:
    """Deliver a bundle by hand, through the same job as every door; or only say what would become of it.

    Example: rosterhub ingest sapporo RO_20260401_011002.zip --wait

    Parameters
    ----------
    tenant
        The tenant.
    bundle
        A zip, or a folder of CSV files.
    wait
        Wait until the job has come to its end: 0 applied, 10 held, 65 rejected, 75 failed.
    dry_run
        Change nothing, make no job: print what would be applied, held or rejected, and the difference as `job diff`.
    json
        Print the job as JSON.
    """
    if not bundle.exists():
        raise NoBundle(str(bundle))
    if dry_run:
        return _rehearse(tenant, bundle, json=json, here=here)
    from daemon import delivery

    async def work(pool: Pool) -> Job:
        here.person.require("bundle.receive")
        async with database.hub(pool, "viewer", read_only=True) as conn:
            owner = await tenants.by_code(conn, tenant)
        state, role = here.settings.state, here.person.role
        number = await delivery.by_hand(pool, here.master, state, owner, bundle, here.actor, role)
        if owner.state == "paused":
            printing.talk(f"The tenant is paused; the bundle waits for: rosterhub tenant resume {tenant} --reason ...")
        return await waiting.ended(pool, number) if wait else await waiting.now(pool, number)

    job = here.run(work)
    if json:
        printing.data(shown.job(job))
    else:
        printing.line(f"Job {str(job.id)[:8]}: {job.state}" + (f" - {job.reason}" if job.reason else ""))
        printing.advice(onward.lines(job))
    return waiting.CODE_OF_STATE.get(job.state, 0)


def _rehearse(tenant: str, bundle: Path, *, json: bool, here: Here) -> int:
    from daemon import comparing, rehearsal
    from daemon.ingest import Outcome

    async def work(pool: Pool) -> Outcome:
        here.person.require("bundle.rehearse")
        async with database.hub(pool, "viewer", read_only=True) as conn:
            owner = await tenants.by_code(conn, tenant)
        return await rehearsal.rehearse(pool, here.master, owner, bundle)

    found = here.run(work)
    reason = found.reason.english if found.reason else None
    problems = rehearsal.problems(found)
    if json:
        printing.data(
            {
                "verdict": found.state,
                "reason": reason,
                "profile": found.profile,
                "problems": [shown.problem(one) for one in problems],
                "rows": found.rows,
                "diff": shown.diff(found.counts, found.samples),
            }
        )
    else:
        printing.line(f"It would be {found.state}." + (f" {reason}" if reason else ""))
        printing.problems(problems)
        comparing.say(found.counts, found.samples)
    return waiting.CODE_OF_STATE[found.state]


def sample(
    folder: Path,
    *,
    users: int,
    profile: str = "jp-1.2.1",
    seed: int = 1,
    change: float = 0.0,
    day: datetime.date | None = None,
) -> None:
    """Write a generated bundle into a folder: valid, believable, the same for the same seed.

    Example: rosterhub sample /tmp/bundles --users 1000

    Parameters
    ----------
    folder
        Where the zip goes; made when it is not there.
    users
        How many users; enrollments are about ten times as many.
    profile
        base-1.2, jp-1.2, jp-1.2.1 or jp-k12-1.0.
    seed
        Another seed, another school board.
    change
        The same roster with so many percent of users, classes and enrollments changed.
    day
        The day in the name of the zip; today when not given.
    """
    if profile not in profiles.BY_NAME:
        raise NoProfile(profile)
    from oneroster import sample as samples

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / samples.bundle_name(users, day=day or datetime.date.today(), seed=seed)
    samples.write_sample(target, users, profile=profiles.BY_NAME[profile], seed=seed, change=change)
    printing.line(str(target))


def explain(code: str | None = None, *, json: bool = False) -> None:
    """What a problem's code means and what to do about it, in English and Japanese.

    Example: rosterhub explain E-REF

    Parameters
    ----------
    code
        The code; all of them when not given.
    json
        Print a list of objects as JSON.
    """
    if code is not None and code not in CODES:
        raise NoCode(code)
    chosen = {name: one for name, one in CODES.items() if code in (None, name)}
    if json:
        printing.data([{"code": name, **msgspec.structs.asdict(one)} for name, one in chosen.items()])
        return
    for name, one in chosen.items():
        printing.line(f"{name} ({one.severity})\n  {one.english} {one.fix}\n  {one.japanese}{one.fix_japanese}")
