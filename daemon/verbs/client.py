"""rosterhub client: machines that call the API."""

import datetime
from typing import Any

from cyclopts import App

from daemon import printing
from daemon.here import Here
from daemon.verbs import Given
from oneroster import scopes
from oneroster.refused import Refused
from sql import amounts, clients, database, limits, shown, tenants
from sql.clients import Client
from sql.database import Pool

app = App(name="client", help="Machines that call the API, each of one tenant.")

BASE = "/ims/oneroster/rostering/v1p2"


def _credentials(here: Here, client_id: str, secret: str, allowed: list[str]) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "client_secret": secret,
        "scopes": allowed,
        "token_url": f"{here.api}/token",
        "base_url": f"{here.api}{BASE}",
    }


def _print(credentials: dict[str, Any], json: bool) -> None:
    if json:
        printing.data(credentials)
        return
    printing.table(
        ("FIELD", "VALUE"),
        [(name, " ".join(value) if isinstance(value, list) else value) for name, value in credentials.items()],
    )
    printing.talk("The secret is shown this once only.")
    pair = f"{credentials['client_id']}:SECRET"
    printing.advice(
        [
            f"A token to try it: curl -u {pair} -d grant_type=client_credentials {credentials['token_url']}",
            f'Then: curl -H "Authorization: Bearer TOKEN" "{credentials["base_url"]}/users?limit=2"',
            f"All that can be read, for who writes the platform: {credentials['token_url'].removesuffix('token')}docs",
        ]
    )


@app.command
def add(tenant: str, *, name: str, scope: list[str] | None = None, json: bool = False, here: Given) -> None:
    """Make a client; its secret is shown once.

    Example: rosterhub client add sapporo --name lms-prod --scope roster.readonly

    Parameters
    ----------
    tenant
        The tenant whose roster it reads.
    name
        What people call it.
    scope
        What it may do; may be given more than once. roster.readonly: read everything but demographics.
        roster-core.readonly: the same without nested lists, such as the pupils of a class.
        roster-demographics.readonly: read demographics. rosterhub.upload: deliver bundles. Without it: the first two.
    json
        Print JSON.
    """
    allowed = [scopes.known(one) for one in scope or scopes.DEFAULT]

    async def work(pool: Pool) -> tuple[str, str]:
        async with here.deed(pool, "client.add") as conn:
            owner = await tenants.by_code(conn, tenant)
            return await clients.add(conn, owner.id, name, allowed, here.master, here.actor)

    client_id, secret = here.run(work)
    _print(_credentials(here, client_id, secret, allowed), json)


@app.command(name="list")
def list_(tenant: str | None = None, *, json: bool = False, here: Given) -> None:
    """The clients of all tenants, or of one, newest first.

    Example: rosterhub client list sapporo

    Parameters
    ----------
    tenant
        Only this tenant's.
    json
        Print JSON.
    """

    async def work(pool: Pool) -> list[Client]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            return await clients.every(conn, tenant)

    found = here.run(work)
    if json:
        printing.data(
            [
                {
                    "client_id": one.client_id,
                    "tenant": one.tenant,
                    "name": one.name,
                    "scopes": one.scopes,
                    "created_at": shown.instant(one.created_at),
                    "expires_at": shown.instant(one.expires_at),
                    "revoked_at": shown.instant(one.revoked_at),
                    "last_used_at": shown.instant(one.last_used_at),
                    "rate": one.rate,
                    "burst": one.burst,
                    "allow": one.allow,
                }
                for one in found
            ]
        )
    else:
        printing.table(
            ("CLIENT", "TENANT", "NAME", "SCOPES", "STATE"),
            [
                (
                    one.client_id,
                    one.tenant,
                    one.name,
                    " ".join(map(scopes.short, one.scopes)),
                    "revoked" if one.revoked_at else "active",
                )
                for one in found
            ],
        )


@app.command
def rotate(client_id: str, *, overlap: str = "7d", json: bool = False, here: Given) -> None:
    """Give a client a new secret; the old one works on for a while.

    Example: rosterhub client rotate dGhlIGNsaWVudA --overlap 2d

    Parameters
    ----------
    client_id
        The client.
    overlap
        How long the old secret works on, such as 0s, 12h or 7d.
    json
        Print JSON.
    """
    time = datetime.timedelta(seconds=amounts.seconds(overlap))

    async def work(pool: Pool) -> tuple[Client, str]:
        async with here.deed(pool, "client.rotate") as conn:
            client = await clients.by_id(conn, client_id)
            return client, await clients.rotate(conn, client, time, here.master, here.actor)

    client, secret = here.run(work)
    _print(_credentials(here, client.client_id, secret, client.scopes), json)


@app.command(name="set")
def set_(
    client_id: str,
    *,
    rate: str | None = None,
    burst: int | None = None,
    expires: datetime.datetime | None = None,
    allow: list[str] | None = None,
    here: Given,
) -> None:
    """Limit what a client may ask for, from where and until when. What is not named stays as it is.

    Example: rosterhub client set dGhlIGNsaWVudA --rate 1200/m --burst 400 --expires 2027-03-31 --allow 192.0.2.0/24

    Parameters
    ----------
    client_id
        The client.
    rate
        Requests a minute, such as 1200/m; 0 for any number.
    burst
        Requests at once.
    expires
        The moment from which on it is refused.
    allow
        A network it may call from, repeated for several; `any` for all.
    """
    changes = {
        "rate": None if rate is None else limits.rate(rate),
        "burst": None if burst is None else limits.burst(burst),
        "expires": None if expires is None else expires.astimezone(datetime.UTC),
        "allow": None if allow is None else limits.networks(allow),
    }
    if all(value is None for value in changes.values()):
        raise NothingToSet

    async def work(pool: Pool) -> Client:
        async with here.deed(pool, "client.set") as conn:
            client = await clients.by_id(conn, client_id)
            await clients.change(conn, client, here.actor, **changes)  # type: ignore[arg-type]
            return client

    client = here.run(work)
    printing.line(f"Client {client.client_id} ({client.name}) is changed; within 5 seconds it is bound by that.")


class NothingToSet(Refused):
    """Nothing is named that should be set."""

    hint = "Name --rate, --burst, --expires or --allow."
    exit_code = 64


@app.command
def revoke(client_id: str, *, reason: str, here: Given) -> None:
    """Refuse a client from now on.

    Example: rosterhub client revoke dGhlIGNsaWVudA --reason "contract ended"

    Parameters
    ----------
    client_id
        The client.
    reason
        Kept in the audit log.
    """

    async def work(pool: Pool) -> Client:
        async with here.deed(pool, "client.revoke") as conn:
            client = await clients.by_id(conn, client_id)
            await clients.revoke(conn, client, reason, here.actor)
            return client

    client = here.run(work)
    printing.line(f"Client {client.client_id} ({client.name}) is revoked.")
