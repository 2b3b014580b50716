"""rosterhub tenant: school boards."""

from typing import Any

from cyclopts import App

from daemon import printing
from daemon.verbs import Given
from sql import database, tenants
from sql.database import Pool
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
        async with database.hub(pool, "admin") as conn:
            return await tenants.add(conn, code, name, profile, here.master, here.actor)

    tenant = here.run(work)
    if json:
        printing.data(shown(tenant))
    else:
        printing.line(f"Tenant {tenant.code} ({tenant.name}), profile {tenant.profile}.")


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
        printing.data(shown(tenant))
    else:
        printing.table(("FIELD", "VALUE"), list(shown(tenant).items()))
