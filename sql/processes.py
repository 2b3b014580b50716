"""The role processes that are alive, for screens and for verbs that wait for a worker."""

import datetime

import msgspec

from sql import database, statements
from sql.database import Connection

STATEMENTS = statements.load("processes")
FRESH = datetime.timedelta(seconds=15)


class Process(msgspec.Struct, frozen=True):
    """A role process and when it was last heard of."""

    name: str
    role: str
    detail: str
    started_at: datetime.datetime
    seen_at: datetime.datetime


async def beat(conn: Connection, name: str, role: str, detail: str = "") -> None:
    """Say that the process lives."""
    await database.run(conn, STATEMENTS["beat"], {"name": name, "role": role, "detail": detail})


async def leave(conn: Connection, name: str) -> None:
    """Say that it ends."""
    await database.run(conn, STATEMENTS["leave"], {"name": name})


async def alive(conn: Connection, within: datetime.timedelta = FRESH) -> list[Process]:
    """Those heard of within the time."""
    return await database.fetch_all(conn, STATEMENTS["alive"], Process, {"within": within})
