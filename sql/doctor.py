"""What the database tells of its own state, for `rosterhub doctor`."""

import datetime

import msgspec

from sql import database, statements
from sql.database import Connection

STATEMENTS = statements.load("doctor")
ROLES = [f"rosterhub_{name}" for name in ("owner", "ingest", "api", "viewer", "operator", "admin")]
LARGE, OFTEN, HEAVY = 10_000, 50, 100 * 1024 * 1024
"""From so many rows, scans and bytes on a table or an index is worth a word."""


class Server(msgspec.Struct, frozen=True):
    """The server and its clock, in seconds since 1970; `ahead`: how far the hub's own time is before it."""

    version: str
    number: int
    encoding: str
    bytes: int
    now: float
    ahead: float


class Delivery(msgspec.Struct, frozen=True):
    """A tenant's last bundle, and the usual seconds between two of `gaps` pauses."""

    code: str
    last: datetime.datetime | None
    usual: float | None
    gaps: int


class Waiting(msgspec.Struct, frozen=True):
    """Jobs that wait for a worker, and for how many seconds the oldest has."""

    jobs: int
    oldest: float


class Broken(msgspec.Struct, frozen=True):
    """An index, or a table, and what is amiss with it."""

    name: str
    what: str


class Scanned(msgspec.Struct, frozen=True):
    """A large table, how often it was read whole, and how often by an index."""

    name: str
    scans: int
    looks: int
    rows: int


class Unused(msgspec.Struct, frozen=True):
    """An index that nothing was found by."""

    name: str
    bytes: int


class Findings(msgspec.Struct, frozen=True):
    """All of it."""

    server: Server
    roles: list[str]
    """Those that the login may not take."""
    months: list[str]
    """YYYYMM of the audit log's partitions."""
    deliveries: list[Delivery]
    waiting: Waiting
    broken: list[Broken]
    scanned: list[Scanned]
    unused: list[Unused]


async def look(conn: Connection) -> Findings:
    """Ask the database how it is."""
    server = await database.fetch_one(conn, STATEMENTS["server"], Server, {})
    waiting = await database.fetch_one(conn, STATEMENTS["waiting"], Waiting, {})
    assert server is not None and waiting is not None

    async def names(statement: str) -> list[str]:
        cursor = await conn.execute(STATEMENTS[statement], {"roles": ROLES})
        return [name for (name,) in await cursor.fetchall()]

    return Findings(
        server,
        await names("roles"),
        await names("months"),
        await database.fetch_all(conn, STATEMENTS["deliveries"], Delivery, {}),
        waiting,
        await database.fetch_all(conn, STATEMENTS["broken"], Broken, {}),
        await database.fetch_all(conn, STATEMENTS["scanned"], Scanned, {"rows": LARGE, "scans": OFTEN}),
        await database.fetch_all(conn, STATEMENTS["unused"], Unused, {"bytes": HEAVY}),
    )
