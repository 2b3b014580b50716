"""A transaction that is broken off ends by what broke it off, wherever that met it, and leaves nothing."""

import asyncio
import select

import psycopg
import pytest

from sql import database
from sql.database import Connection, Pool


async def test_who_is_cancelled_as_a_copy_begins_is_cancelled_and_nothing_else(pool: Pool) -> None:
    begun, at_work = asyncio.Event(), list[Connection]()

    async def load() -> None:
        async with database.hub(pool, "ingest") as conn:
            await conn.execute("CREATE TEMP TABLE loaded (line text)")
            at_work.append(conn)
            asyncio.get_running_loop().call_soon(begun.set)
            async with conn.cursor() as cursor, cursor.copy("COPY loaded FROM STDIN") as copy:
                await copy.write(b"a line\n")

    loading = asyncio.create_task(load())
    await begun.wait()
    select.select([at_work[0].pgconn.socket], [], [], 30)  # "ready for the lines", which nobody has heard yet
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    async with database.hub(pool, "viewer") as conn:
        assert await database.fetch_value(conn, "SELECT count(*) FROM tenants", {}) == 0
        with pytest.raises(psycopg.errors.UndefinedTable):
            await conn.execute("SELECT FROM loaded")
