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
    audited_at: datetime.datetime | None
    """All that an API process did until then is in the audit log."""


async def beat(conn: Connection, name: str, role: str, detail: str = "", behind: float | None = None) -> None:
    """Say that the process lives, and of one that audits late how old the oldest entry is that may not be written."""
    params = {"name": name, "role": role, "detail": detail, "behind": behind}
    await database.run(conn, STATEMENTS["beat"], params)


async def leave(conn: Connection, name: str) -> bool:
    """Say that it ends; False where that was said already."""
    return await database.run(conn, STATEMENTS["leave"], {"name": name}) > 0


async def alive(conn: Connection, within: datetime.timedelta = FRESH) -> list[Process]:
    """Those heard of within the time."""
    return await database.fetch_all(conn, STATEMENTS["alive"], Process, {"within": within})


async def below(conn: Connection, role: str, begin: str) -> list[Process]:
    """Those of a role whose name begins so, whether they live or not."""
    return await database.fetch_all(conn, STATEMENTS["below"], Process, {"role": role, "begin": begin})
