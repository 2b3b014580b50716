"""rosterhub tenant: school boards."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from cyclopts import App

from daemon import printing
from daemon.here import Here
from daemon.verbs import Given
from sql import audit, database, settings, tenants, wishes
from sql.database import Connection, Pool
from sql.shown import instant
from sql.tenants import Tenant

app = App(name="tenant", help="School boards, each with doors, clients and a roster of its own.")

Turn = Callable[[Connection, str, str, audit.Actor], Awaitable[Tenant]]


def shown(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "code": tenant.code,
        "name": tenant.name,
        "profile": tenant.profile,
        "state": tenant.state,
    }


@app.command
def add(code: str, *, name: str, profile: str = "auto", json: bool = False, here: Given) -> None:
    """Make a tenant.

    Example: rosterhub tenant add sapporo --name 札幌市教育委員会

    Parameters
    ----------
    code
        2 to 32 of a-z, 0-9 and hyphen.
    name
        What people call it.
    profile
        The dialect of its bundles: auto, base-1.2, jp-1.2, jp-1.2.1 or jp-k12-1.0.
    json
        Print JSON.
    """

    async def work(pool: Pool) -> Tenant:
        async with here.deed(pool, "tenant.add") as conn:
            return await tenants.add(conn, code, name, profile, here.master, here.actor)

    tenant = here.run(work)
    if json:
        printing.data(shown(tenant))
    else:
        printing.line(f"Tenant {tenant.code} ({tenant.name}), profile {tenant.profile}.")


@app.command(name="set")
def set_(
    code: str,
    *,
    name: str | None = None,
    profile: str | None = None,
    encoding: Literal["auto", "cp932"] | None = None,
    guard_deleted: float | None = None,
    guard_updated: float | None = None,
    window: str | None = None,
    window_deleted: float | None = None,
    window_updated: float | None = None,
    due: str | None = None,
    grace: str | None = None,
    quota: str | None = None,
    json: bool = False,
    here: Given,
) -> None:
    """Change what is set for a tenant. It holds for bundles loaded from now on.

    Example: rosterhub tenant set sapporo --window 2026-03-25..2026-04-10

    Parameters
    ----------
    code
        The tenant.
    name
        What people call it.
    profile
        The dialect of its bundles: auto, base-1.2, jp-1.2, jp-1.2.1 or jp-k12-1.0.
    encoding
        cp932 reads files in CP932 (Shift_JIS), too; auto refuses them.
    guard_deleted
        Hold a bundle that removes more than so many percent of an entity (10).
    guard_updated
        Hold a bundle that changes more than so many percent of an entity (75).
    window
        FIRST..LAST day of the change of school years; "none" for no such days.
    window_deleted
        In these days, of people and orgs (50); classes and enrollments may turn over entirely.
    window_updated
        In these days, of people and orgs (100).
    due
        The time in Japan by which a delivery is expected every day, such as 02:00; "none" for whenever it comes.
    grace
        How long after it a missing delivery is called overdue, such as 30m or 2h (1h).
    quota
        How much its bundles may take on our disk, archived and being delivered, such as 2GB; "none" for no limit.
    json
        Print JSON.
    """
    wished = {
        "encoding": encoding,
        "guard_deleted": guard_deleted,
        "guard_updated": guard_updated,
        "window": window,
        "window_deleted": window_deleted,
        "window_updated": window_updated,
        "due": due,
        "grace": grace,
        "quota": quota,
    }
    said = {key: str(value) for key, value in wished.items() if value is not None}

    async def work(pool: Pool) -> Tenant:
        async with here.deed(pool, "tenant.set") as conn:
            read = await tenants.lock(conn, code)
            return await tenants.change(conn, read, name, profile, lambda old: wishes.apply(old, said), here.actor)

    tenant = here.run(work)
    if json:
        printing.data(_whole(tenant))
    else:
        printing.table(("FIELD", "VALUE"), list(_whole(tenant).items()))


def _whole(tenant: Tenant) -> dict[str, Any]:
    """The tenant with all that is set for it, defaults too."""
    one = settings.read(tenant.settings)
    window, since = one.window, instant(tenant.paused_at)
    return shown(tenant) | {
        "version": tenant.version,
        "encoding": one.encoding,
        "guard": f"{one.guard.deleted:.4g} deleted, {one.guard.updated:.4g} updated",
        "window": f"{window.begin}..{window.end}: {window.deleted:.4g} deleted, {window.updated:.4g} updated"
        if window
        else "",
        "due": one.due,
        "grace": one.grace,
        "quota": one.quota,
        "paused": f"{since} by {tenant.paused_by}: {tenant.paused_why}" if since else "",
    }


@app.command
def pause(code: str, *, reason: str, json: bool = False, here: Given) -> None:
    """Let what arrives wait: it is kept, and loaded once the tenant is resumed. Clients read on.

    Example: rosterhub tenant pause sapporo --reason "the export is being repaired"

    Parameters
    ----------
    code
        The tenant.
    reason
        Why; kept in the audit log.
    json
        Print JSON.
    """
    _turned(here, "tenant.pause", code, reason, tenants.pause, json=json)


@app.command
def resume(code: str, *, reason: str, json: bool = False, here: Given) -> None:
    """Load what has waited, in the order in which it came.

    Example: rosterhub tenant resume sapporo --reason "the export is whole again"

    Parameters
    ----------
    code
        The tenant.
    reason
        Why; kept in the audit log.
    json
        Print JSON.
    """
    _turned(here, "tenant.resume", code, reason, tenants.resume, json=json)


def _turned(here: Here, deed: str, code: str, reason: str, turn: Turn, *, json: bool) -> None:
    async def work(pool: Pool) -> Tenant:
        async with here.deed(pool, deed) as conn:
            return await turn(conn, code, reason, here.actor)

    tenant = here.run(work)
    if json:
        printing.data(shown(tenant))
    else:
        printing.line(f"Tenant {tenant.code} ({tenant.name}) is {tenant.state}.")
        if tenant.state == "paused":
            resume_it = f'rosterhub tenant resume {tenant.code} --reason "..."'
            printing.advice(["What arrives waits; clients read on.", f"To load what has waited: {resume_it}"])


@app.command(name="list")
def list_(*, json: bool = False, here: Given) -> None:
    """All tenants.

    Example: rosterhub tenant list --json

    Parameters
    ----------
    json
        Print JSON.
    """

    async def work(pool: Pool) -> list[Tenant]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            return await tenants.every(conn)

    found = here.run(work)
    if json:
        printing.data([shown(one) for one in found])
    else:
        printing.table(
            ("CODE", "NAME", "PROFILE", "STATE"), [(one.code, one.name, one.profile, one.state) for one in found]
        )


@app.command
def show(code: str, *, json: bool = False, here: Given) -> None:
    """One tenant.

    Example: rosterhub tenant show sapporo

    Parameters
    ----------
    code
        The tenant.
    json
        Print JSON.
    """

    async def work(pool: Pool) -> Tenant:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            return await tenants.by_code(conn, code)

    tenant = here.run(work)
    if json:
        printing.data(_whole(tenant))
    else:
        printing.table(("FIELD", "VALUE"), list(_whole(tenant).items()))
