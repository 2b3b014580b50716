"""Bringing a database to the schema of this version: numbered files, forward only, one transaction each.

An advisory lock makes two starters wait for each other; the second finds nothing to do.
"""

import hashlib
from importlib import resources

import msgspec
import psycopg

from oneroster.refused import Refused
from sql import database

LOCK = 0x526F7374


class SchemaAhead(Refused):
    """The database was made by a newer RosterHub."""

    hint = "Install that version again, or restore the backup made before the upgrade."
    exit_code = 78


class NoRights(Refused):
    """The login may neither create the roles of a hub nor was it granted them."""

    hint = "Run the statements of `rosterhub db migrate --print-roles` as an administrator of the server."
    exit_code = 77


class Migration(msgspec.Struct, frozen=True):
    """One file of `sql/migrations`."""

    number: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All of them, in order."""
    files = sorted(
        (file for file in (resources.files("sql") / "migrations").iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return [Migration(int(file.name[:4]), file.name[5:-4], file.read_text(encoding="utf-8")) for file in files]


def roles() -> str:
    """The statements that make the roles of a hub, for a login that may."""
    return (resources.files("sql") / "roles.sql").read_text(encoding="utf-8")


async def migrate(conninfo: str) -> list[str]:
    """Bring the database up to date; returns the names of what was applied.

    Raises SchemaAhead when it is newer than we are, NoRights when the login cannot do it.
    """
    applied = []
    async with database.connect(conninfo) as conn:
        try:
            await conn.execute(roles())
        except psycopg.errors.InsufficientPrivilege as error:
            raise NoRights(str(error).strip()) from error
        await conn.execute("SELECT pg_advisory_lock(%s)", (LOCK,))  # it goes with the connection
        await _prepare(conn)
        known = migrations()
        done = await _numbers(conn)
        if done and max(done) > known[-1].number:
            raise SchemaAhead(f"It is at migration {max(done)}, this version knows {known[-1].number}.")
        for one in known:
            if one.number not in done:
                await _apply(conn, one)
                applied.append(one.name)
    return applied


async def pending(conninfo: str) -> list[str]:
    """The names of migrations the database lacks."""
    async with database.connect(conninfo) as conn:
        exists = await database.fetch_value(conn, "SELECT to_regclass('public.schema_migrations') IS NOT NULL", {})
        done = await _numbers(conn) if exists else set()
    return [one.name for one in migrations() if one.number not in done]


async def _prepare(conn: database.Connection) -> None:
    async with conn.transaction():
        await conn.execute("GRANT USAGE, CREATE ON SCHEMA public TO rosterhub_owner")
        await conn.execute(
            "GRANT USAGE ON SCHEMA public TO rosterhub_ingest, rosterhub_api, rosterhub_viewer, rosterhub_operator,"
            " rosterhub_admin"
        )
        await conn.execute("SET LOCAL ROLE rosterhub_owner")
        await conn.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations"
            " (number integer PRIMARY KEY, name text NOT NULL, digest text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )


async def _numbers(conn: database.Connection) -> set[int]:
    async with conn.transaction():
        # Whoever has a login of his own is no owner; before migration 10 nobody else may look.
        await conn.execute(
            "SELECT set_config('role', CASE WHEN has_table_privilege('rosterhub_viewer', 'schema_migrations', 'SELECT')"
            " THEN 'rosterhub_viewer' ELSE 'rosterhub_owner' END, true)"
        )
        cursor = await conn.execute("SELECT number FROM schema_migrations")
        return {row[0] for row in await cursor.fetchall()}


async def _apply(conn: database.Connection, one: Migration) -> None:
    async with conn.transaction():
        await conn.execute("SET LOCAL ROLE rosterhub_owner")
        await conn.execute(one.text)
        await conn.execute(
            "INSERT INTO schema_migrations (number, name, digest) VALUES (%s, %s, %s)",
            (one.number, one.name, one.digest),
        )
