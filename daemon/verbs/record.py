"""rosterhub record: what became of one pupil, class or enrollment."""

from typing import Any

from cyclopts import App

from daemon import comparing, printing
from daemon.verbs import Given
from oneroster import entities
from sql import database, lineage, masking, shown, tenants
from sql.database import Pool
from sql.lineage import UnknownRecord, Version

app = App(name="record", help="What became of one record.")


@app.command
def show(
    tenant: str, entity: str, id: str, *, unmask: bool = False, reason: str = "", json: bool = False, here: Given
) -> None:
    """Which bundle, file and line made a record, changed it, removed it; before and after. Newest first.

    Example: rosterhub record show sapporo users 3f2b9c1e-0d57-4c0e-9a6e-2f6c7d1a8b90

    Parameters
    ----------
    tenant
        The tenant.
    entity
        orgs, academicSessions, courses, classes, users, demographics or enrollments.
    id
        The record's sourcedId.
    unmask
        Show names of persons, to operators and admins; this is noted in the audit log.
    reason
        Why; needed to unmask.
    json
        Print JSON.
    """
    kind = next((one for one in entities.EXPOSED if one.name == entity), None)
    if kind is None:
        raise UnknownRecord(f"{entity} {id}.")

    async def work(pool: Pool) -> list[Version]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            owner = await tenants.by_code(conn, tenant)
        if unmask:
            # Told before a name is shown: whoever breaks off then has seen nothing.
            async with here.deed(pool, "record.unmask") as conn:
                await masking.unmask(conn, owner.id, f"{kind.name}/{id}", reason, here.actor)
        async with database.tenant(pool, owner.id, "viewer") as conn:
            return await lineage.of(conn, owner.id, kind, id, masked=not unmask)

    found = here.run(work)
    if json:
        printing.data({"tenant": tenant, "entity": entity, "sourcedId": id, "versions": [_json(one) for one in found]})
        return
    for one in found:
        where = f"{one.file} line {one.line}" if one.line else one.file and f"no longer in {one.file}"
        printing.line(
            f"revision {one.revision}  {shown.instant(one.at) or 'not published yet'}  {one.change}"
            f"  job {str(one.job)[:8]}  {one.bundle}" + (f"  {where}" if where else "")
        )
        for line in comparing.fields(one.fields):
            printing.line(f"    {line}")


def _json(one: Version) -> dict[str, Any]:
    return {
        "change": one.change,
        "revision": one.revision,
        "at": shown.instant(one.at),
        "job": str(one.job),
        "bundle": one.bundle,
        "file": one.file,
        "line": one.line,
        "fields": one.fields,
    }
