"""Floors: raw COPY of the very rows a tenant has stored, into tables of the same shape.

Floor A copies into tables whose keys and indexes are in place; floor B makes them after.
"""

import shutil
import time
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from oneroster import entities

TABLES = tuple(entity.table for entity in entities.ALL)


class Floors:
    """The rows of tenant 1 in files, ready to be copied."""

    def __init__(self, folder: Path, conninfo: str) -> None:
        self._conninfo = conninfo
        self._files = folder / "rows"
        shutil.rmtree(self._files, ignore_errors=True)
        self._files.mkdir()
        self.rows = 0
        with psycopg.connect(conninfo) as conn:
            conn.execute("SET LOCAL ROLE rosterhub_owner; SET LOCAL rosterhub.tenant = '1'")
            for table in TABLES:
                statement = SQL("COPY (SELECT * FROM {}) TO STDOUT").format(Identifier(f"{table}_t1"))
                with conn.cursor() as cursor, (self._files / table).open("wb") as out:
                    with cursor.copy(statement) as copy:
                        for block in copy:
                            out.write(block)
                    self.rows += cursor.rowcount

    def indexed(self) -> float:
        """Floor A: seconds of COPY into tables with the same keys and indexes."""
        return self._copied("INCLUDING ALL", after=False)

    def bare(self) -> float:
        """Floor B: seconds of COPY into tables without any, which are indexed then."""
        return self._copied("INCLUDING ALL EXCLUDING INDEXES", after=True)

    def _copied(self, shape: str, *, after: bool) -> float:
        with psycopg.connect(self._conninfo, autocommit=True) as conn:
            conn.execute("SET ROLE rosterhub_owner")
            for table in TABLES:
                conn.execute(
                    SQL("CREATE TABLE {} (LIKE {} {})").format(
                        Identifier(f"raw_{table}"), Identifier(f"{table}_t1"), SQL(shape)
                    )
                )
            started = time.monotonic()
            with conn.transaction():
                for table in TABLES:
                    self._copy(conn, table)
                    if after:
                        _index(conn, table)
            seconds = time.monotonic() - started
            for table in TABLES:
                conn.execute(SQL("DROP TABLE {}").format(Identifier(f"raw_{table}")))
        return seconds

    def _copy(self, conn: psycopg.Connection, table: str) -> None:
        with (
            conn.cursor() as cursor,
            (self._files / table).open("rb") as source,
            cursor.copy(SQL("COPY {} FROM STDIN").format(Identifier(f"raw_{table}"))) as copy,
        ):
            while block := source.read(1 << 18):
                copy.write(block)


def _index(conn: psycopg.Connection, table: str) -> None:
    """The indexes of the tenant's table, on its copy."""
    made = conn.execute(
        "SELECT indisunique, substring(pg_get_indexdef(indexrelid) FROM ' USING .*$') FROM pg_index"
        " WHERE indrelid = %s::regclass",
        (f"{table}_t1",),
    ).fetchall()
    for unique, columns in made:
        conn.execute(f"CREATE {'UNIQUE' if unique else ''} INDEX ON raw_{table} {columns}")
