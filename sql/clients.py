"""Clients: machines that call the API, each of one tenant, with scopes and a secret that is shown once."""

import datetime
import hmac
import secrets
from collections.abc import Sequence

import msgspec

from oneroster.refused import NoReason, Refused
from sql import audit, database, seal, statements
from sql.database import Connection

STATEMENTS = statements.load("clients")


class UnknownClient(Refused):
    """There is no such client."""

    hint = "See `rosterhub client list`."
    exit_code = 66


class AlreadyRevoked(Refused):
    """The client is revoked already."""

    hint = "Make a new one with `rosterhub client add`."
    exit_code = 73


class Client(msgspec.Struct, frozen=True):
    """A client as administrators see it."""

    tenant_id: int
    tenant: str
    client_id: str
    name: str
    scopes: list[str]
    created_at: datetime.datetime
    expires_at: datetime.datetime | None
    revoked_at: datetime.datetime | None
    revoked_reason: str | None
    last_used_at: datetime.datetime | None
    rate: int | None
    """Requests a minute, 0 for any number, None for the service's own measure."""
    burst: int | None
    """Of them at once."""
    allow: list[str] | None
    """Networks it may call from, None for any."""


class Standing(Client, frozen=True):
    """A client with how many secrets of it count."""

    tenant_name: str = ""
    lasting: int = 0
    """Without an end."""
    ending: int = 0
    """Old ones, until the overlap has passed."""
    ends_at: datetime.datetime | None = None
    """The end of the last of these."""

    def gone(self, now: datetime.datetime) -> bool:
        """Whether it is refused, whatever secret it shows."""
        return self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= now)


class Known(msgspec.Struct, frozen=True):
    """A client as the token endpoint sees it: neither revoked nor expired."""

    tenant_id: int
    client_id: str
    scopes: list[str]
    secret_hashes: list[bytes]
    rate: int | None
    burst: int | None
    allow: list[str] | None
    """As of `Client`."""

    def proves(self, master: bytes, secret: str) -> bool:
        """Whether the secret is one of this client's, compared in constant time."""
        offered = seal.secret_hash(master, secret)
        return sum(hmac.compare_digest(offered, kept) for kept in self.secret_hashes) > 0


async def add(
    conn: Connection, tenant_id: int, name: str, scopes: Sequence[str], master: bytes, actor: audit.Actor
) -> tuple[str, str]:
    """A new client: its id and its secret, both of A-Z a-z 0-9 - _; only the keyed hash of the secret is kept."""
    client_id = _random(12)
    await database.run(
        conn,
        STATEMENTS["add"],
        {"tenant": tenant_id, "client_id": client_id, "name": name, "scopes": list(scopes)},
    )
    secret = await _add_secret(conn, tenant_id, client_id, master)
    await audit.write(conn, tenant_id, actor, "client.add", client_id, detail={"scopes": list(scopes)})
    return client_id, secret


async def rotate(
    conn: Connection, client: Client, overlap: datetime.timedelta, master: bytes, actor: audit.Actor
) -> str:
    """A new secret; the old ones work on for `overlap`."""
    params = {"tenant": client.tenant_id, "client_id": client.client_id, "overlap": overlap}
    await database.run(conn, STATEMENTS["expire_secrets"], params)
    secret = await _add_secret(conn, client.tenant_id, client.client_id, master)
    await audit.write(conn, client.tenant_id, actor, "client.rotate", client.client_id)
    return secret


async def change(
    conn: Connection,
    client: Client,
    actor: audit.Actor,
    *,
    rate: int | None = None,
    burst: int | None = None,
    expires: datetime.datetime | None = None,
    allow: Sequence[str] | None = None,
) -> None:
    """Limit a client; None leaves as it is, an empty `allow` lets it call from anywhere."""
    changes = {"rate": rate, "burst": burst, "expires": expires, "allow": None if allow is None else list(allow)}
    await database.run(conn, STATEMENTS["set"], {"tenant": client.tenant_id, "client_id": client.client_id, **changes})
    said = {name: str(value) if name == "expires" else value for name, value in changes.items() if value is not None}
    await audit.write(conn, client.tenant_id, actor, "client.set", client.client_id, detail=said)


async def revoke(conn: Connection, client: Client, reason: str, actor: audit.Actor) -> None:
    """Refuse the client from now on. Raises NoReason (64), AlreadyRevoked (73)."""
    if not reason.strip():
        raise NoReason
    params = {"tenant": client.tenant_id, "client_id": client.client_id, "reason": reason}
    if not await database.run(conn, STATEMENTS["revoke"], params):
        raise AlreadyRevoked(client.client_id)
    await audit.write(conn, client.tenant_id, actor, "client.revoke", client.client_id, detail={"reason": reason})


async def every(conn: Connection, tenant: str | None = None) -> list[Client]:
    """The clients of all tenants, or of the one with that code, newest first."""
    return await database.fetch_all(conn, STATEMENTS["all"], Client, {"code": tenant, "client_id": None})


async def standing(conn: Connection, tenant: str | None = None) -> list[Standing]:
    """The same clients with what counts of their secrets; never one of these themselves."""
    return await database.fetch_all(conn, STATEMENTS["standing"], Standing, {"code": tenant})


async def by_id(conn: Connection, client_id: str) -> Client:
    """One client, whatever its state; raises UnknownClient (66)."""
    found = await database.fetch_one(conn, STATEMENTS["all"], Client, {"code": None, "client_id": client_id})
    if found is None:
        raise UnknownClient(client_id)
    return found


async def find(conn: Connection, client_id: str) -> Known | None:
    """The client of a token request or of a token, when it may call."""
    return await database.fetch_one(conn, STATEMENTS["find"], Known, {"client_id": client_id})


async def _add_secret(conn: Connection, tenant_id: int, client_id: str, master: bytes) -> str:
    secret = _random(32)
    await database.run(
        conn,
        STATEMENTS["add_secret"],
        {"tenant": tenant_id, "client_id": client_id, "secret_hash": seal.secret_hash(master, secret)},
    )
    return secret


def _random(size: int) -> str:
    """So many random bytes as text that no command line takes for an option."""
    while not (text := secrets.token_urlsafe(size))[0].isalnum():
        continue
    return text
