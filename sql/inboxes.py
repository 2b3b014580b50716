"""Inboxes: the doors of a tenant, each of one kind: sftp, drop or pull."""

import datetime

import msgspec
import psycopg

from oneroster.refused import NoReason, Refused
from sql import audit, database, statements
from sql.database import Connection

STATEMENTS = statements.load("inboxes")


class InboxTaken(Refused):
    """There is an inbox of that user name, folder or address already."""

    hint = "See `rosterhub inbox list`."
    exit_code = 73


class UnknownInbox(Refused):
    """There is no such inbox."""

    hint = "See `rosterhub inbox list`."
    exit_code = 66


class Inbox(msgspec.Struct, frozen=True):
    """A door. Only the members of its kind are set."""

    tenant_id: int
    tenant: str
    tenant_state: str
    id: int
    kind: str
    user_name: str | None
    password_hash: str | None
    public_key: str | None
    path: str | None
    url: str | None
    key_file: str | None
    host_key: str | None
    every_seconds: int | None
    looked_at: datetime.datetime | None
    trouble: str | None

    @property
    def place(self) -> str:
        """Its user name, folder or address."""
        return self.user_name or self.path or self.url or ""


class Standing(Inbox, frozen=True):
    """A door with when a bundle last came through it."""

    delivered_at: datetime.datetime | None = None


class Login(msgspec.Struct, frozen=True):
    """What the SFTP server needs to know of a user name."""

    tenant_id: int
    inbox_id: int
    password_hash: str | None
    public_key: str | None


class Fetched(msgspec.Struct, frozen=True):
    """A remote file as it was when fetched: bytes, seconds since 1970."""

    name: str
    bytes: int
    modified: int


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """An inbox to be made."""

    kind: str
    user_name: str | None = None
    password_hash: str | None = None
    public_key: str | None = None
    path: str | None = None
    url: str | None = None
    key_file: str | None = None
    host_key: str | None = None
    every_seconds: int | None = None


async def add(conn: Connection, tenant_id: int, door: Door, actor: audit.Actor) -> int:
    """Make a door; returns its number. Raises InboxTaken (73) when its user name is in use."""
    try:
        number: int = await database.fetch_value(
            conn, STATEMENTS["add"], {"tenant": tenant_id, **msgspec.structs.asdict(door)}
        )
    except psycopg.errors.UniqueViolation as error:
        raise InboxTaken(door.user_name or "") from error
    await audit.write(conn, tenant_id, actor, "inbox.add", f"{door.kind} {number}")
    return number


async def in_use(conn: Connection, tenant: str | None = None) -> list[Inbox]:
    """The doors of all tenants, or of the one with that code."""
    return await database.fetch_all(conn, STATEMENTS["open"], Inbox, {"code": tenant})


async def standing(conn: Connection, tenant: str | None = None) -> list[Standing]:
    """The same doors, each with its last delivery."""
    return await database.fetch_all(conn, STATEMENTS["standing"], Standing, {"code": tenant})


async def by_number(conn: Connection, number: int) -> Inbox:
    """One door in use; raises UnknownInbox (66)."""
    found = next((one for one in await in_use(conn) if one.id == number), None)
    if found is None:
        raise UnknownInbox(str(number))
    return found


async def remove(conn: Connection, inbox: Inbox, reason: str, actor: audit.Actor) -> None:
    """Close a door for good; its user name may be given to another. Raises UnknownInbox (66), NoReason (64)."""
    if not reason.strip():
        raise NoReason
    if not await database.run(conn, STATEMENTS["remove"], {"tenant": inbox.tenant_id, "inbox": inbox.id}):
        raise UnknownInbox(str(inbox.id))
    target = f"{inbox.kind} {inbox.id}"
    await audit.write(conn, inbox.tenant_id, actor, "inbox.remove", target, detail={"reason": reason})


async def by_user(conn: Connection, user_name: str) -> Login | None:
    """Whose door a log-in name opens."""
    return await database.fetch_one(conn, STATEMENTS["by_user"], Login, {"user_name": user_name})


async def looked(conn: Connection, inbox: Inbox, trouble: str | None) -> None:
    """Note a look at a door, and what went wrong at it."""
    await database.run(conn, STATEMENTS["looked"], {"tenant": inbox.tenant_id, "inbox": inbox.id, "trouble": trouble})


async def fetched(conn: Connection, inbox: Inbox) -> list[Fetched]:
    """What has been pulled through this door."""
    return await database.fetch_all(conn, STATEMENTS["pulled"], Fetched, {"tenant": inbox.tenant_id, "inbox": inbox.id})


async def remember(conn: Connection, inbox: Inbox, one: Fetched) -> None:
    """Note that a remote file has been pulled, so that it is pulled once."""
    await database.run(
        conn,
        STATEMENTS["remember"],
        {"tenant": inbox.tenant_id, "inbox": inbox.id, **msgspec.structs.asdict(one)},
    )
