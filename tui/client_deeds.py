"""What can be done about clients: a new one; a new secret, limits, an end."""

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textual.suggester import SuggestFromList

from oneroster import scopes
from sql import amounts, clients, limits, tenants
from sql.clients import Standing
from tui import format
from tui.deeds import Deed
from tui.dialog import Ask, Done, Field, confirmed, reason
from tui.words import say

if TYPE_CHECKING:
    from tui.app import RosterHub


def deeds(app: "RosterHub", one: Standing, now: datetime.datetime) -> list[Deed]:
    """All three, those that make no sense now with the reason."""
    revoked = say("The client is revoked.") if one.revoked_at is not None else ""
    keyless = "" if app.hands else say("These screens have no access to the master key.")
    return [
        Deed(
            "rotate",
            say("Give it a new secret"),
            "client.rotate",
            lambda: _rotate(app, one),
            refused=revoked or keyless,
        ),
        Deed("limit", say("Limit what it may ask for"), "client.set", lambda: _limit(app, one), refused=revoked),
        Deed("revoke", say("Revoke it"), "client.revoke", lambda: _revoke(app, one), refused=revoked),
    ]


def make(app: "RosterHub") -> Deed:
    """A new client; it needs none at the cursor."""
    keyless = "" if app.hands else say("These screens have no access to the master key.")
    return Deed("make", say("Make a client"), "client.add", lambda: _make(app), refused=keyless)


async def _make(app: "RosterHub") -> Ask:
    assert app.hands is not None
    hands = app.hands

    async def do(typed: Mapping[str, str]) -> Done:
        allowed = [scopes.known(one) for one in typed["scopes"].replace(",", " ").split()]
        async with app.source.acting() as conn:
            owner = await tenants.by_code(conn, typed["code"])
            client_id, secret = await hands.make(conn, owner, typed["name"], allowed, app.actor)
        app.want(client_id)
        return Done(
            "",
            (
                say("The id and the secret of {name}; the secret is shown this once only:", name=typed["name"]),
                client_id,
                secret,
                say(
                    "A token to try it: curl -u {id}:SECRET -d grant_type=client_credentials {api}/token",
                    id=client_id,
                    api=hands.api,
                ),
                say(
                    'Then: curl -H "Authorization: Bearer TOKEN" {address}',
                    address=f'"{hands.api}/ims/oneroster/rostering/v1p2/users?limit=2"',
                ),
                say("How to ask: {address}", address=f"{hands.api}/docs"),
            ),
        )

    codes = [one.code for one in await app.tenants() or ()]
    return Ask(
        say("Make a client"),
        (
            say("A platform that may read the roster of one tenant. Its secret is shown once."),
            say("Tenants: {codes}.", codes=format.first(codes)),
            say(
                "roster.readonly: everything but demographics. roster-core.readonly: no lists such as a class's pupils."
            ),
            say("roster-demographics.readonly: demographics. rosterhub.upload: to deliver bundles."),
            say("Undo: revoke it."),
        ),
        (
            Field("name", say("What people call it:")),
            Field("scopes", say("Scopes:"), " ".join(scopes.DEFAULT)),
            Field(
                "code",
                say("Type the tenant's code to go on:"),
                wanted=app.tenant or (codes[0] if len(codes) == 1 else ""),
                suggester=SuggestFromList(codes),
            ),
        ),
        say("Make"),
        do,
        "rosterhub client add CODE --name NAME --scope SCOPE",
    )


def _named(one: Standing) -> str:
    return say("Client {name} ({id}) of tenant {tenant}.", name=one.name, id=one.client_id, tenant=one.tenant)


async def _rotate(app: "RosterHub", one: Standing) -> Ask:
    assert app.hands is not None
    hands = app.hands

    async def do(typed: Mapping[str, str]) -> Done:
        overlap = datetime.timedelta(seconds=amounts.seconds(typed["overlap"]))
        async with app.source.acting() as conn:
            client = await clients.by_id(conn, one.client_id)
            secret = await hands.rotate(conn, client, overlap, app.actor)
        return Done(
            "",
            (
                say("The new secret of {name} is shown this once only:", name=one.name),
                secret,
                say("The old one works on for {overlap}.", overlap=typed["overlap"]),
            ),
        )

    return Ask(
        say("New secret for {name}", name=one.name),
        (
            _named(one),
            say("It gets a new secret, shown once. The old ones work on for the overlap, then they end."),
            say("Undo: none; give it another one."),
        ),
        (Field("overlap", say("The old secret works on for:"), "7d"), confirmed(one.tenant)),
        say("Rotate"),
        do,
        f"rosterhub client rotate {one.client_id} --overlap 7d",
    )


async def _revoke(app: "RosterHub", one: Standing) -> Ask:
    async def do(typed: Mapping[str, str]) -> Done:
        async with app.source.acting() as conn:
            await clients.revoke(conn, await clients.by_id(conn, one.client_id), typed["reason"], app.actor)
        return Done(say("{name} is revoked.", name=one.name))

    return Ask(
        say("Revoke {name}", name=one.name),
        (
            _named(one),
            say("It is refused from now on; tokens it holds end within 5 seconds."),
            say("Undo: none; make a new client."),
        ),
        (confirmed(one.tenant), reason()),
        say("Revoke"),
        do,
        f'rosterhub client revoke {one.client_id} --reason "..."',
    )


async def _limit(app: "RosterHub", one: Standing) -> Ask:
    before = {
        "rate": "" if one.rate is None else f"{one.rate}/m",
        "burst": "" if one.burst is None else str(one.burst),
        "expires": "" if one.expires_at is None else one.expires_at.isoformat(timespec="minutes"),
        "allow": limits.ANY if one.allow is None else " ".join(one.allow),
    }

    async def do(typed: Mapping[str, str]) -> Done:
        wished = {name: typed[name] for name in before if typed[name] and typed[name] != before[name]}
        changes = parsed(wished)
        if not changes:
            return Done(say("Nothing was changed."))
        async with app.source.acting() as conn:
            await clients.change(conn, await clients.by_id(conn, one.client_id), app.actor, **changes)
        return Done(say("{name} is bound by that within 5 seconds.", name=one.name))

    return Ask(
        say("Limit {name}", name=one.name),
        (
            _named(one),
            say("It is bound by this within 5 seconds. Undo: set it back."),
            say("What is left empty is as the service's settings say: api.rate, api.burst."),
        ),
        (
            Field("rate", say("Requests a minute (0: any number):"), before["rate"], needed=False),
            Field("burst", say("Of them at once:"), before["burst"], needed=False),
            Field("expires", say("Refused from this moment on:"), before["expires"], needed=False),
            Field("allow", say("May call from (networks, or any):"), before["allow"], needed=False),
            confirmed(one.tenant),
        ),
        say("Limit"),
        do,
        f"rosterhub client set {one.client_id} --rate N/m --burst B --expires DATE --allow CIDR",
    )


def parsed(wished: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as `clients.change` takes it. Raises BadRate, BadNetwork, BadMoment."""
    found: dict[str, Any] = {}
    for name, typed in wished.items():
        if name == "rate":
            found[name] = limits.rate(typed if "/" in typed else f"{typed}/m")  # as the field is called
        elif name == "burst":
            found[name] = limits.burst(int(typed) if typed.isascii() and typed.isdigit() else 0)
        elif name == "expires":
            found[name] = limits.moment(typed)
        else:
            found[name] = limits.networks(typed.replace(",", " ").split())
    return found
