"""rosterhub tenant: school boards."""

import datetime
from typing import Any, Literal

import msgspec
from cyclopts import App

from daemon import printing
from daemon.verbs import Given
from sql import database, settings, tenants
from sql.database import Pool
from sql.settings import BadSetting, Settings, Window
from sql.tenants import Tenant

app = App(name="tenant", help="School boards, each with doors, clients and a roster of its own.")


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
    json
        Print JSON.
    """

    def changed(old: Settings) -> Settings:
        limits = {"deleted": guard_deleted, "updated": guard_updated}
        guard = msgspec.structs.replace(old.guard, **_shares(limits))
        days = _window(window, old.window)
        widened = _shares({"deleted": window_deleted, "updated": window_updated})
        if widened and days is None:
            raise BadSetting("There is no window; say --window FIRST..LAST.")
        if days is not None:
            days = msgspec.structs.replace(days, **widened)
        return msgspec.structs.replace(old, encoding=encoding or old.encoding, guard=guard, window=days)

    async def work(pool: Pool) -> Tenant:
        async with here.deed(pool, "tenant.set") as conn:
            return await tenants.change(conn, code, name, profile, changed, here.actor)

    tenant = here.run(work)
    if json:
        printing.data(_whole(tenant))
    else:
        printing.table(("FIELD", "VALUE"), list(_whole(tenant).items()))


def _shares(percents: dict[str, float | None]) -> dict[str, float]:
    """Percent as a person says it, as shares; those not said left out."""
    given = {name: percent / 100 for name, percent in percents.items() if percent is not None}
    if any(not 0 <= share <= 1 for share in given.values()):
        raise BadSetting("A percentage lies between 0 and 100.")
    return given


def _window(said: str | None, old: Window | None) -> Window | None:
    if said is None:
        return old
    if said == "none":
        return None
    try:
        begin, end = map(datetime.date.fromisoformat, said.split(".."))
    except ValueError as error:
        raise BadSetting(f"Window {said}: two days like 2026-03-25..2026-04-10.") from error
    if end < begin:
        raise BadSetting(f"Window {said}: the last day is before the first.")
    return msgspec.structs.replace(old, begin=begin, end=end) if old else Window(begin, end)


def _whole(tenant: Tenant) -> dict[str, Any]:
    """The tenant with all that is set for it, defaults too."""
    one = settings.read(tenant.settings)
    window = one.window
    return shown(tenant) | {
        "encoding": one.encoding,
        "guard": f"{one.guard.deleted:.4g} deleted, {one.guard.updated:.4g} updated",
        "window": f"{window.begin}..{window.end}: {window.deleted:.4g} deleted, {window.updated:.4g} updated"
        if window
        else "",
    }


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
