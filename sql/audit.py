"""The audit log: insert-only, written in the transaction of the deed it tells of."""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from sql import database, statements
from sql.database import Connection

STATEMENTS = statements.load("audit")
LATE = 300
"""Seconds."""
LONGEST = 600
"""Characters of a target, which must fit into an index."""
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
            "target": target[:LONGEST],
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
    rows: int | None = None
    """How many records were read."""


async def write_all(conn: Connection, tenant_id: int | None, deeds: Sequence[Deed]) -> None:
    """Add entries of clients of one tenant, or of nobody known.

    One that has waited for longer than LATE bears the time of its writing, and says how many seconds it `waited`: what
    tells another time than its neighbours is taken for put in by a stranger.
    """
    params = {"tenant": tenant_id, "deeds": msgspec.json.encode(deeds).decode(), "late": LATE}
    await database.run(conn, STATEMENTS["write_all"], params)
