"""Connections: the pool, and the only two ways to a transaction: of one tenant, or across the hub.

Each begins with the role whose rights it needs and, for a tenant, the setting that row security reads. All of it is
local to the transaction, so that it works behind a transaction pooler and nothing is left on a pooled connection.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar, get_args

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.sql import SQL, Composed
from psycopg_pool import AsyncConnectionPool

from oneroster.refused import Refused

Connection = AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]
Role = Literal["ingest", "api", "viewer", "operator", "admin", "owner"]
People = Literal["viewer", "operator", "admin"]
"""Roles of those who administer."""
Statement = str | SQL | Composed
T = TypeVar("T", bound=msgspec.Struct)

OUTAGE = (psycopg.OperationalError, psycopg.InterfaceError)
"""What a database that is away or going away raises."""


class NotAllowed(Refused):
    """Your role does not allow this."""

    hint = "An admin gives roles: `rosterhub operator set NAME --role ROLE`."
    exit_code = 77

    def __init__(self, detail: str = "", deed: str = "") -> None:
        super().__init__(detail)
        self.deed = deed
        """What was refused, as the audit log names it; empty where the database refused it."""


SETTINGS: dict[str, Any] = {
    "application_name": "rosterhub",
    # A pooler may give each transaction another session. What is to be prepared is prepared by `sql.reading`.
    "prepare_threshold": None,
    # The interval ends what a killed worker left running, which holds the tenant's lock, in the midst of a statement.
    "options": "-c timezone=UTC -c jit=off -c client_min_messages=warning -c client_connection_check_interval=1s",
}


@asynccontextmanager
async def open_pool(conninfo: str, *, size: int = 4, patience: float = 10) -> AsyncIterator[Pool]:
    """A pool of `size` connections in autocommit: transactions are begun by `tenant` and `hub` alone.

    Whoever has waited `patience` seconds for a connection gets an error of OUTAGE.
    """
    pool: Pool = AsyncConnectionPool(
        conninfo,
        kwargs={"autocommit": True, **SETTINGS},
        min_size=1,
        max_size=size,
        open=False,
        timeout=patience,
        # The pauses between attempts grow without end; given up early, the next request begins anew.
        reconnect_timeout=2,
    )
    async with pool:
        yield pool


@asynccontextmanager
async def connect(conninfo: str) -> AsyncIterator[Connection]:
    """One connection outside any pool, in autocommit."""
    async with await AsyncConnection.connect(conninfo, autocommit=True, **SETTINGS) as conn:
        yield conn


@asynccontextmanager
async def tenant(
    pool: Pool, tenant_id: int, role: Role = "api", *, read_only: bool = True
) -> AsyncIterator[Connection]:
    """A transaction that sees one tenant; reading ones see one snapshot throughout."""
    async with pool.connection() as conn, tenant_transaction(conn, tenant_id, role, read_only=read_only):
        yield conn


@asynccontextmanager
async def hub(pool: Pool, role: Role, *, read_only: bool = False) -> AsyncIterator[Connection]:
    """A transaction across tenants: jobs, doors and the log, never a roster."""
    async with pool.connection() as conn, _transaction(conn, role, None, read_only=read_only):
        yield conn


@asynccontextmanager
async def tenant_transaction(
    conn: Connection, tenant_id: int, role: Role, *, read_only: bool = False
) -> AsyncIterator[None]:
    """The same on a connection at hand."""
    async with _transaction(conn, role, tenant_id, read_only=read_only):
        yield


async def enter(conn: Connection, tenant_id: int) -> None:
    """From here to its end, a transaction across the hub sees the roster of this tenant, too."""
    await conn.execute(f"SET LOCAL rosterhub.tenant = '{int(tenant_id)}'")


async def undo(conn: Connection) -> None:
    """Roll back what was broken off. Where a command of it is still at work, as a COPY that had just begun, hang up."""
    if conn.closed:
        return
    try:
        await conn.rollback()
    except psycopg.OperationalError:
        await conn.close()


@asynccontextmanager
async def _transaction(conn: Connection, role: Role, tenant_id: int | None, *, read_only: bool) -> AsyncIterator[None]:
    mode = "ISOLATION LEVEL REPEATABLE READ READ ONLY" if read_only else ""
    setting = "" if tenant_id is None else f"; SET LOCAL rosterhub.tenant = '{int(tenant_id)}'"
    try:
        # One round trip: a query without parameters may hold several statements.
        await conn.execute(f"BEGIN {mode}; SET LOCAL ROLE rosterhub_{role}{setting}")
        yield
    except BaseException as error:
        await undo(conn)
        if isinstance(error, psycopg.errors.InsufficientPrivilege) and role in get_args(People):
            raise NotAllowed(f"The database says to {role}: {error.diag.message_primary}.") from error
        raise
    await conn.commit()


async def fetch_all(conn: Connection, statement: Statement, kind: type[T], params: Mapping[str, Any]) -> list[T]:
    """Every row as a Struct."""
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(statement, params)
        return await cursor.fetchall()


async def fetch_one(conn: Connection, statement: Statement, kind: type[T], params: Mapping[str, Any]) -> T | None:
    """The first row as a Struct, or None."""
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(statement, params)
        return await cursor.fetchone()


async def fetch_value(conn: Connection, statement: Statement, params: Mapping[str, Any]) -> Any:
    """The first column of the first row, or None."""
    cursor = await conn.execute(statement, params)
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def run(conn: Connection, statement: Statement, params: Mapping[str, Any]) -> int:
    """Execute, and say how many rows it touched."""
    cursor = await conn.execute(statement, params)
    return cursor.rowcount
