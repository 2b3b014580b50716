"""The audit log: insert-only, written in the transaction of the deed it tells of."""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from sql import database, statements
from sql.database import Connection

STATEMENTS = statements.load("audit")
END = datetime.datetime(9000, 1, 1, tzinfo=datetime.UTC)


class Actor(msgspec.Struct, frozen=True):
    """Who does something, and from where."""

    who: str
    kind: str = "operator"
    """operator, client, inbox or system."""
    origin: str = ""


SYSTEM = Actor("rosterhub", "system")


class Entry(msgspec.Struct, frozen=True):
    """One line of the log."""

    id: int
    at: datetime.datetime
    tenant: str | None
    who: str
    who_kind: str
    origin: str
    action: str
    target: str
    ok: bool
    detail: dict[str, Any]


async def write(
    conn: Connection,
    tenant_id: int | None,
    actor: Actor,
    action: str,
    target: str = "",
    *,
    ok: bool = True,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add an entry. No pupil's name, no secret: targets are ids and codes."""
    await database.run(
        conn,
        STATEMENTS["write"],
        {
            "tenant": tenant_id,
            "who": actor.who,
            "who_kind": actor.kind,
            "origin": actor.origin,
            "action": action,
            "target": target,
            "ok": ok,
            "detail": Jsonb(detail or {}),
        },
    )


class Deed(msgspec.Struct, frozen=True):
    """What a client did, kept back for a moment so that many are written at once."""

    who: str
    origin: str
    action: str
    target: str
    ok: bool
    age: float
    """Seconds since."""


async def write_all(conn: Connection, tenant_id: int | None, deeds: Sequence[Deed]) -> None:
    """Add entries of clients of one tenant, or of nobody known."""
    params = {"tenant": tenant_id, "deeds": msgspec.json.encode(deeds).decode()}
    await database.run(conn, STATEMENTS["write_all"], params)


async def page(
    conn: Connection,
    *,
    before: tuple[datetime.datetime, int] = (END, 0),
    tenant: str | None = None,
    search: str | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Entries older than `before` (time and id of the last one seen), newest first."""
    return await database.fetch_all(
        conn,
        STATEMENTS["page"],
        Entry,
        {
            "before_at": before[0],
            "before_id": before[1],
            "code": tenant,
            "search": None if search is None else f"%{search}%",
            "limit": limit,
        },
    )
